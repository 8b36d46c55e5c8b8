#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem
# slow: ppdevmem
# timeout: 600
#
# A minute of fuzzing, and every seed that once found something.

set -u
. "$PPDEVMEM_REPO/tests/fuzz/common.sh"
replay_seeds
fuzz "a minute" --seconds 60
done_testing
