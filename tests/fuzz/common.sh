# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For the tests that fuzz: devfuzz with its output as diagnostics, and the list
# of seeds that once found something.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

export PYTHONPATH=$PPDEVMEM_REPO/scripts/lib:$PPDEVMEM_REPO/tests/lib
dir=$(mktemp -d)
on_exit 'rm -rf "$dir"'

modprobe devmemsim
# An oops in a system call ends the thread, and devfuzz can tell what it did. By
# default little of what is written to /dev/kmsg is let through.
sysctl -q kernel.panic_on_oops=0 kernel.printk_devkmsg=on

# fuzz DESCRIPTION OPTION...: nothing is found.
fuzz() {
	local description=$1 status=0
	shift
	"$PPDEVMEM_REPO/tests/fuzz/watch.py" devfuzz "$@" >"$dir/out" 2>&1 || status=$?
	is "$status" 0 "$description: devfuzz finds nothing"
	is "$(cat /sys/kernel/tracing/events/devmem/enable)" 0 "$description: nothing is traced afterwards"
	diag "$(cat "$dir/out")"
}

# happened KIND...: operations of these kinds did not only fail.
happened() {
	local kind
	for kind; do
		check "'$kind' was done" awk -v kind="$kind" '
			$1 == kind && $2 > 0 { found = 1 }
			END { exit !found }' "$dir/out"
	done
}

# replay_seeds: nothing is found by what once found something.
replay_seeds() {
	local seed options what
	while IFS='#' read -r options what; do
		[ -n "$options" ] || continue
		read -r seed options <<<"$options"
		# shellcheck disable=SC2086 # options
		fuzz "seed $seed,$what" --seed "$seed" $options
	done <"$PPDEVMEM_REPO/tests/fuzz/seeds"
}

# arm_faults: any allocation may fail, but not those of the DMA API's debugging, which
# switches itself off then. Quietly. Fails if the kernel cannot do that.
arm_faults() {
	local cause attr start end
	read -r start end < <(awk '
		$3 ~ /^(debug_dma_[a-z_]*|add_dma_entry|check_unmap)$/ && tolower($2) == "t" {
			if (!start || $1 "" < start)
				start = $1
			if ($1 "" > end)
				end = $1
		}
		END { print start, end }' /proc/kallsyms)
	for cause in failslab fail_page_alloc; do
		attr=/sys/kernel/debug/$cause
		echo N >"$attr/ignore-gfp-wait"
		echo 0 >"$attr/verbose"
		echo "0x$start" >"$attr/reject-start"
		# Beyond the start of the last function
		printf '0x%x\n' $((0x$end + 1024)) >"$attr/reject-end" || return
	done
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
}

# fuzz_faults DESCRIPTION OPTION...: as fuzz, and allocations fail.
fuzz_faults() {
	check "$1: allocations can be made to fail" arm_faults
	fuzz "$@" --faults
	is "$(cat /sys/kernel/debug/dma-api/disabled)" N "$1: the DMA API's debugging is alive"
}
