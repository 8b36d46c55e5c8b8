#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
#
# What tests/run makes of tests: what it counts, what it shows of a failure, what it
# refuses, what it leaves out. On a repository of its own, with tests that need no guest.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

repo=$(mktemp -d)
on_exit 'rm -rf "$repo"'
mkdir -p "$repo/tests/unit"

# test_file NAME HEADER BODY: a test there.
test_file() {
	printf '#!/bin/bash\n%s\n. %s\n%s\n' "$2" "$PPDEVMEM_REPO/tests/lib/tap.sh" "$3" \
		>"$repo/tests/unit/$1.t"
	chmod +x "$repo/tests/unit/$1.t"
}

run() {
	env PPDEVMEM_REPO="$repo" PPDEVMEM_CACHE="$repo" python3 -B "$PPDEVMEM_REPO/tests/lib/harness.py" "$@"
}

test_file good "# host" 'ok one; skip two "no such thing"; done_testing'
check "a run without a failure succeeds" run
is "$(run | tail -n 1)" "1 passed, 0 failed, 1 skipped" "its last line has the sums"
like "$(run)" "skipped: two: no such thing" "what was skipped is named, and why"

test_file bad "# host" 'ok three; is 4 5 four; done_testing'
test_file planless "# host" 'ok five; exit'
test_file liar "# host" 'ok six; printf "1..1\n"; exit 7'
test_file hangs $'# host\n# timeout: 1' 'ok seven; sleep 1000'
fails "a run with a failure fails" 1 "5 passed, 4 failed, 1 skipped$" run
said=$(run)
like "$said" "failed: host unit/bad.t: four" "what failed is named"
like "${said##*failed: }" "host unit/bad.t said last:.*not ok 2 - four.*got '4', wanted '5'" \
	"why it did comes last, for who reads no more"
is "$(grep -c "ok 1 - three" <<<"$said")" 0 "what passed beside it does not explain it"
like "$said" "planless.t: ended with status 0 before it printed its plan" "no plan is a failure"
like "$said" "liar.t: ended with status 7 although no point failed" "so is a status"
like "$said" "hangs.t: no end after 1 s" "and no end"
is "$(run good | tail -n 1)" "1 passed, 0 failed, 1 skipped" "a pattern chooses"
fails "one that means nothing is an error" 1 "no test matches 'goof'" run goof
rm "$repo"/tests/unit/{bad,planless,liar,hangs}.t

like "$(run)" "the slowest:.* s  host unit/good.t"$'\n'"all of it took [0-9]+ s" \
	"the summary has how long it took, and what took longest"
is "$(jq '.["host unit/good.t"] < 60' "$repo/test-seconds.json")" true "each test's time is kept"
test_file later "# host" 'ok twelve; done_testing'
test_file early $'# host\n# timeout: 500' 'ok thirteen; done_testing'
in_order() {
	run -j 1 "$@" | sed -n 's|^ok  *host unit/\([a-z]*\).t .*|\1|p' | paste -sd ' '
}
is "$(in_order early later)" "early later" "what never ran and may take longest begins"
jq '.["host unit/later.t"] = 600' "$repo/test-seconds.json" >"$repo/new"
mv "$repo/new" "$repo/test-seconds.json"
is "$(in_order early later)" "later early" "or else what took longest"
rm "$repo"/tests/unit/{early,later}.t

test_file stubborn $'# host\n# timeout: 1' "trap '' TERM; ok eleven
	setsid sh -c 'echo \$\$ >$repo/stray; exec sleep 1000' & sleep 1000"
# shellcheck disable=SC2016 # expands when the test ends
on_exit 'kill "$(cat "$repo/stray")"'
like "$(run stubborn)" "stubborn.t: no end after 1 s" "not even one that will not end keeps the rest"
rm "$repo/tests/unit/stubborn.t"

test_file long $'# kernels: ppdevmem debug\n# soak: debug' 'ok eight; done_testing'
test_file slow $'# host\n# slow: host' 'ok nine; done_testing'
everywhere="--kernel debug --kernel host"
# shellcheck disable=SC2086
{
	is "$(run $everywhere | tail -n 1)" "1 passed, 0 failed, 3 skipped" "what is slow is left out"
	like "$(run $everywhere)" "host unit/slow.t: slow here.*make test-all" "by name"
	like "$(run $everywhere)" "debug unit/long.t: takes long.*make soak" "as is what takes long"
	is "$(run --all $everywhere | tail -n 1)" "2 passed, 0 failed, 2 skipped" \
		"--all runs what is slow, not what takes long"
}
is "$(run slow | tail -n 1)" "1 passed, 0 failed, 0 skipped" "who names a slow test gets it"
is "$(run --soak --list)" "debug unit/long.t" "--soak runs what takes long, and nothing else"
is "$(run --all --list long)" $'ppdevmem unit/long.t\ndebug unit/long.t' \
	"--list says where a test runs"
is "$(run --list long)" "ppdevmem unit/long.t" "who wants no other kernel built need not name any"
test_file twin $'# kernels: mainline\n' 'ok ten; done_testing'
rm "$repo/tests/unit/long.t"
like "$(run)" "skip     mainline: .*1 test files; .*make test-all" "and what that leaves out is named"
fails "who names a test that needs another is told" 1 "no test applies; see '--kernel'" run twin
is "$(run --kernel mainline --list)" "mainline unit/twin.t" "who names a kernel gets it"

# refused HEADER WHY: so is a test with such a header.
refused() {
	test_file wrong "$1" done_testing
	fails "'${1//$'\n'/, }' is refused" 1 "$2" run --list
}
refused "# kernel: debug" "needs one of the header lines"
refused $'# host\n# kernels: debug' "needs one of the header lines"
refused "# kernels: debgu" "names an unknown one: debgu"
refused $'# kernels: mainline\n# soak: debug' "does not run where '# soak:' says: debug"
refused $'# host\n# slow: debug' "does not run where '# slow:' says: debug"
test_file wrong "# host" done_testing
chmod -x "$repo/tests/unit/wrong.t"
fails "so is a test that cannot be executed" 1 "wrong.t: is not executable" run --list

done_testing
