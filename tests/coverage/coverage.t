#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# soak: host
# timeout: 21600
#
# The tests reach each line of the provider and of devmemsim, but for those that
# tests/coverage/unreachable explains.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

"$PPDEVMEM_REPO/tests/coverage/run" >&2
is $? 0 "no line is missed without a reason"
done_testing
