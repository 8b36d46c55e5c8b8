#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-latest
# slow: ppdevmem stock-latest
# timeout: 600
#
# devmemcheck names what is wrong with what flows: a binding that is too small, and
# iovs that nobody has.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

found="$tmp/found.json"

# look DESCRIPTION WANT [OPTION...]: that part 'now' finds these names wrong, and no others.
look() {
	local description=$1 want=$2
	shift 2
	in_rx devmemcheck -j -w 3 "$@" now >"$found" 2>"$tmp/check-err"
	cat "$tmp/check-err" >&2
	jq -r ".findings[] | .name + \": \" + .evidence" "$found" >&2
	jq_is "$found" '[.findings[] | select(.verdict == "wrong") | .name] | unique' "$want" \
		"$description"
}

# stream NAME PORT: a connection that sends without end; its reader gives everything back.
stream() {
	start_in tx "$1" devmemcat 10.0.0.1 "$2"
}

# bind_queues SIZE QUEUES
bind_queues() {
	start_in rx binder devmemcat --bind-only -i dms0 -q "$2" -S "$1"
	binder_pid=$started
	wait_line "$tmp/binder" "bound binding" 120 "$binder_pid"
}

net_pair 4
for port in 5201 5203; do
	steer "$port" 1
done

# A binding of 64 iovs, where the NIC alone would take 512
bind_queues 256K 1
reader small --delay 0.01 5201
stream small-load 5201
wait_line "$tmp/small" " fd "
look "a binding that is too small" '["too-small"]'
jq_is "$found" '.findings[] | select(.name == "too-small") | .figures |
	[.iovs, .iovs_wanted >= 512, .exhausted > 0, .tokens_per_second > 0]' \
	"[64,true,true,true]" "how small, and how large it should be"
kill -9 "$started" "$(words small fd 1)"
unbind
wait_for 120 no_bindings

# Packets that a program keeps in its queue, and an unbind: no socket has them
bind
reader queued 5203
connect fifo 5203
wait_line "$tmp/queued" " fd "
start_in rx queue hazqueue 3
queue=$started
wait_line "$tmp/queue" "^ready"
kill -STOP "$queue"
in_rx nft -f - <<-END
	table ip check {
		chain input {
			type filter hook input priority 0;
			tcp dport 5203 queue num 3
		}
	}
END
head -c 8000 /dev/zero >&"$fifo"
is_queued() {
	in_rx cat /proc/net/netfilter/nfnetlink_queue | awk '$1 == 3 && $3 > 0' | grep -q .
}
check "packets are in the queue" wait_for 60 is_queued
unbind
unbound() {
	devmemls -j | jq -e '.bindings[0].unbound'
}
wait_for 60 unbound
poke_cpus
look "iovs that nobody has" '["lost","unbound-held"]'
kill -9 "$queue"
in_rx nft delete table ip check
kill -9 "$(words queued fd 1)"
check "they come back" wait_for 120 no_bindings

check "no BPF program is left" wait_for 60 none_left
done_testing
