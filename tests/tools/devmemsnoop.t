#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# unproven: ppdevmem mainline stock-6.12 stock-latest
# timeout: 600
#
# devmemsnoop sees exactly what is made to happen, by every way to see it.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

# count EVENT: how many of them the tool has reported in JSON.
count() {
	grep -c "\"event\":\"$1\"" "$tmp/snoop"
}

# snoop [OPTION...]: start it.
snoop() {
	# Its records go elsewhere than what it says
	: >"$tmp/snoop"
	start snoop-err sh -c "exec devmemsnoop -v -j $* >'$tmp/snoop'"
	snoop_pid=$started
}

# attached N: at least N programs more than at first are loaded.
attached() {
	[ "$(progs)" -ge $((before + $1)) ]
}

net_pair 4
steer 5201 1
before=$(progs)

# 23 bindings
snoop -e bind,unbind,binding_free,queue_bind
wait_for 120 attached 4
in_rx devmemcat --bind-only --count 23 -i dms0 -q 1 -S 4M >"$tmp/cycles" 2>&1
freed() {
	[ "$(count binding_free)" -ge 23 ]
}
wait_for 120 freed
check "ends on Ctrl-C" stop_tool "$snoop_pid"
for event in bind queue_bind unbind binding_free; do
	is "$(count $event)" 23 "23 times $event"
done
is "$(jq -c 'select(.event == "queue_bind") | [.ifname, .queue]' "$tmp/snoop" | sort -u)" \
	'["dms0",1]' "the device and queue"
is "$(jq 'select(.event == "bind") | .binding' "$tmp/snoop" | sort -u | wc -l)" 23 \
	"each binding has its own number"

# Tokens, by each way that this kernel has
bind
tokens() {
	local way=$1 port=$2 pid

	steer "$port" 1
	snoop -e token_get,token_put,token_close
	wait_for 120 attached 1
	like "$(cat "$tmp/snoop-err")" "token_get: by $way/" "token_get by $way"
	reader "reader$port" --hold 5 "$port"
	send "$port" 100000
	wait_line "$tmp/reader$port" " got "
	pid=$(words "reader$port" fd 1)
	kill -9 "$pid"
	closed() {
		[ "$(count token_close)" -ge 5 ]
	}
	wait_for 60 closed
	stop_tool "$snoop_pid"
	is "$(count token_get)" "$(words "reader$port" got 4)" "by $way: as many token_get as the reader got"
	is "$(count token_put)" "$(($(words "reader$port" got 4) - 5))" "by $way: token_put for all but 5"
	is "$(count token_close)" 5 "by $way: token_close for the 5 that were kept"
	is "$(jq -c 'select(.event != "token_close") | [.pid, .comm]' "$tmp/snoop" | sort -u)" \
		"[$pid,\"reader.py\"]" "by $way: the process"
	is "$(jq -c 'select(.event == "token_get") | [.iov, .frag, .token, .refcount, .binding] | map(. != null) | all' "$tmp/snoop" | sort -u)" \
		true "by $way: iov, word, token, reference count and binding"
	is "$(jq -c 'select(.event == "token_get") | .iov' "$tmp/snoop" | sort)" \
		"$(jq -c 'select(.event != "token_get") | .iov' "$tmp/snoop" | sort)" \
		"by $way: the same iovs come back"
}
if $counts; then
	tokens tp_btf 5301
fi
DEVMEM_HIDE=tp_btf tokens fentry 5302
DEVMEM_HIDE=tp_btf,fentry,fexit tokens kprobe 5303
DEVMEM_HIDE=tp_btf,fentry,fexit,kprobe fails "by nothing" 1 \
	"no way to see 'token_get'" devmemsnoop -e token_get

# Filters
steer 5304 1
snoop -e token_get -b 4000000000
wait_for 120 attached 1
reader reader5304 5304
send 5304 20000
wait_line "$tmp/reader5304" " got "
stop_tool "$snoop_pid"
is "$(count token_get)" 0 "-b of another binding lets nothing through"

# Stacks, and drops
steer 5305 1
snoop -k -e token_get,drop
wait_for 120 attached 2
reader reader5305 5305
send 5305 20000
wait_line "$tmp/reader5305" " got "
like "$(jq -r 'select(.event == "token_get") | .stack[]' "$tmp/snoop" | sort -u)" \
	"tcp_recvmsg" "-k shows how the reader came there"
steer 5306 1
reader reader5306 --unread 5306
connect fifo 5306
wait_line "$tmp/reader5306" " fd "
in_rx sysctl -qw net.ipv4.ip_early_demux=0
ip -n rx addr del 10.0.0.1/24 dev dms0
head -c 20000 /dev/zero >&"$fifo"
dropped() {
	[ "$(count drop)" -ge 1 ]
}
check "data that has no way to go is a drop" wait_for 60 dropped
stop_tool "$snoop_pid"
is "$(jq -c 'select(.event == "drop") | [.ifname, .queue, .iov != null, (.reason | length) > 0, (.location | startswith("0x"))]' "$tmp/snoop" | sort -u)" \
	'["dms0",1,true,true,false]' "with device, queue, iov, reason and place"

# A full buffer
snoop --buffer 4 -e alloc
wait_for 120 attached 1
kill -STOP "$snoop_pid"
in_rx devmemcat --bind-only --count 1 -i dms0 -q 2 -S 4M >"$tmp/cycles" 2>&1
kill -CONT "$snoop_pid"
stop_tool "$snoop_pid"
like "$(cat "$tmp/snoop-err")" "[0-9]+ events were lost because the buffer was full" \
	"lost events are counted"
lost=$(sed -n 's/.* \([0-9]*\) events were lost.*/\1/p' "$tmp/snoop-err")
if $counts; then
	list=$(devmemls -j | jq '.bindings | length')
	is "$list" 1 "only the first binding is left"
fi
check "what was lost and what was seen is a whole ring" \
	test $(($(count alloc) + lost)) -ge 256

# Killed at any moment
for signal in KILL TERM INT; do
	snoop
	wait_for 120 attached 3
	kill -$signal "$snoop_pid"
	wait "$snoop_pid" 2>/dev/null
	none_left() {
		[ "$(progs)" = "$before" ]
	}
	check "nothing is left attached after SIG$signal" wait_for 60 none_left
done
fails "an unknown event" 2 "'nosuch' is no event" devmemsnoop -e nosuch
done_testing
