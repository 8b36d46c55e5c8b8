#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest
# soak: mainline
# timeout: 600
#
# devmemtop shows what devmemls lists, and rates.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

docs="$tmp/docs.json"

# top [OPTION...]: one document, in $tmp/top.
top() {
	devmemtop -B -j "$@" 1 1 | tee -a "$docs" >"$tmp/top"
}

# known FILTER: "yes" if the document has something there, "unknown" if null.
known() {
	jq -r "if $1 == null then \"unknown\" else \"yes\" end" "$tmp/top"
}

net_pair 4
for port in 5201 5202 5203 5204; do
	steer "$port" 1
done
bind
for n in 1 2; do
	reader "reader$n" --hold $((3 * n)) 520$n
	send 520$n 100000
	wait_line "$tmp/reader$n" " got "
done

devmemls -j >"$tmp/ls"
top
jq_is "$tmp/top" "[.view, (.rows | length)]" '["binding",1]' "one binding"
is "$(jq -c '.rows[0] | {binding, ifname, iovs, free, user, state}' "$tmp/top")" \
	"$(jq -c '.bindings[0] | {binding: .id, ifname, iovs: .iovs.total, free: .iovs.free, user: .iovs.user, state: "ok"}' "$tmp/ls")" \
	"as devmemls has it"
jq_is "$tmp/top" ".rows[0] | [.alloc_per_second, .get_per_second]" "[null,null]" "no rates at first"
tells devmemtop "how full each binding is" "$(known '.rows[0].user')"
top -w socket
jq_is "$tmp/top" "[.rows[] | [.tokens, .local]]" '[[6,"10.0.0.1:5202"],[3,"10.0.0.1:5201"]]' \
	"sockets, the largest first"
jq_is "$tmp/top" ".rows[0].oldest_seconds | . == null or . > 0" true "and their age, if known"
tells devmemtop "how long holders hold it" "$(known '.rows[0].oldest_seconds')"
top -w process -s pid
is "$(jq -c '[.rows[] | [.pid, .comm, .sockets, .tokens]]' "$tmp/top")" \
	"$(for n in 1 2; do
		echo "[$(words reader$n fd 1),\"reader.py\",1,$((3 * n))]"
	done | sort -t, -k1.2rn | jq -sc .)" "processes, by pid"
top -w process -p "$(words reader1 fd 1)"
jq_is "$tmp/top" "[.rows[].tokens]" "[3]" "-p"
top -b 4000000000
jq_is "$tmp/top" ".rows" "[]" "-b"

# Rates: what goes on between two times. Their sum is what went on in all.
start_json rates devmemtop -B -j 1
top_pid=$started
wait_line "$tmp/rates.json" view
programs=$(($(bpfprogs) - before))
start_json sockets devmemtop -B -j -w socket 1
sockets_pid=$started
wait_line "$tmp/sockets.json" view
by_socket=$(($(bpfprogs) - before - programs))
start_json each env DEVMEM_HIDE=reads__fexit,reads__fentry devmemtop -B -j -w socket 1
each_pid=$started
wait_line "$tmp/each.json" view
each=$(($(bpfprogs) - before - programs - by_socket))
screen=$PPDEVMEM_REPO/tests/tools/screen.py
start later "$screen" 'dms0 +4096 +[0-9]+ +[0-9]+ +10 +[0-9.]+ +0 +0 +0 +0 +ok' s \
	'by socket.* 0 +0 +10\.0\.0\.1:5203' q -- devmemtop 1
later_pid=$started
check "four at once" wait_for 60 attached $((2 * programs + by_socket + each))
reader reader3 --hold 1 5203
send 5203 100000
wait_line "$tmp/reader3" " got "

# sum FILE FIELD: of a rate over all rows, times the time that passed.
sum() {
	jq -s "[range(1; length) as \$i | (.[\$i].time - .[\$i - 1].time) * ([.[\$i].rows[].$2 // 0] | add // 0)]
		| add // 0 | round" "$1"
}
# sums FILE GETS PUTS: so many in all.
sums() {
	[ "$(sum "$tmp/$1.json" get_per_second) $(sum "$tmp/$1.json" put_per_second)" = "$2 $3" ]
}
tokens=$(words reader3 got 4)
for view in rates sockets each; do
	check "$view: each token that is handed out or comes back is in one rate" \
		wait_for 60 sums $view "$tokens" $((tokens - 1))
done
stop_tool "$sockets_pid" "ends on Ctrl-C, by socket"
stop_tool "$each_pid" "ends on Ctrl-C, one by one"
status=0
wait "$later_pid" || status=$?
is "$status" 0 "a socket whose rates are asked for later has those of then"
# What was held before it came
kill -9 "$(words reader1 fd 1)"
check "tokens that come back with their socket are in a rate" \
	wait_for 60 sums rates "$tokens" $((tokens + 2))
stop_tool "$top_pid" "ends on Ctrl-C"
is "$(jq -sc '[.[].rows[].get_per_second // 0 | . >= 0] | all' "$tmp/rates.json")" true "rates are not negative"
tells devmemtop "tokens per second" "$(sums rates "$tokens" $((tokens + 2)) && echo yes || echo no)"

# For people: text, and a screen where keys choose view and column
like "$(devmemtop -B 1 1)" "BINDING +IFNAME .*EXH/s +STATE" "text has a header"
status=0
"$screen" \
	'by binding, sorted by USED%.*dms0' s \
	'by socket, sorted by IOVS.*10\.0\.0\.1:5202' '>' \
	'by socket, sorted by TOKENS' p \
	'by process, .*reader\.py' q -- devmemtop 1 >"$tmp/screen" || status=$?
is "$status" 0 "the screen follows keys, and q ends it"
[ "$status" = 0 ] || diag "$(cat "$tmp/screen")"
if [ "$status" = 0 ]; then
	tells devmemtop "a screen, by binding, socket or process" yes
fi

# Keys show the same interval in another way, and do not end it: there are no rates in the first
status=0
"$screen" \
	'by binding, sorted by USED%.*dms0 .* - +- +- +- ok' '>' \
	'by binding, sorted by ALLOC/s.*dms0 .* - +- +- +- ok' $'\eOC' \
	'by binding, sorted by GET/s.*dms0 .* - +- +- +- ok' $'\eOD' \
	'by binding, sorted by ALLOC/s.*dms0 .* - +- +- +- ok' s \
	'by socket, sorted by IOVS.* - +- +10\.0\.0\.1:5202' q -- devmemtop 1000 >"$tmp/screen" || status=$?
is "$status" 0 "a key does not begin a new interval, arrows move the column"
[ "$status" = 0 ] || diag "$(cat "$tmp/screen")"

# A socket with tokens of two bindings is one socket
start_in rx second devmemcat --bind-only -i dms0 -q 2 -S 4M
second=$started
wait_line "$tmp/second" "bound binding"
start_json twice devmemtop -B -j -w process 1
twice_pid=$started
wait_line "$tmp/twice.json" view
reader reader4 --hold 1000 5204
connect fifo 5204
wait_line "$tmp/reader4" " fd "
pid=$(words reader4 fd 1)
holds() {
	devmemls -j | jq -e --argjson pid "$pid" --argjson n "$1" \
		'[.bindings[].holders[] | select(.tasks[0].pid == $pid and .tokens > 0)] | length == $n'
}
head -c 20000 /dev/zero >&"$fifo"
wait_for 60 holds 1
for rule in $(in_rx ethtool -n dms0 | sed -n 's/^Filter: //p'); do
	in_rx ethtool -N dms0 delete "$rule" >/dev/null
done
steer 5204 2
head -c 20000 /dev/zero >&"$fifo"
check "a socket has tokens of two bindings" wait_for 60 holds 2
devmemls -j >"$tmp/ls"
tokens=$(jq --argjson pid "$pid" '[.bindings[].holders[] | select(.tasks[0].pid == $pid) | .tokens] | add' "$tmp/ls")
top -w process -p "$pid"
jq_is "$tmp/top" ".rows[0] | [.sockets, .tokens]" "[1,$tokens]" "it is counted once, its tokens are all"
rated() {
	[ "$(sum "$tmp/twice.json" get_per_second)" -ge "$tokens" ]
}
wait_for 60 rated
stop_tool "$twice_pid" "ends on Ctrl-C, by process"
is "$(sum "$tmp/twice.json" get_per_second)" "$tokens" "each of its tokens is in one rate"
kill -9 "$pid" "$second"
kill -9 "$(words reader2 fd 1)" "$(words reader3 fd 1)"

# One event that cannot be seen leaves the others
status=0
DEVMEM_HIDE=exhausted__tp,exhausted__fexit devmemtop -B -j 1 2 >"$tmp/partly" || status=$?
is "$status" 0 "it starts without an event"
$counts && known=0 || known=null
is "$(jq -sc '.[1].rows[0] | [.exhausted_per_second, .get_per_second]' "$tmp/partly")" "[$known,0]" \
	"and does not know that one, unless the kernel counts"

# Exhaustion: fewer iovs than the ring wants
unbind
start_in rx small devmemcat --bind-only -i dms0 -q 2 -S 256K
wait_line "$tmp/small" "bound binding"
top -b "$(sed -n 's/.*bound binding \([0-9]*\).*/\1/p' "$tmp/small")"
jq_is "$tmp/top" ".rows[0] | [.iovs, .free, .used_percent, .state]" '[64,0,100,"EXHAUSTED"]' \
	"an exhausted binding is marked"
tells devmemtop "that a binding is exhausted" \
	"$(jq -r 'if .rows[0].state == "EXHAUSTED" then "yes" else "no" end' "$tmp/top")"

fails "an unknown view" 2 "'x' is no view" devmemtop -w x
fails "an unknown column" 2 "'x' is no column of the view by binding" devmemtop -s x
as_documented devmemtop "$docs" "$tmp/rates.json" "$tmp/sockets.json"
check "no BPF program is left" wait_for 60 none_left
done_testing
