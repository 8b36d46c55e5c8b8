#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline debug stock-6.12 stock-latest
# slow: stock-6.12 stock-latest mainline debug
# soak: debug
# timeout: 420
#
# Rings, channels, header split and MTU change, under traffic and within limits.

# shellcheck disable=SC2119,SC2317 # optional arguments; functions called by name
# shellcheck source=tests/devmemsim/lib.sh
. "${0%/*}/lib.sh"

make_pair
random_file data 1

ring() {
	ethtool -g dms0 | awk '/^RX:/ { print $2 }' | paste -sd ' '
}

split() {
	ethtool -g dms0 | awk '/^TCP data split:/ { print $4 }'
}

is "$(ring)" "4096 512" "512 of 4096 buffers by default"
is "$(split)" off "header split is off by default"
ethtool -G dms0 rx 33
is "$(ring)" "4096 64" "a ring is a power of two, rounded up"
ethtool -G dms0 rx 1
is "$(ring)" "4096 32" "and has 32 buffers at least"
refused "more than 4096 buffers are refused" "exceeds|Invalid|range" ethtool -G dms0 rx 4097
refused "no channel at all is refused" "Invalid argument|no RX" ethtool -L dms0 combined 0
refused "more channels than there are are refused" "exceeds|Invalid argument" \
	ethtool -L dms0 combined 17
refused "channels that are not combined are refused" "exceeds|Invalid argument" \
	ethtool -L dms0 rx 1

stream_start 5000
check "a stream flows" flows
for n in 4096 512; do
	check "rings of $n under traffic" ethtool -G dms0 rx $n
	check "the stream flows" flows
	is "$(queue_state 0 size)" "$n" "the queue has $n buffers"
done
for mode in on off on; do
	check "header split $mode under traffic" ethtool -G dms0 tcp-data-split $mode
	is "$(split)" $mode "it is $mode"
	check "the stream flows" flows
done
for n in 1 8 3 16 4; do
	check "$n channels under traffic" ethtool -L dms0 combined $n
	check "$n channels under traffic at the other end" far ethtool -L dms0p combined $n
	check "the stream flows" flows
done
for mtu in 9000 1280 1500; do
	check "MTU $mtu under traffic" ip link set dms0 mtu $mtu
	ip -n far link set dms0p mtu $mtu
	check "the stream flows" flows
done
ip link set dms0 down
is "$(queue_state 0 up)" 0 "a device that is down has no queues up"
check "rings of a device that is down" ethtool -G dms0 rx 128 tcp-data-split off
check "channels of a device that is down" ethtool -L dms0 combined 2
ip link set dms0 up
is "$(queue_state 0 size)" 128 "it comes up with them"
is "$(queue_state 1 up) $(queue_state 2 up)" "1 0" "and with those channels"
check "the stream flows" flows
here "nothing of the stream was lost or changed" stream_stop
done_testing
