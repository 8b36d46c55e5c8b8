#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest ppdevmem
# soak: mainline
# timeout: 600
#
# Each script prints what its header shows, where the header says so.

exec python3 -B "$PPDEVMEM_REPO/tests/bpftrace/samples.py" "$PPDEVMEM_REPO"/tools/bpftrace/*.bt
