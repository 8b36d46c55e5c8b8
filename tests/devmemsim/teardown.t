#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline debug stock-6.12 stock-latest
# slow: stock-6.12 stock-latest mainline debug
# soak: debug
# timeout: 420
#
# A device may go at any time. The runner fails the test if the kernel complains.

# shellcheck disable=SC2119,SC2317 # optional arguments; functions called by name
# shellcheck source=tests/devmemsim/lib.sh
. "${0%/*}/lib.sh"

random_file data 1

gone() {
	! [ -e /sys/class/net/dms0 ] && ! ip -n far link show dms0p
}

# removed DESCRIPTION COMMAND...: COMMAND removes both ends under traffic.
removed() {
	local description=$1
	shift
	make_pair
	ethtool -G dms0 tcp-data-split on
	stream_start 5000
	check "a stream flows" flows
	check "$description under traffic" "$@"
	check "both ends are gone" wait_for "$patience" gone
	stream_kill
	ip netns del far
	is "$(ls /sys/kernel/debug/devmemsim 2>/dev/null)" "" "nothing stays in debugfs"
}

removed "this end is removed" ip link del dms0
removed "the other end is removed" ip -n far link del dms0p
for round in 1 2; do
	removed "round $round: the module is removed" modprobe -r devmemsim
	modprobe devmemsim
done

make_pair
for queue in "$knobs"/queue?; do echo 1 >"$queue/stall"; done
on_wire() {
	awk '$1 == "wire" { sum += $2 } END { print sum + 0 }' "$knobs"/queue?/state
}
ip -n far neigh replace 10.1.0.1 dev dms0p lladdr "$(cat /sys/class/net/dms0/address)"
far ping -c 3 -i 0.2 -W 1 10.1.0.1 >/dev/null
check "packets wait on the wire ($(on_wire))" at_least 1 on_wire
check "a stalled device with packets on the wire is removed" ip link del dms0
ip netns del far

# holding ACTION...: a reader holds on to device memory while ACTION happens.
holding() {
	make_pair
	ethtool -G dms0 tcp-data-split on
	ethtool -X dms0 equal 1
	ethtool -N dms0 flow-type tcp4 dst-port 5201 queue 1 >/dev/null
	devmemcat -l -i dms0 -q 1 -S 8M --hold 100 5201 >"$work/holder" 2>&1 &
	holder=$!
	check "$1: a reader listens" wait_for "$patience" listening 5201
	ip netns exec far devmemcat -n 1M 10.1.0.1 5201 >/dev/null 2>&1 &
	sender=$!
	check "$1: it holds device memory" wait_for "$patience" grep -q "holding 100" "$work/holder"
	check "$* while a socket holds device memory" "$@"
	check "both ends are gone" wait_for "$patience" gone
	kill "$holder" "$sender"
	wait "$holder"
	is $? 0 "$1: the reader ends as if nothing had happened"
	wait "$sender"
	ip netns del far
}

holding ip link del dms0
holding modprobe -r devmemsim
modprobe devmemsim
make_pair
check "the next pair works" ping -c 1 -w "$patience" 10.1.0.2
done_testing
