#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 1800
#
# What is said to work with Debian 12's bpftrace 0.17 does: on our kernel, and what is
# not for it on Debian's.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

here=$PPDEVMEM_REPO/tests/bpftrace
root=$("$here/debian12-root") || {
	not_ok "Debian 12's bpftrace can be had"
	done_testing
}

# on KERNEL [OPTION...]: run there what is claimed for it.
on() {
	local kernel=$1 status=0 lines
	shift
	lines=$("$PPDEVMEM_REPO/scripts/vm" --kernel "$kernel" --timeout 900 -- \
		python3 -B "$here/samples.py" --root "$root" "$@" "$PPDEVMEM_REPO"/docs/one-liners.md \
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
}

on stock-6.12 --unless ppdevmem
on ppdevmem
done_testing
