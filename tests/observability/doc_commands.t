#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem debug
# soak: debug
# timeout: 2400
#
# The commands that the documentation gives for a prompt, run as they stand there
# while there is something to see, print what it says they print.

set -u
. "$PPDEVMEM_REPO/tests/observability/common.sh"

newline=$'\n'

# start NAME REGEX: run the command with a line like REGEX; sets $command.
start() {
	doc_block "$2" >"$dir/$1.sh"
	doc_output "$2" >"$dir/$1.example"
	timeout -s INT -k 60 $((3 * patience)) sh "$dir/$1.sh" >"$dir/$1.out" 2>"$dir/$1.complaints" &
	command=$!
}

# attached NAME NUMBER: with it so many programs look, from now on. bpftrace says
# that it attaches before it does.
attached() {
	wait_line "$dir/$1.out" "^Attaching [0-9]+ probe" $patience
	wait_for $patience attached_are "$2"
}

attached_are() {
	[ $(($(bpftool -j perf show | jq length) + $(bpftool -j link show | jq length))) = "$1" ]
}

# A line of the example as a pattern: numbers may be others.
pattern() {
	sed -E -e 's/[][().*+?]/\\&/g' -e 's/0x[0-9a-f]+/HEX/g' -e 's/[0-9]+/[0-9]+/g' \
		-e 's/HEX/0x[0-9a-f]+/g'
}

# like_example NAME WHAT: for each line of the example there is one of its kind.
like_example() {
	local line
	check "$1: the documentation has an example" test -s "$dir/$1.example"
	while read -r line; do
		like "$(cat "$dir/$1.out" "$dir/$1.complaints")" \
			"(^|$newline)$(pattern <<<"$line")($newline|$)" "$1: $2"
	done <"$dir/$1.example"
}

# printed NAME REGEX
printed() {
	grep -Eq "$2" "$dir/$1.out"
}

bed

# From the first iov on
start watch 'tracepoint:devmem:devmem_iov_alloc'
watch=$command
attached watch 2
receive held 5201 -q 1 -S 4M --hold 40
id=$(binding_id held)

start frag 'fentry:tcp_rcv_established'
frag=$command
attached frag 3
send -n 512K 10.0.0.1 5201
wait_line "$dir/held.err" "tokens are held" $patience
ended "$frag"
is $? 0 "frag: the command ends by itself"
like_example frag "a packet's frag is decoded"
check "frag: to the binding that it lies in" printed frag ": binding $id, dma 0x[1-9a-f]"

start list 'iter:devmem_binding \{'
ended "$command"
like_example list "bindings are listed"
read -r total free user < <(counters held total free user)
check "list: with their counters" \
	printed list "^binding $id: $total iovs, $free free, $user with readers$"

start holders 'iter:task_file'
ended "$command"
like_example holders "who holds tokens is found"
check "holders: it is the reader" printed holders "^devmemcat, pid $receiver, holds"
is "$(grep -c 'holds tokens' "$dir/holders.out")" 1 "holders: and nobody else"

start exhausted 'tracepoint:devmem:devmem_exhausted'
exhausted=$command
attached exhausted 3
reader=$receiver
receive greedy 5202 -q 2 -S 1M --hold 1000000
send -n 4M 10.0.0.1 5202
wait_for $patience printed exhausted "with readers"
kill -INT "$exhausted"
ended "$exhausted"
like_example exhausted "running out of iovs is seen"
check "exhausted: of the right binding" printed exhausted \
	"^binding $(binding_id greedy), queue 2: 0 of 256 iovs free"
kill "$sender"
finish "$receiver"

taken=$(counters held allocs)
finish "$reader"
wait_for $patience no_bindings
kill -INT "$watch"
ended "$watch"
like_example watch "allocations are counted"
check "watch: exactly" printed watch "^@taken\[$id, 1\]: $taken$"
check "watch: and what came back" printed watch "^@returned\[$id, 1\]: $taken$"
done_testing
