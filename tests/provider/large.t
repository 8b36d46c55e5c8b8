#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 900
#
# A GPU has more than 128 GiB, whose iovs alone are more than 2 GiB. The buffer is
# made of addresses only, so a guest of 4 GiB can bind it.

set -u
. "$PPDEVMEM_REPO/tests/lib/tap.sh"
cd "$PPDEVMEM_REPO" || exit

check "the module that makes such a buffer is built" scripts/module ppdevmem tests/bench/module
scripts/vm --mem 4096 --timeout 600 -- tests/provider/large_scene.sh | sed 's/^/# /'
is "${PIPESTATUS[0]}" 0 "140 GiB are bound, seen and let go"
done_testing
