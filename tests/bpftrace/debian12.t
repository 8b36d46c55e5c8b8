#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# unproven: host
# timeout: 5400
#
# What is said to work with Debian 12's bpftrace 0.17 does, on one kernel of ours and
# one of Debian's.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

here=$PPDEVMEM_REPO/tests/bpftrace
root=$("$here/debian12-root") || {
	not_ok "Debian 12's bpftrace can be had"
	done_testing
}

for kernel in ppdevmem stock-6.12; do
	status=0
	lines=$("$PPDEVMEM_REPO/scripts/vm" --kernel "$kernel" --timeout 2400 -- \
		python3 -B "$here/samples.py" --root "$root" "$PPDEVMEM_REPO"/docs/one-liners.md \
		"$PPDEVMEM_REPO"/docs/bpftrace-compared.md "$PPDEVMEM_REPO"/tools/bpftrace/*.bt) ||
		status=$?
	while read -r line; do
		case $line in
		ok*) ok "$kernel: ${line#* - }" ;;
		"not ok"*) not_ok "$kernel: ${line#* - }" ;;
		esac
	done <<<"$lines"
	like "$lines" "1\.\.[1-9]" "$kernel: all was run"
	is "$status" 0 "$kernel: the run succeeded"
done
done_testing
