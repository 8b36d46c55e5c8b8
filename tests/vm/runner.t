#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 1800
#
# The contract of scripts/vm: exit status, streams, timeout, splats, dumps.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
cd "$PPDEVMEM_REPO" || exit

tmp=$(mktemp -d)
on_exit 'rm -rf "$tmp"'

vm() {
	scripts/vm --timeout 300 "$@" 2>"$tmp/err"
}

# Usage
fails "no command is wrong usage" 2 "no command" scripts/vm
fails "an unknown option is wrong usage" 2 "unknown option '--fast'" scripts/vm --fast -- true
fails "an unknown kernel is wrong usage" 2 "no such kernel: 'linux'" \
	scripts/vm --kernel linux -- true
fails "a timeout must be a number" 2 "--timeout wants a number above zero, not 'soon'" \
	scripts/vm --timeout soon -- true

# Status and streams
for byte in {0..255}; do
	printf '%b' "\\x$(printf %x "$byte")"
done >"$tmp/bytes"
for _ in {1..4000}; do
	cat "$tmp/bytes"
done >"$tmp/want"
mkdir -p build/out
cp "$tmp/want" build/out/runner.want
on_exit 'rm -f build/out/runner.*'
# shellcheck disable=SC2016 # the guest expands these
vm --cpus 3 --mem 1024 -- sh -c 'cat build/out/runner.want; cp /proc/version build/out/runner.out
	printf "%s|" "$@" >&2; nproc >&2; grep MemTotal /proc/meminfo >&2; touch /usr/written
	exit 7' sh "two words" '$HOME;"quoted"' '' >"$tmp/out"
is $? 7 "the status is the command's"
check "a megabyte of every byte comes through stdout unchanged" cmp "$tmp/want" "$tmp/out"
like "$(cat "$tmp/err")" 'two words\|\$HOME;"quoted"\|\|' \
	"arguments arrive as they are, and stderr is apart"
like "$(cat "$tmp/err")" '\|3' "--cpus is obeyed"
like "$(cat "$tmp/err")" "MemTotal: +(9[0-9]|10[0-4])[0-9]{4} kB" "--mem is obeyed"
like "$(cat build/out/runner.out)" "^Linux version" "build/out is shared"
check "what is written elsewhere is forgotten" test ! -e /usr/written
console=$(sed -n 's/^vm: console log: //p' "$tmp/err")
check "the console log is named on failure" grep -q "ppdevmem: end of run" "$console"

vm --stdin -- cat <"$tmp/want" >"$tmp/out"
check "with --stdin it comes in unchanged, too, up to its end" cmp "$tmp/want" "$tmp/out"
echo unread | vm -- cat >"$tmp/out"
is "$(cat "$tmp/out")" "" "without, the command has none"

vm -- sh -c 'sleep 1000 & echo started; exec >&- 2>&-; exit 0' >"$tmp/out"
is "$?" 0 "a process left behind does not keep the guest"
is "$(cat "$tmp/out")" "started" "and what was printed before arrives"

# Ends that are not the command's
scripts/vm --timeout 30 -- sleep 1000 2>"$tmp/err"
is $? 124 "a hang ends at the timeout with 124"
like "$(cat "$tmp/err")" "no end after 30 s" "and says so"
vm -- sh -c 'echo o >/proc/sysrq-trigger; sleep 1000'
is $? 125 "a guest that ends before the command does is 125"
like "$(cat "$tmp/err")" "ended before the command" "and says so"
is "$(grep -c "tried again" "$tmp/err")" 0 "and is not tried again, since the command ran"

# Splats
vm -- sh -c 'echo WARNING >/sys/kernel/debug/provoke-crash/DIRECT; exit 0'
is $? 99 "a WARNING is 99 although the command succeeded"
like "$(cat "$tmp/err")" "WARNING: .*lkdtm" "the splat is printed"
vm --mem 512 --vmcore "$tmp/panic.core" -- sh -c 'echo c >/proc/sysrq-trigger'
is $? 99 "a panic is 99"
like "$(cat "$tmp/err")" "sysrq_handle_crash" "the oops is printed"

# Dumps. The kernel's debug information is beside it.
vmlinux=$(scripts/kernel ppdevmem)/vmlinux
in_dump() {
	drgn -q -c "$1" -s "$vmlinux" -e "$2"
}
# shellcheck disable=SC2016
is "$(in_dump "$tmp/panic.core" 'print(prog["oops_in_progress"].value_() >= 0)')" "True" \
	"a panic leaves a dump that drgn opens"
vm --mem 512 --vmcore "$tmp/core" -- sh -c 'sleep 4242 &
	until grep -q sleep /proc/$!/comm; do :; done
	exit 3'
is $? 3 "with a dump the status is still the command's"
like "$(in_dump "$tmp/core" '
from drgn.helpers.linux.pid import for_each_task
for task in for_each_task(prog):
    print(task.comm.string_().decode())')" "sleep" "the dump is of the moment the command ended"

# Instructions
gcc -O1 -o build/out/runner.count tests/vm/count.c
for run in 1 2; do
	vm --icount --cpus 4 -- sh -c 'build/out/runner.count; nproc >&2' >"$tmp/count.$run"
done
is "$(head -n 1 "$tmp/err")" 1 "--icount runs on one processor"
one=$(cat "$tmp/count.1")
two=$(cat "$tmp/count.2")
diag "instructions for the same work: $one and $two"
if [ "$one" -gt 1000000 ] && ((one - two < one / 1000 && two - one < one / 1000)); then
	ok "--icount gives the same cost twice, within 0.1 %"
else
	not_ok "--icount gives the same cost twice, within 0.1 %" "$one and $two"
fi
# Nothing stays behind
scripts/vm --timeout 300 -- sh -c 'echo up; sleep 1000' >"$tmp/out" 2>/dev/null &
runner=$!
disown
wait_for 300 grep -q up "$tmp/out"
children() {
	pgrep -P "$runner"
}
helpers=$(children)
check "QEMU and two file servers run for a guest" test "$(wc -w <<<"$helpers")" = 3
vm -- echo two >"$tmp/two"
is "$? $(cat "$tmp/two")" "0 two" "another guest runs beside it"
kill -9 "$runner"
gone() {
	local pid
	for pid in $helpers; do
		[ ! -e "/proc/$pid" ] || grep -q '^State:.*zombie' "/proc/$pid/status" || return 1
	done
}
check "they end with the runner, even killed by -9" wait_for 30 gone

done_testing
