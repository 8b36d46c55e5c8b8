#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: debug
# soak: debug
# timeout: 900
#
# Each allocation of each path that has to do with device memory fails in its turn,
# and in the short paths each two of them. What is refused leaves nothing behind, what
# is not works, and that is seen before anything is set down, up or bound again. The
# runner looks for leaks (kmemleak) at the end. pairs.t has each two of the long paths.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4
# Small rings, so that an attempt is short.
in_rx ethtool -G dms0 rx 32

# fail_each WHAT OPTION... -- NAME...: each of the paths comes to its end, and what it
# says of refusals are errnos for lack of memory.
fail_each() {
	local what=$1 name said
	local options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1") && shift
	done
	shift
	in_rx failalloc "${options[@]}" dms0 1 10.0.0.1 "$port" "$@" >"$dir/said" 2>"$dir/err"
	is $? 0 "$what: nothing is left or missing afterwards" || cat "$dir/err" >&2
	for name; do
		said=$(grep "^$name: " "$dir/said")
		diag "$what: $said"
		like "$said" "^$name: [1-9][0-9]* attempts.*refused:( [0-9]+ (ENOMEM|ENOBUFS|EMSGSIZE))*\$" \
			"$name, $what: there was some, and the errno says what it is"
	done
}

fail_each "a fault" -- bind unbind open rings channels mtu receive
# It tries again when the first fails, so it takes two.
fail_each "two faults" --pairs -- recvmsg recvmsg-close dontneed
check "control messages that cannot be written to the user leave no token" \
	in_rx failalloc dms0 1 10.0.0.1 "$port" cmsg
transfer "after all that" 200000 10.0.0.1
all_returned "after all that"
done_testing
