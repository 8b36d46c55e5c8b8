#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem
# soak: debug
# timeout: 900
#
# Ways to hurt a host that were seen or read from the source before there was a test.

# Options are optional; scenes are called by name.
# shellcheck disable=SC2119,SC2317
set -u
. "$PPDEVMEM_REPO/tests/hazards/common.sh"

scene race local "two threads: one reads, one returns tokens by guessing"
race() {
	odd_up race
	push 6000000
	wait_line "$dir/rx.out" "^done" 120 || happened hang
	echo end >&"$commands"
	kill "$sender" 2>/dev/null
	odd_down
	check "race: it was given tokens ($(told handed))" test "$(told handed)" -gt 100
}

scene mint local "MSG_PEEK again and again, tokens without end"
mint() {
	odd_up mint
	wait_line "$dir/rx.out" "^done" 200 || happened hang
	odd_down
	check "mint: it was given tokens ($(told minted))" test "$(told minted)" -gt 10000
	if [ "$(told peek)" = ENOBUFS ]; then
		happened refused "ENOBUFS beyond a million"
	else
		happened "without bound"
	fi
}

# lenient Y|N: the driver leaves it to the kernel to refuse and to drop, as most do.
lenient() {
	echo "$1" >/sys/kernel/debug/devmemsim/dms0/lenient
}

scene bad_checksum remote "one TCP packet with a wrong checksum"
bad_checksum() {
	lenient Y
	flow_up
	local before
	before=$(checksum_errors)
	check "bad_checksum: it is sent" in_tx "$PPDEVMEM_REPO/tests/hazards/badsum.py" \
		10.0.0.2 10.0.0.1 "$port"
	noticed() {
		(($(checksum_errors) > before))
	}
	saw noticed
	push
	flow_down
	lenient N
}

# Those that the stack found, and those that the device dropped.
checksum_errors() {
	local stack device
	stack=$(counters Tcp InCsumErrors)
	device=$(in_rx ethtool -S dms0 | awk '/rx[0-9]+_csum_(none|bad|drop|error)/ { n += $2 } END { print n + 0 }')
	echo $((stack + device))
}

scene urgent remote "a byte that is marked as urgent"
urgent() {
	flow_up
	echo urgent >&"$commands"
	sent=$((sent + 1))
	push
	# It is among what is acknowledged
	saw acked
	flow_down
}

scene rx_csum_off admin "receive checksum off under a binding"
rx_csum_off() {
	lenient Y
	flow_up
	if in_rx ethtool -K dms0 rx off 2>"$dir/ethtool.err" &&
		in_rx ethtool -k dms0 | grep -q "^rx-checksumming: off"; then
		happened accepted
		push
		wait_for 20 acked || happened stops
		in_rx ethtool -K dms0 rx on
	else
		happened refused
		push
	fi
	flow_down
	lenient N
}

scene split_off admin "header split off under a binding"
split_off() {
	lenient Y
	flow_up
	if in_rx ethtool -G dms0 tcp-data-split off 2>"$dir/ethtool.err"; then
		happened accepted
	else
		happened refused
	fi
	push
	flow_down
	lenient N
	in_rx ethtool -G dms0 tcp-data-split on
}

scene small_binding admin "a binding with few iovs on two queues"
small_binding() {
	in_rx ethtool -G dms0 rx 32
	in_rx ethtool -N dms0 flow-type tcp4 dst-port 5202 action 2 >/dev/null
	local first=$port
	port=5202
	receive -j -q 1,2 -S $((65 * 4096)) && sender_up && push 200000
	if wait_for 30 acked; then
		flow_down
	else
		happened stops "out of iovs"
		kill "$sender" "$receiver"
		wait "$sender" "$receiver"
		exec {commands}>&-
	fi
	port=$first
	in_rx ethtool -G dms0 rx 512
}

scene bind_down admin "a bind while the device is down and does not split headers"
bind_down() {
	in_rx ethtool -G dms0 tcp-data-split off
	ip -n rx link set dms0 down
	local answer
	answer=$(in_rx badbind dms0 udmabuf 1)
	diag "$answer"
	case $answer in
	bound) happened accepted ;;
	*) happened refused "${answer%%:*}" ;;
	esac
	ip -n rx link set dms0 up
	in_rx ethtool -G dms0 tcp-data-split on
}

run_scenes "$@"
