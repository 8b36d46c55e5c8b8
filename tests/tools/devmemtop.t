#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# unproven: ppdevmem mainline stock-6.12 stock-latest
# timeout: 600
#
# devmemtop shows what devmemls lists, and rates.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

top() {
	devmemtop -b -j "$@" 1 1 >"$tmp/top"
}

net_pair 4
steer 5201 1
steer 5202 1
before=$(progs)
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
top -w socket
jq_is "$tmp/top" "[.rows[] | [.tokens, .local]]" '[[6,"10.0.0.1:5202"],[3,"10.0.0.1:5201"]]' \
	"sockets, the largest first"
top -w process -s pid
is "$(jq -c '[.rows[] | [.pid, .comm, .sockets, .tokens]]' "$tmp/top")" \
	"$(for n in 1 2; do
		echo "[$(words reader$n fd 1),\"reader.py\",1,$((3 * n))]"
	done | sort -t, -k1.2rn | jq -sc .)" "processes, by pid"
top -w process -p "$(words reader1 fd 1)"
jq_is "$tmp/top" "[.rows[].tokens]" "[3]" "-p"
top --binding 4000000000
jq_is "$tmp/top" ".rows" "[]" "--binding"

# Rates: what goes on between two times
steer 5203 1
start rates sh -c "exec devmemtop -b -j 1 >'$tmp/stream'"
top_pid=$started
wait_line "$tmp/stream" view
reader reader3 5203
send 5203 100000
wait_line "$tmp/reader3" " got "
seen() {
	[ "$(jq -s '[.[].rows[].get_per_second // 0] | add > 0' "$tmp/stream")" = true ]
}
check "tokens handed out make a rate" wait_for 60 seen
check "ends on Ctrl-C" stop_tool "$top_pid"
is "$(jq -sc '[.[].rows[].get_per_second // 0 | . >= 0] | all' "$tmp/stream")" true "rates are not negative"

# For people
like "$(devmemtop -b 1 1)" "BINDING +IFNAME .*EXH/s +STATE" "text has a header"
start screen script -qfec "TERM=xterm devmemtop -w process 1 3" /dev/null
wait "$started"
is "$?" 0 "the screen opens and closes"
like "$(cat "$tmp/screen")" "reader.py" "and shows the processes"

# Exhaustion: fewer iovs than the ring wants
unbind
start_in rx small devmemcat --bind-only -i dms0 -q 2 -S 256K
wait_line "$tmp/small" "bound binding"
top --binding "$(sed -n 's/.*bound binding \([0-9]*\).*/\1/p' "$tmp/small")"
jq_is "$tmp/top" ".rows[0] | [.iovs, .free, .used_percent, .state]" '[64,0,100,"EXHAUSTED"]' \
	"an exhausted binding is marked"

fails "an unknown view" 2 "'x' is no view" devmemtop -w x
fails "an unknown column" 2 "'x' is no column of the view by binding" devmemtop -s x
kill -9 "${pids[@]}" 2>/dev/null
none_left() {
	[ "$(progs)" = "$before" ]
}
check "no BPF program is left" wait_for 60 none_left
done_testing
