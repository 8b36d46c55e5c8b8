#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# soak: host
# timeout: 3600
#
# The tools, built for arm64, on Debian's kernel with pages of 16 KiB, which is emulated.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

cd "$PPDEVMEM_REPO" || exit
check "the tools are built for arm64" scripts/arm64 tools
status=0
lines=$(scripts/vm --kernel stock-arm64 --timeout 1800 -- tests/arm64/guest) || status=$?
while read -r line; do
	case $line in
	ok*) ok "${line#* - }" ;;
	"not ok"*) not_ok "${line#* - }" ;;
	esac
done <<<"$lines"
like "$lines" "1\.\.[1-9]" "all was run"
is "$status" 0 "the run succeeded"
done_testing
