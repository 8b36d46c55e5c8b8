#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: debug
# soak: debug
# timeout: 7200
#
# As faults.t, but each two allocations of the long paths fail: the second is often
# one that the first one's error path makes.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4
in_rx ethtool -G dms0 rx 32

for name in bind unbind open rings channels mtu receive; do
	in_rx failalloc --pairs dms0 1 10.0.0.1 "$port" "$name" >"$dir/$name" 2>"$dir/err"
	is $? 0 "$name: nothing is left or missing after each two faults" || cat "$dir/err" >&2
	like "$(cat "$dir/$name")" "^$name: [1-9][0-9]* attempts" "$name: there were some"
	diag "$(cat "$dir/$name")"
done
transfer "after all that" 200000 10.0.0.1
all_returned "after all that"
done_testing
