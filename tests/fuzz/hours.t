#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# soak: ppdevmem debug
# timeout: 7200
#
# Five seeds, 200,000 operations each.

set -u
. "$PPDEVMEM_REPO/tests/fuzz/common.sh"
for i in 1 2 3 4 5; do
	fuzz "seed $i of 5" --ops 200000
done
[ "$PPDEVMEM_FLAVOR" != debug ] || fuzz_faults "allocations fail" --ops 100000
done_testing
