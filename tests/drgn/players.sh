# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For live tests of drgn that play a scene: processes that end with the test, and what
# they say, in $scene, which whoever sources this has set.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/lib/net.sh"

# shellcheck disable=SC2154 # scene
mkdir -p "$scene"
pids=()
ending() {
	kill -KILL "${pids[@]}" 2>/dev/null
	wait "${pids[@]}" 2>/dev/null
	net_teardown
}
on_exit ending

# start_in NAMESPACE LOG COMMAND...
start_in() {
	nsenter --net="/run/netns/$1" "${@:3}" >"$scene/$2" 2>&1 &
	pids+=($!)
}
