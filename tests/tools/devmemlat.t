#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# unproven: ppdevmem mainline stock-6.12 stock-latest
# timeout: 600
#
# devmemlat counts each token and each iov that comes back, once.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

# lat NAME [OPTION...]: start it; its pid is in $started.
lat() {
	local name=$1
	shift
	start "$name-err" sh -c "exec devmemlat -j $* >'$tmp/$name'"
}

attached() {
	[ "$(progs)" -ge $((before + $1)) ]
}

# hist NAME HISTOGRAM FILTER: something about a histogram.
hist() {
	jq -c "select(.histogram == \"$2\") | $3" "$tmp/$1"
}

net_pair 4
steer 5201 1
before=$(progs)

lat by-binding
all=$started
wait_for 120 attached 4
lat by-process -P
proc=$started
wait_for 120 attached 8
bind
reader reader --hold 3 5201
send 5201 200000
wait_line "$tmp/reader" " got "
pid=$(words reader fd 1)
tokens=$(words reader got 4)
kill -9 "$pid"
unbind
no_bindings() {
	[ "$(devmemls -j | jq -c .bindings)" = "[]" ]
}
wait_for 120 no_bindings
check "ends on Ctrl-C" stop_tool "$all"
check "ends on Ctrl-C, by process" stop_tool "$proc"

is "$(hist by-binding hold .count)" "$tokens" "as many holds as tokens, with those of the closed socket"
is "$(hist by-binding hold '[.slots[].count] | add')" "$tokens" "the slots have them all"
is "$(hist by-binding hold '[.pid, .comm, .binding != null, .max_seconds * .count >= .sum_seconds]')" \
	'[null,null,true,true]' "by binding"
is "$(hist by-process hold '[.count, .pid, .comm, .binding]')" \
	"[$tokens,$pid,\"reader.py\",null]" "by process"
is "$(hist by-binding recycle '.count >= 256')" true "all posted iovs came back"
is "$(jq -c '[.slots[] | .from_us <= .to_us and .count > 0] | all' "$tmp/by-binding" | sort -u)" \
	true "slots have bounds"
is "$(progs)" "$before" "no BPF program is left"

start text devmemlat 1 2
wait "$started"
is "$?" 0 "INTERVAL and COUNT"
fails "a wrong interval" 2 "INTERVAL is 'x'" devmemlat x
done_testing
