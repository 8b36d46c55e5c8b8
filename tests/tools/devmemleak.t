#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12
# soak: mainline
# timeout: 600
#
# devmemleak names the one who leaks, and nobody else.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

found="$tmp/found.json"
docs="$tmp/docs.json"

# leak STATUS DESCRIPTION [OPTION...]: run it; the document is in $found.
leak() {
	local want=$1 description=$2 status=0
	shift 2
	devmemleak -j "$@" >"$found" 2>"$tmp/leak-err" || status=$?
	is "$status" "$want" "$description"
	cat "$found" >>"$docs"
	cat "$tmp/leak-err" >&2
}

net_pair 4
for port in 5201 5202 5203 5204; do
	steer "$port" 1
done
bind

# Nine who give everything back, and one who does not
reader honest 5201 9
reader leaky --hold 6 5202
for _ in {1..9}; do
	send 5201 20000
done
send 5202 40000
wait_line "$tmp/leaky" " got "
all_done() {
	[ "$(grep -c " got " "$tmp/honest")" = 9 ]
}
wait_for 120 all_done

pid=$(words leaky fd 1)
fd=$(words leaky fd 3)
# Where the kernel says since when, the tool need not wait for the tokens to be that old.
old_enough() {
	local status=0
	devmemleak -t 2 || status=$?
	[ "$status" = 1 ]
}
wait_for 120 old_enough
leak 1 "a leak is found" -t 2
jq_is "$found" "[.layout, .threshold_seconds, (.leaks | length)]" "[\"$layout\",2,1]" "one leak"
jq_is "$found" ".leaks[0] | [.kind, .ifname, .tokens, .unbound, .tasks]" \
	"[\"tokens\",\"dms0\",6,false,[{\"pid\":$pid,\"comm\":\"reader.py\",\"fd\":$fd,\"how\":\"fd\"}]]" \
	"it is the leaky reader's"
jq_is "$found" ".leaks[0] | [.local, .at_least, .oldest_seconds >= 2, .bytes == .iovs * 4096]" \
	"[\"10.0.0.1:5202\",$($counts && echo false || echo true),true,true]" "its socket, age and size"
tells devmemleak "who holds tokens for too long" "$(jq -r '.leaks[0].tasks[0] | if .fd then "yes" else "no" end' "$found")"
tells devmemleak "how long" "$(jq -r '.leaks[0] | if .at_least then "at least" else "yes" end' "$found")"
leak 0 "not another process's" -t 1 -p 1
leak 0 "not another binding's" -t 1 -b 4000000000
if $counts; then
	leak 0 "not held for that long" -t 100000
fi
fails "a device that is not there" 2 "no device 'typo0' in this network namespace, and no binding" \
	devmemleak -t 1 -i typo0
like "$(devmemleak -t 1)" "tokens .*dms0 .*<- 10.0.0.2:[0-9]+, reader.py\[$pid\] fd $fd" "the table names it too"
if ! $counts; then
	start_json cut devmemleak -t 1000 -v -j
	cutter=$started
	wait_line "$tmp/cut" "watching for 1000 s"
	kill -INT "$cutter"
	status=0
	wait "$cutter" || status=$?
	is "$status" 1 "a watch that is cut short finds what was held as long as it lasted"
	jq_is "$tmp/cut.json" "[.threshold_seconds < 1000, .leaks[0].tokens]" "[true,6]" "and says how long that is"
fi

# Handed out while it watches; Ctrl-C ends the watch, not the tool. Its clock is the kernel's,
# whatever a container or a suspend do to others.
timens=()
if [ -e /proc/self/ns/time ]; then
	timens=(unshare -T --monotonic 500000 --boottime 900000)
fi
start_json sampled "${timens[@]}" devmemleak -t 0 --sample 600 -v -j
sampler=$started
wait_line "$tmp/sampled" "watching for 600 s"
reader second --hold 4 5203
send 5203 40000
wait_line "$tmp/second" " got "
kill -INT "$sampler"
status=0
wait "$sampler" || status=$?
is "$status" 1 "--sample finds them as well"
jq_is "$tmp/sampled.json" "[.leaks[] | select(.local == \"10.0.0.1:5203\")][0] | [.tokens, .at_least, .stacks[0].tokens]" \
	"[4,false,4]" "the age of what was handed out meanwhile is known"
if [ ${#timens[@]} -gt 0 ]; then
	jq_is "$tmp/sampled.json" ".leaks | map(.oldest_seconds < 100000) | all" true \
		"ages do not change with the clocks of a time namespace"
else
	skip "the clocks of a time namespace" "this kernel has no time namespaces"
fi
stack=$(jq -r '.leaks[] | select(.local == "10.0.0.1:5203") | .stacks[0].frames[]' "$tmp/sampled.json")
like "$stack" "tcp_recvmsg" "and the path"
tells devmemleak "by which path it was received (--sample)" "$([ -n "$stack" ] && echo yes || echo no)"
is "$(jq -c '[.leaks[] | select(.local == "10.0.0.1:5202")][0].stacks' "$tmp/sampled.json")" "[]" \
	"there is none for what was handed out before"
kill -9 "$(words second fd 1)"

# A socket that nobody reads
reader sleepy --unread 5204
connect fifo 5204
head -c 30000 /dev/zero >&"$fifo"
wait_line "$tmp/sleepy" " fd "
unread() {
	devmemleak -t 1 -j >"$found"
	[ "$(jq '[.leaks[] | select(.kind == "unread")] | length' "$found")" = 1 ]
}
check "unread data is found" wait_for 120 unread
jq_is "$found" ".leaks[] | select(.kind == \"unread\") | [.tokens, .bytes, .at_least, .tasks[0].pid]" \
	"[0,30000,true,$(words sleepy fd 1)]" "all of it, and whose socket it is in"
tells devmemleak "memory in sockets that nobody reads" \
	"$(jq -r '[.leaks[] | select(.kind == "unread")][0] | if .bytes then "yes" else "no" end' "$found")"
cat "$found" >>"$docs"
kill -9 "$(words sleepy fd 1)"

# The binding goes, the reader stays
unbind
unbound() {
	devmemls -j | jq -e '.bindings[0].unbound'
}
wait_for 60 unbound
leak 1 "it is still found when the binding was unbound" -t 1
jq_is "$found" ".leaks[] | select(.kind == \"tokens\") | [.unbound, .tokens, .tasks[0].pid]" \
	"[true,6,$pid]" "and is said to be unbound"
tells devmemleak "also after the binding was unbound" "$(jq -r '.leaks[0] | if .unbound then "yes" else "no" end' "$found")"
kill -9 "$pid"
wait_for 120 no_bindings
leak 0 "nothing is found when all is given back" -t 0
like "$(devmemleak -t 0)" "Nothing is held for 0 s or more" "and the text says so"

as_documented devmemleak "$docs" "$tmp/sampled.json"
check "no BPF program is left" wait_for 60 none_left
done_testing
