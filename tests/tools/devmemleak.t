#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# unproven: ppdevmem mainline stock-6.12 stock-latest
# timeout: 600
#
# devmemleak names the one who leaks, and nobody else.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

found="$tmp/found.json"

# leak STATUS DESCRIPTION [OPTION...]: run it; the document is in $found.
leak() {
	local want=$1 description=$2 status=0
	shift 2
	devmemleak -t 2 -j "$@" >"$found" 2>"$tmp/leak-err" || status=$?
	is "$status" "$want" "$description"
	cat "$tmp/leak-err" >&2
}

net_pair 4
steer 5201 1
steer 5202 1
steer 5203 1
bind
before=$(progs)

# Nine who give everything back, and one who does not
reader honest 5201 9
for _ in {1..9}; do
	send 5201 20000
done
reader leaky --hold 6 5202
send 5202 40000
wait_line "$tmp/leaky" " got "
all_done() {
	[ "$(grep -c " got " "$tmp/honest")" = 9 ]
}
wait_for 120 all_done

pid=$(words leaky fd 1)
fd=$(words leaky fd 3)
leak 1 "a leak is found"
jq_is "$found" "[.layout, .threshold_seconds, (.leaks | length)]" "[\"$layout\",2,1]" "one leak"
jq_is "$found" ".leaks[0] | [.kind, .ifname, .tokens, .unbound, .tasks]" \
	"[\"tokens\",\"dms0\",6,false,[{\"pid\":$pid,\"comm\":\"reader.py\",\"fd\":$fd}]]" \
	"it is the leaky reader's"
jq_is "$found" ".leaks[0] | [.local, .at_least, .oldest_seconds >= 2, .bytes == .iovs * 4096]" \
	"[\"10.0.0.1:5202\",$($counts && echo false || echo true),true,true]" "its socket, age and size"
leak 0 "not another process's" -p 1
leak 0 "not another binding's" -b 4000000000
leak 0 "not held for that long" -t 100000
like "$(devmemleak -t 2)" "tokens .*dms0 .*reader.py\[$pid\] fd $fd" "the table names it too"

# Handed out while it watches
start sample sh -c "exec devmemleak -t 0 --sample 20 -v -j >'$tmp/sampled'"
wait_line "$tmp/sample" "watching for 20 s"
reader second --hold 4 5203
send 5203 40000
wait_line "$tmp/second" " got "
wait "$started"
is "$?" 1 "--sample finds them as well"
jq_is "$tmp/sampled" "[.leaks[] | select(.local == \"10.0.0.1:5203\")][0] | [.tokens, .at_least, .stacks[0].tokens]" \
	"[4,false,4]" "the age of what was handed out meanwhile is known"
like "$(jq -r '.leaks[] | select(.local == "10.0.0.1:5203") | .stacks[0].frames[]' "$tmp/sampled")" \
	"tcp_recvmsg" "and the path"
is "$(jq -c '[.leaks[] | select(.local == "10.0.0.1:5202")][0].stacks' "$tmp/sampled")" "[]" \
	"there is none for what was handed out before"
kill -9 "$(words second fd 1)"

# The binding goes, the reader stays
unbind
wait_for 60 sh -c "devmemls -j | jq -e '.bindings[0].unbound'"
leak 1 "it is still found when the binding was unbound"
jq_is "$found" ".leaks[0] | [.unbound, .tokens, .tasks[0].pid]" "[true,6,$pid]" "and is said to be unbound"
kill -9 "$pid"
no_bindings() {
	[ "$(devmemls -j | jq -c .bindings)" = "[]" ]
}
wait_for 120 no_bindings
leak 0 "nothing is found when all is given back"
like "$(devmemleak -t 0)" "Nothing is held for 0 s or more" "and the text says so"

# A socket that nobody reads
bind
steer 5204 1
reader sleepy --unread 5204
connect fifo 5204
head -c 30000 /dev/zero >&"$fifo"
wait_line "$tmp/sleepy" " fd "
unread() {
	devmemleak -t 2 -j >"$found"
	[ "$(jq '.leaks | length' "$found")" = 1 ]
}
check "unread data is found" wait_for 120 unread
jq_is "$found" ".leaks[0] | [.kind, .tokens, .bytes, .at_least, .tasks[0].pid]" \
	"[\"unread\",0,30000,true,$(words sleepy fd 1)]" "all of it, and whose socket it is in"

is "$(progs)" "$before" "no BPF program is left"
done_testing
