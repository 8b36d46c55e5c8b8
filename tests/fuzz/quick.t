#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem
# timeout: 300
#
# A little fuzzing, by a new seed each time.

set -u
. "$PPDEVMEM_REPO/tests/fuzz/common.sh"
fuzz "some seconds" --seconds 20
happened accept recv give guess send connect bind mend
done_testing
