#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: debug
# soak: debug
# timeout: 1800
#
# Each allocation that a bind or an unbind makes fails once. A bind answers with
# an errno; neither leaves anything behind, nor makes the kernel complain. The
# runner looks for leaks (kmemleak) at the end.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4

# Which allocations may fail: all, also those that may sleep. Quietly.
for cause in failslab fail_page_alloc; do
	attr=/sys/kernel/debug/$cause
	echo N >"$attr/ignore-gfp-wait"
	echo 0 >"$attr/verbose"
done
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem

# Small rings, so that an attempt is short.
in_rx ethtool -G dms0 rx 32

scored() { # SCORE: the first two numbers of what failnth printed
	sed -n 's/^\([0-9]*\) attempts with a fault, \([0-9]*\) refused:.*/\1 \2/p' "$1"
}

for what in bind unbind; do
	in_rx failnth "$what" dms0 1 2 >"$dir/score" 2>"$dir/err"
	is $? 0 "$what: every allocation failed in its turn" || cat "$dir/err" >&2
	diag "$what: $(cat "$dir/score")"
	read -r faults refused < <(scored "$dir/score")
	check "$what: there were allocations to fail ($faults)" test "$faults" -ge 10
	if [ "$what" = bind ]; then
		# The rest are of rings, which may have fewer buffers, and of the kernel's debugging
		check "bind: some make it fail ($refused)" test "$refused" -ge 10
		like "$(cat "$dir/score")" "refused:( [0-9]+ (ENOMEM|ENOBUFS|EMSGSIZE))+\$" \
			"bind: and the errno says what it is"
	fi
	# At once: to set the device down and up would bring back what is left in its
	# queues. An unbind that could not restart one left it on the old memory, but
	# the last attempt had no fault, and bound the queue anew.
	all_returned "$what"
	transfer "after $what" 200000 10.0.0.1
done
done_testing
