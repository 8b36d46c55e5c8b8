#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# soak: host
# timeout: 900
#
# What finds mistakes of the kernel on debug is alive, and when it is not that fails the test
# that killed it. A guest in which that happened, or that complained, is not used again.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

tmp=$(mktemp -d)
on_exit 'rm -rf "$tmp"'

vm() {
	"$PPDEVMEM_REPO/scripts/vm" --kernel debug "$@" 2>"$tmp/err"
}

# KASAN cannot be asked, so it is made to report.
vm -- sh -c 'echo READ_AFTER_FREE >/sys/kernel/debug/provoke-crash/DIRECT'
is $? 99 "KASAN sees a use after free"
like "$(cat "$tmp/err")" "BUG: KASAN: slab-use-after-free in lkdtm" "and says so"
vm -- sh -c 'echo off >/sys/kernel/debug/kmemleak'
is $? 99 "a kmemleak that cannot scan is no success"
like "$(cat "$tmp/err")" "BUG: kmemleak is off" "and is told"

# In a clone of our own, since these tests fail. The slowest first, as what never ran.
repo=$tmp/clone
mkdir -p "$repo/tests/unit" "$repo/build/out"
cp -r "$PPDEVMEM_REPO"/{scripts,kernel} "$repo/"
cp -r "$PPDEVMEM_REPO"/tests/{run,lib} "$repo/tests/"

# test_file NAME SECONDS BODY: it leaves behind in which boot it ran.
test_file() {
	cat >"$repo/tests/unit/$1.t" <<-END
		#!/bin/sh
		# kernels: debug
		# timeout: $2
		cat /proc/sys/kernel/random/boot_id >$repo/build/out/$1.boot
		$3
		echo "ok 1 - $1"
		echo "1..1"
	END
	chmod +x "$repo/tests/unit/$1.t"
}
test_file warns 500 'echo WARNING >/sys/kernel/debug/provoke-crash/DIRECT'
test_file blinds 400 'echo off >/sys/kernel/debug/kmemleak'
test_file good 300
test_file better 200
"$repo/tests/run" --kernel debug --jobs 1 >"$tmp/out" 2>"$tmp/err"
is "$? $(tail -n 1 "$tmp/out")" "1 4 passed, 2 failed, 0 skipped" "two of four tests harm the kernel"
like "$(cat "$tmp/out")" "failed: debug unit/warns.t: the kernel complained: .*cut here" \
	"one by a WARNING"
like "$(cat "$tmp/out")" "failed: debug unit/blinds.t: kmemleak no longer looks for mistakes" \
	"one by switching kmemleak off"
boots() {
	cat "$repo"/build/out/*.boot | sort -u | wc -l
}
is "$(boots)" 3 "each of these was the last in its guest"
check "a guest in which nothing happened runs the next one" \
	cmp "$repo/build/out/good.boot" "$repo/build/out/better.boot"
done_testing
