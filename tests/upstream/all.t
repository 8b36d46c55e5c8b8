#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# soak: host
# timeout: 3600
#
# The kernel's own driver tests of a NIC, unchanged, on devmemsim. What they find is a table in
# docs/devmemsim.md.

. "$PPDEVMEM_REPO/tests/upstream/common.sh"

upstream --docs -- devmem.py iou-zcrx.py csum.py ntuple.py rss_api.py rss_ctx.py toeplitz.py \
	gro_hw.py pp_alloc_fail.py nk_devmem.py userns_devmem.py ../hds.py
