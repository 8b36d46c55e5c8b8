#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# timeout: 900
#
# Each case of the kernel's own tests of the provider is a point here.

set -u
. "$PPDEVMEM_REPO/tests/observability/common.sh"

kunit=/sys/kernel/debug/kunit
failslab=/sys/kernel/debug/failslab/ignore-gfp-wait

# points SUITE: what the suite's last run said.
points() {
	local suite=$1 line name number=0 planned
	planned=$(sed -n 's/^    1\.\.\([0-9]*\)$/\1/p' "$kunit/$suite/results")
	while read -r line; do
		number=$((number + 1))
		name=$(sed -E 's/^(not )?ok [0-9]+ //; s/ # SKIP.*//' <<<"$line")
		case $line in
		*"# SKIP"*) skip "$suite: $name" "$(reason "$suite" "$name")" ;;
		ok*) ok "$suite: $name" ;;
		*) not_ok "$suite: $name" "$(grep -B 20 "$name" "$kunit/$suite/results")" ;;
		esac
	done < <(sed -n 's/^    \(\(not \)\?ok [0-9].*\)/\1/p' "$kunit/$suite/results")
	check "$suite: all ${planned:-(no plan)} cases ran" test "$number" = "${planned:-none}"
}

# reason SUITE CASE: why it was skipped. The kernel says so for its run at boot only.
reason() {
	sed -n "s/.* $2 # SKIP //p" "$dir/$1"
}

# Otherwise failslab spares GFP_KERNEL, and the test of running out of memory is skipped.
if [ -e "$failslab" ]; then
	check "allocations that may sleep can be made to fail" sh -c "echo N >$failslab"
fi

for suite in devmem_iov devmem_binding; do
	cat "$kunit/$suite/results" >"$dir/$suite"
	is "$(tail -n 1 "$dir/$suite")" "ok 1 $suite" "$suite passed at boot"
	check "$suite runs again" sh -c "echo 1 >$kunit/$suite/run"
	points "$suite"
done

if [ "$PPDEVMEM_FLAVOR" = debug ]; then
	check "running out of memory at each step of a bind was tested" \
		grep -q 'ok [0-9]* binding_no_memory_test$' "$kunit/devmem_binding/results"
fi
done_testing
