#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem
#
# Device memory that outlives its test is seen, and waited for.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/lib/net.sh"
on_exit net_teardown

tmp=$(mktemp -d)
on_exit 'rm -rf "$tmp"'

# left SECONDS: how many dma-bufs are left after so long, at most.
left() {
	PYTHONPATH=$PPDEVMEM_REPO/tests/lib python3 -B -c \
		'import sys, leftovers; print(leftovers.wait(float(sys.argv[1])))' "$1"
}

is "$(left 0)" 0 "nothing is left at first"
net_pair 4
in_rx devmemcat --bind-only -i dms0 -q 1 -S 1M >"$tmp/out" 2>&1 &
check "a binding is made" wait_line "$tmp/out" "bound binding"
is "$(left 0)" 1 "its dma-buf is seen"
pkill devmemcat
is "$(left 120)" 0 "and waited for"
done_testing
