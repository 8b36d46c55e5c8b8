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
	env PPDEVMEM_REPO="$repo" python3 -B "$PPDEVMEM_REPO/tests/lib/harness.py" "$@"
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
is "$(run --list long)" $'ppdevmem unit/long.t\ndebug unit/long.t' "--list says where a test runs"

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
