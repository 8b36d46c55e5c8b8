#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest
# soak: mainline
# timeout: 600
#
# devmemsnoop sees exactly what is made to happen, by every way to see it.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

docs=()
snoops=0

# snoop [OPTION...]: start it and wait until it watches; what it prints is in $snoop.
snoop() {
	snoops=$((snoops + 1))
	snoop=$tmp/snoop$snoops.json
	snoop_log=$tmp/snoop$snoops
	docs+=("$snoop")
	start_json "snoop$snoops" devmemsnoop -v -j "$@"
	snoop_pid=$started
	wait_line "$snoop_log" "^devmemsnoop: watching"
}

# count EVENT: how many of them it has reported.
count() {
	grep -c "\"event\":\"$1\"" "$snoop"
}

# reported EVENT N: it has reported at least N of them.
reported() {
	[ "$(count "$1")" -ge "$2" ]
}

# way EVENT: by what the tool sees it, "no" if it cannot.
way() {
	local found
	found=$(sed -n "s/^devmemsnoop: $1: by //p" "$snoop_log")
	echo "${found:-no}"
}

net_pair 4

# 23 bindings of 64 iovs each, which is less than what the ring wants
snoop
in_rx devmemcat --bind-only --count 23 -i dms0 -q 1 -S 256K >"$tmp/cycles" 2>&1
wait_for 120 reported binding_free 23
stop_tool "$snoop_pid" "ends on Ctrl-C"
for event in bind queue_bind unbind binding_free pool_destroy; do
	is "$(count $event)" 23 "23 times $event"
done
for event in alloc release; do
	is "$(count $event)" $((23 * 64)) "23 times 64 $event"
done
if [ "$(way queue_unbind)" = no ]; then
	is "$(count queue_unbind)" 0 "no queue_unbind, which this kernel cannot show"
else
	is "$(count queue_unbind)" 23 "23 times queue_unbind"
fi
check "exhausted each time" reported exhausted 23
is "$(jq -c 'select(.event == "queue_bind") | [.ifname, .queue]' "$snoop" | sort -u)" \
	'["dms0",1]' "the device and queue"
is "$(jq 'select(.event == "bind") | .binding' "$snoop" | sort -u | wc -l)" 23 \
	"each binding has its own number"
is "$(jq -c 'select(.event == "alloc") | [.binding, .iov]' "$snoop" | sort -u | wc -l)" \
	$((23 * 64)) "each iov is named"
for event in bind unbind binding_free queue_bind queue_unbind alloc release exhausted \
	token_get token_put token_close pool_destroy drop; do
	tells devmemsnoop "$event" "$(way $event)"
done

# Tokens, by each way that this kernel has
bind
tokens() {
	local way=$1 port=$2 pid tokens

	steer "$port" 1
	snoop -e token_get,token_put,token_close
	reader "reader$port" --hold 5 "$port"
	send "$port" 100000
	wait_line "$tmp/reader$port" " got "
	pid=$(words "reader$port" fd 1)
	tokens=$(words "reader$port" got 4)
	kill -9 "$pid"
	wait_for 60 reported token_close 5
	stop_tool "$snoop_pid" "by $way: ends on Ctrl-C"
	like "$(way token_get)" "^$way/" "token_get by $way"
	is "$(count token_get)" "$tokens" "by $way: as many token_get as the reader got"
	is "$(count token_put)" "$((tokens - 5))" "by $way: token_put for all but 5"
	is "$(count token_close)" 5 "by $way: token_close for the 5 that were kept"
	is "$(jq -c 'select(.event != "token_close") | [.pid, .comm]' "$snoop" | sort -u)" \
		"[$pid,\"reader.py\"]" "by $way: the process"
	is "$(jq -c 'select(.event == "token_get") | [.iov, .frag, .token, .refcount, .binding] | map(. != null) | all' "$snoop" | sort -u)" \
		true "by $way: iov, word, token, reference count and binding"
	is "$(jq -c 'select(.event == "token_get") | .iov' "$snoop" | sort)" \
		"$(jq -c 'select(.event != "token_get") | .iov' "$snoop" | sort)" \
		"by $way: the same iovs come back"
}
if $counts; then
	tokens tp_btf 5301
else
	tokens fentry 5302
	DEVMEM_HIDE=fentry,fexit tokens kprobe 5303
fi
DEVMEM_HIDE=tp_btf,fentry,fexit,kprobe fails "by nothing" 1 \
	"no way to see 'token_get'.*fentry/tcp_xa_pool_commit_locked: hidden by DEVMEM_HIDE" \
	devmemsnoop -e token_get

# What the kernel refuses is passed over like what it has not: a trampoline takes so many
start full fulltramp mp_dmabuf_devmem_destroy
full=$started
wait_line "$tmp/full" "^full with [0-9]+"
DEVMEM_HIDE=tp_btf snoop -e pool_destroy
in_rx devmemcat --bind-only --count 1 -i dms0 -q 2 -S 256K >"$tmp/cycles" 2>&1
check "an event is seen though its trampoline is full" wait_for 60 reported pool_destroy 1
stop_tool "$snoop_pid" "ends on Ctrl-C, with a full trampoline"
like "$(cat "$snoop_log")" "pool_destroy: not by fentry/mp_dmabuf_devmem_destroy: the kernel refuses it" \
	"-v says why"
like "$(way pool_destroy)" "^kprobe/" "and what there is instead"
kill "$full"

# All of the table: what is hidden is passed over, and what is planned then loads
for hidden in tp_btf tp_btf,fentry,fexit; do
	status=0
	DEVMEM_HIDE=$hidden devmemsnoop -v -d 1 >/dev/null 2>"$tmp/plan" || status=$?
	is "$status" 0 "it loads with $hidden hidden"
	sed -n 's/^devmemsnoop: [a-z_]*: by //p' "$tmp/plan" >"$tmp/planned"
	is "$(grep -cE "^(${hidden//,/|})/" "$tmp/planned")" 0 "and nothing of it is planned"
	check "but something is" test -s "$tmp/planned"
done

# Filters, stacks and drops
steer 5304 1
steer 5305 1
snoop -e token_get -b 4000000000
other=$snoop_pid other_output=$snoop
snoop -k -e token_get,drop
reader reader5304 5304
reader reader5305 --unread 5305
send 5304 20000
wait_line "$tmp/reader5304" " got "
wait_for 60 reported token_get "$(words reader5304 got 4)"
stop_tool "$other" "ends on Ctrl-C, without a record"
is "$(wc -l <"$other_output")" 0 "-b of another binding lets nothing through"
unset 'docs[-2]'
like "$(jq -r 'select(.event == "token_get") | .stack[]' "$snoop" | sort -u)" \
	"tcp_recvmsg" "-k shows how the reader came there"
connect fifo 5305
wait_line "$tmp/reader5305" " fd "
in_rx sysctl -qw net.ipv4.ip_early_demux=0
ip -n rx addr del 10.0.0.1/24 dev dms0
head -c 20000 /dev/zero >&"$fifo"
check "data that has no way to go is a drop" wait_for 60 reported drop 1
stop_tool "$snoop_pid" "ends on Ctrl-C, with stacks"
is "$(jq -c 'select(.event == "drop") | [.ifname, .queue, .iov != null, (.reason | length) > 0, (.location | startswith("0x"))]' "$snoop" | sort -u)" \
	'["dms0",1,true,true,false]' "with device, queue, iov, reason and place"
ip -n rx addr add 10.0.0.1/24 dev dms0

# An iov's release is seen before it can be somebody else's, and page pools of ordinary
# memory do not pay for it.
runs() {
	bpftool -j prog show | jq '[.[] | select(.name | startswith("iov_release")) | .run_cnt // 0] | add'
}
tracing=/sys/kernel/tracing
mountpoint -q $tracing || mount -t tracefs tracefs $tracing
sysctl -qw kernel.bpf_stats_enabled=1
snoop -e release
unset 'docs[-1]'
echo >$tracing/trace
echo 1 >$tracing/events/page_pool/page_pool_state_release/enable
in_rx ip link set dms0 down
in_rx ip link set dms0 up
ordinary() {
	grep -q page_pool_state_release: "$tracing/trace"
}
check "ordinary page pools give pages back" wait_for 60 ordinary
echo 0 >$tracing/events/page_pool/page_pool_state_release/enable
ran=$(runs)
stop_tool "$snoop_pid" "ends on Ctrl-C, with releases"
is "$ran" "$(wc -l <"$snoop")" "and a program runs for each of device memory, and for no page"
sysctl -qw kernel.bpf_stats_enabled=0

# Addresses that are hidden
restrict=$(cat /proc/sys/kernel/kptr_restrict)
echo 2 >/proc/sys/kernel/kptr_restrict
steer 5307 1
snoop -k -e token_get
reader reader5307 5307
send 5307 20000
wait_line "$tmp/reader5307" " got "
wait_for 60 reported token_get "$(words reader5307 got 4)"
stop_tool "$snoop_pid" "ends on Ctrl-C, with addresses hidden"
echo "$restrict" >/proc/sys/kernel/kptr_restrict
is "$(jq -r '.stack[]' "$snoop" | grep -cv '^0x[0-9a-f]*$')" 0 "stacks are bare addresses then"
is "$(grep -c "sysctl kernel.kptr_restrict below 2" "$snoop_log")" 1 "and it says why, once"

# Wake-ups: none for each record when the reader is late, and one before a small buffer is full
wakes() {
	awk '/IWI:/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum }' \
		/proc/interrupts
}
snoop -e alloc,release
kill -STOP "$snoop_pid"
woken=$(wakes)
in_rx devmemcat --bind-only --count 20 -i dms0 -q 2 -S 256K >"$tmp/cycles" 2>&1
woken=$(($(wakes) - woken))
kill -CONT "$snoop_pid"
wait_for 60 reported release $((20 * 64))
stop_tool "$snoop_pid" "ends on Ctrl-C, after it was late"
check "$woken wake-ups for $((2 * 20 * 64)) records" test "$woken" -lt $((2 * 20 * 64 / 10))
snoop --buffer 16 -e alloc,release
unset 'docs[-1]'
start polls strace -qq -e trace=poll,epoll_wait,epoll_pwait -p "$snoop_pid"
wait_line "$tmp/polls" "= 0"
in_rx devmemcat --bind-only --count 3 -i dms0 -q 2 -S 256K >"$tmp/cycles" 2>&1
check "a small buffer wakes its reader as well" wait_line "$tmp/polls" "= 1" 60
stop_tool "$snoop_pid" "ends on Ctrl-C, with a small buffer"

# It can be ended while events come faster than they are taken
steer 5308 1
reader reader5308 5308
start_in tx busy5308 socat -u OPEN:/dev/zero TCP:10.0.0.1:5308
busy=$started
wait_line "$tmp/reader5308" " fd "
mkfifo "$tmp/fifo"
# shellcheck disable=SC2016
start slow python3 -c 'import sys, time
with open(sys.argv[1], "rb", buffering=0) as fifo:
    reads = 0
    while fifo.read(4096):
        reads += 1
        print(reads, flush=True)
        time.sleep(0.05)' "$tmp/fifo"
# shellcheck disable=SC2016
start hurried sh -c 'exec devmemsnoop -v -j --buffer 32 -e token_get,token_put >"$1"' sh "$tmp/fifo"
hurried=$started
wait_line "$tmp/hurried" ": watching"
# (so much that it is behind)
wait_line "$tmp/slow" "^60$"
kill -INT "$hurried"
ended() {
	! kill -0 "$hurried"
}
check "Ctrl-C ends it while events keep coming" wait_for 60 ended
kill -9 "$busy" "$hurried" "$(words reader5308 fd 1)" 2>/dev/null

# Filters that let nothing through are refused
fails "-p with what no process does" 2 "no process does 'alloc'" devmemsnoop -p $$ -e token_get,alloc
like "$(devmemsnoop -i typo0 -d 1 2>&1)" "no device 'typo0' in this network namespace" \
	"-i with a device that is not here is said"
like "$(devmemsnoop -d 08 --help)" "Usage" "08 is eight, not a wrong octal number"

# A full buffer
snoop --buffer 4 -e alloc
kill -STOP "$snoop_pid"
in_rx devmemcat --bind-only --count 1 -i dms0 -q 2 -S 256K >"$tmp/cycles" 2>&1
kill -CONT "$snoop_pid"
stop_tool "$snoop_pid" "ends on Ctrl-C, with a full buffer"
like "$(cat "$snoop_log")" "[0-9]+ events were lost because the buffer was full" \
	"lost events are counted"
lost=$(sed -n 's/.* \([0-9]*\) events were lost.*/\1/p' "$snoop_log")
is "$(($(count alloc) + lost))" 64 "what was lost and what was seen is all there was"
fails "an unknown event" 2 "'nosuch' is no event" devmemsnoop -e nosuch

as_documented devmemsnoop "${docs[@]}"
check "no BPF program is left" wait_for 60 none_left
done_testing
