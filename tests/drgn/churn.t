#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-latest
# slow: ppdevmem
# soak: stock-latest
# timeout: 1500
#
# drgn beside readers that are busy, on one binding: one that gives each token back after
# 50 ms, whose numbers and iovs are used again at once, and one that keeps 50. Only the
# second is a leak, whenever one looks.

scene=/tmp/churn
. "$PPDEVMEM_REPO/tests/drgn/players.sh"

churn_up() {
	net_pair 4 && steer 5201 1 && steer 5202 1 || return
	start_in rx binder devmemcat --bind-only -i dms0 -q 1 -S 4M
	wait_line "$scene/binder" "bound binding" || return
	start_in rx healthy python3 -B "$PPDEVMEM_REPO/tests/drgn/healthy.py" 5201
	start_in rx leaker python3 -B "$PPDEVMEM_REPO/tests/tools/reader.py" --hold 50 5202
	wait_line "$scene/healthy" listening && wait_line "$scene/leaker" listening || return
	start_in tx send-1 devmemcat 10.0.0.1 5201
	start_in tx send-2 devmemcat 10.0.0.1 5202
	wait_line "$scene/leaker" "held 50" && wait_line "$scene/healthy" "back [1-9]"
}

# Not by check, which would keep the processes to itself
if ! churn_up; then
	not_ok "two readers are busy" "$(tail -n 3 "$scene"/*)"
	done_testing
fi
ok "two readers are busy"
while read -r word text; do
	case $word in
	ok) ok "$text" ;;
	not) not_ok "$text" ;;
	*) diag "$word $text" ;;
	esac
done < <(python3 -B "$PPDEVMEM_REPO/tests/drgn/churn_checks.py" 2>&1 || echo "not it ended early")
done_testing
