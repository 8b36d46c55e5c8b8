#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest
# soak: mainline
# timeout: 600
#
# devmemlat counts each token and each iov that comes back, once.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

# hist NAME HISTOGRAM FILTER: something about a histogram.
hist() {
	jq -c "select(.histogram == \"$2\") | $3" "$tmp/$1.json"
}

net_pair 4
steer 5201 1

start_json by-binding devmemlat -v -j
all=$started
start_json by-process devmemlat -v -j -P
proc=$started
start text devmemlat
text=$started
wait_line "$tmp/by-binding" ": watching"
wait_line "$tmp/by-process" ": watching"
wait_line "$tmp/text" Tracing
bind
reader reader --hold 3 5201
send 5201 200000
wait_line "$tmp/reader" " got "
pid=$(words reader fd 1)
tokens=$(words reader got 4)
kill -9 "$pid"
unbind
wait_for 120 no_bindings
stop_tool "$all" "ends on Ctrl-C"
stop_tool "$proc" "ends on Ctrl-C, by process"
stop_tool "$text" "ends on Ctrl-C, as text"

is "$(hist by-binding hold .count)" "$tokens" "as many holds as tokens, with those of the closed socket"
is "$(hist by-binding hold '[.slots[].count] | add')" "$tokens" "the slots have them all"
is "$(hist by-binding hold '[.pid, .comm, .binding != null, .max_seconds * .count >= .sum_seconds]')" \
	'[null,null,true,true]' "by binding"
is "$(hist by-process hold '[.count, .pid, .comm, .binding]')" \
	"[$tokens,$pid,\"reader.py\",null]" "by process"
is "$(hist by-binding recycle '.count >= 256')" true "all posted iovs came back"
is "$(jq -c '[.slots[] | .from_us <= .to_us and .count > 0] | all' "$tmp/by-binding.json" | sort -u)" \
	true "slots have bounds"
like "$(cat "$tmp/text")" "time that tokens were held: $tokens, .*usecs : count +distribution" \
	"the text has it as well"
tells devmemlat "how long readers hold tokens" \
	"$([ -n "$(hist by-binding hold .count)" ] && echo yes || echo no)"
tells devmemlat "how long iovs take to come back" \
	"$([ -n "$(hist by-binding recycle .count)" ] && echo yes || echo no)"
as_documented devmemlat "$tmp/by-binding.json" "$tmp/by-process.json"

# What comes while it reads is in the next interval: its system calls are made slow
bind
steer 5202 1
start_json slow devmemlat -v -j 1
slow=$started
wait_line "$tmp/slow" ": watching"
start trace strace -qq -o /dev/null -e trace=bpf -e inject=bpf:delay_enter=100000 -p "$slow"
traced() {
	! grep -q '^TracerPid:[[:space:]]*0$' "/proc/$slow/status"
}
wait_for 60 traced
"$PPDEVMEM_REPO/tests/tools/shortlived.py" 5202 300 >"$tmp/tokens"
read -r tokens _ _ <"$tmp/tokens"
counted() {
	jq -se --argjson n "$1" 'map(select(.histogram == "hold") | .count) | add >= $n' "$tmp/slow.json"
}
check "all are counted, however slow it reads" wait_for 60 counted "$tokens"
kill "$started"
stop_tool "$slow" "ends on Ctrl-C, with an interval"
is "$(jq -s 'map(select(.histogram == "hold") | .count) | add' "$tmp/slow.json")" "$tokens" "each once"
is "$(jq -s 'map(select(.histogram == "hold") | .count == ([.slots[].count] | add) and .max_seconds > 0) | all' "$tmp/slow.json")" \
	true "each interval has its slots and its longest"
unbind

check "INTERVAL and COUNT" devmemlat 1 2
fails "a wrong interval" 2 "INTERVAL is 'x'" devmemlat x
check "no BPF program is left" wait_for 60 none_left
done_testing
