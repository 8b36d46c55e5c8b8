#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest ppdevmem
# soak: mainline
# timeout: 900
#
# Each command of the pages prints what the pages show, where they say so.

exec python3 -B "$PPDEVMEM_REPO/tests/bpftrace/samples.py" \
	"$PPDEVMEM_REPO/docs/one-liners.md" "$PPDEVMEM_REPO/docs/bpftrace-compared.md"
