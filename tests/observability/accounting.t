#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem debug
# soak: debug
# timeout: 2400
#
# A binding's counters are exact although sockets, queues and processors work on
# them at once: whenever nothing moves, they are what counting the iovs one by
# one gives, and the three states add up.

set -u
. "$PPDEVMEM_REPO/tests/observability/common.sh"

volume=1M
# Where all is slow, and the counting takes most of both processors
[ "$PPDEVMEM_FLAVOR" != debug ] || volume=64K

# exact NAME STEP: its counters agree with a walk over its iovs.
exact() {
	local total free user allocs releases wfree wpool wuser
	read -r total free user allocs releases wfree wpool wuser < <(counters "$1" \
		total free user allocs releases walked_free walked_pool walked_user)
	is "$free $user" "$wfree $wuser" "$2: free and user of '$1' are what counting gives"
	is "$((free + wpool + user))" "$total" "$2: total = free + pool + user of '$1'"
	is "$((allocs - releases))" "$((total - free))" "$2: allocs - releases of '$1' are not free"
}

exact_all() {
	local name
	for name in many peeking lazy; do
		exact "$name" "$1"
	done
}

# Two queues in one binding, the second for IPv6; tokens from peeking; a reader
# that leaves what comes where it is.
start_receivers() {
	in_rx ethtool -N dms0 flow-type tcp4 dst-port 5301 action 1 >/dev/null
	in_rx ethtool -N dms0 flow-type tcp6 dst-port 5301 action 3 >/dev/null
	receive many 5301 -q 1,3 -S 8M --accept 0 --hold 100
	many=$receiver
	receive peeking 5202 -q 2 -S 8M --accept 0 --peek
	peeking=$receiver
	receive lazy 5204 -q 4 -S 4M --accept 0 --no-read
	lazy=$receiver
}

send_all() {
	local target
	for target in "10.0.0.1 5301" "fd00::1 5301" "10.0.0.1 5301" "fd00::1 5301" \
		"10.0.0.1 5202" "fd00::1 5202"; do
		# shellcheck disable=SC2086 # host and port
		send -n $volume $target
		senders+=("$sender")
	done
}

# all_read ROUNDS: every stream of so many rounds has come to its end, and nothing
# of it is unread. Those whose tokens are held are still half open.
all_read() {
	[ "$(grep -c "connection [0-9]* from" "$dir/many.err")" = $((4 * $1)) ] &&
		[ "$(grep -c "connection [0-9]* from" "$dir/peeking.err")" = $((2 * $1)) ] &&
		! in_rx ss -Htn '( sport = :5301 or sport = :5202 )' |
			awk '$1 != "CLOSE-WAIT" || $2 { found = 1 } END { exit !found }'
}

unread() {
	in_rx ss -Htn "sport = :5204" | awk '$2 >= 32768 { found = 1 } END { exit !found }'
}

quiet() { # STEP TOKENS: nothing moves any more
	check "$1: 'many' holds $2 tokens and no more" wait_for $patience held_is many "$2"
	check "$1: 'peeking' gave all back" wait_for $patience held_is peeking 0
	exact_all "$1"
}

hammer() { # ROUND
	local stress
	devmemprobe stress >"$dir/stress" &
	stress=$!
	wait_line "$dir/stress" started $patience
	send_all
	check "round $1: six streams over three queues" wait_for $patience all_read "$1"
	finish "$stress"
	is "$(tail -n 1 "$dir/stress" | fields wrong)" 0 \
		"round $1: meanwhile every count was possible, every iov in one state"
	quiet "round $1" 100
}

all_sent() {
	local status=0
	for sender in "${senders[@]}"; do
		ended "$sender" || status=$?
	done
	return "$status"
}

senders=()
bed
trace_start devmem_binding_free
start_receivers
exact_all "bound"
send -n 32K 10.0.0.1 5204
check "a stream that nobody reads" wait_for $patience unread
is "$(counters lazy user tokens)" "0 0" "what nobody has read is nobody's"
hammer 1
hammer 2
kill -USR1 "$many"
quiet "all given back" 0
check "the senders got rid of all" all_sent
kill -USR2 "$many"
wait_line "$dir/many.err" "unbound binding" $patience
kill "$many" "$peeking" "$lazy"
check "all bindings are freed" wait_for $patience freed 3
is "$(traced devmem_binding_free | fields total | sort | paste -sd' ')" "1024 2048 2048" \
	"the three of them"
is "$(traced devmem_binding_free | fields free | sort | paste -sd' ')" "1024 2048 2048" \
	"in the end free = total"
is "$(traced devmem_binding_free | fields user | sort -u)" 0 "and nothing is the user's"
done_testing
