#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 900
#
# The kernel's own driver test for device memory, unchanged, on devmemsim: received and sent,
# header split at every length, buffers of 16 KiB.

. "$PPDEVMEM_REPO/tests/upstream/common.sh"

upstream -- devmem.py "$PPDEVMEM_REPO/tests/upstream/sim.py"
