#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline debug stock-6.12 stock-latest
# slow: mainline stock-6.12 debug
# soak: debug
# timeout: 420
#
# What is sent arrives, whole, in the memory it belongs to.

# shellcheck disable=SC2119,SC2317 # optional arguments; functions called by name
# shellcheck source=tests/devmemsim/lib.sh
. "${0%/*}/lib.sh"

make_pair
random_file data 4
size=$((4 << 20))

check "ICMP over IPv4" ping -c 3 -i 0.2 -w $patience 10.1.0.2
check "ICMP over IPv6" ping -c 3 -i 0.2 -w $patience fd01::2
check "fragmented ICMP" ping -c 2 -i 0.2 -s 20000 -w $patience 10.1.0.2

check "TCP over IPv4, not split" transfer 10.1.0.1 5000 "$file"
check "TCP over IPv6, not split" transfer "[fd01::1]" 5001 "$file"
is "$(stat total_split_packets)" 0 "nothing was split"

ethtool -G dms0 tcp-data-split on
check "TCP over IPv4, split" transfer 10.1.0.1 5002 "$file"
check "all payload went to payload buffers" at_least $size stat total_split_bytes
check "TCP over IPv6, split" transfer "[fd01::1]" 5003 "$file"
check "all payload went to payload buffers" at_least $((2 * size)) stat total_split_bytes
was=$(stat total_split_bytes)
check "ICMP with header split on" ping -c 1 -w $patience 10.1.0.2
check "fragments with header split on" ping -c 1 -s 20000 -w $patience 10.1.0.2
is "$(stat total_split_bytes)" "$was" "none of that was split"

for mtu in 4148 9000 65535; do
	check "MTU $mtu here" ip link set dms0 mtu $mtu
	check "MTU $mtu there" ip -n far link set dms0p mtu $mtu
	check "MTU $mtu, split" transfer 10.1.0.1 $((mtu - 1)) "$file"
done
ethtool -G dms0 tcp-data-split off
check "MTU 65535, not split" transfer 10.1.0.1 5004 "$file"
check "ICMP of 60000 bytes in one packet" ping -c 1 -s 60000 -M "do" -w $patience 10.1.0.2

check "MTU 1500 here, beside 65535 there" ip link set dms0 mtu 1500
was=$(stat total_oversize)
fails "a packet beyond the receiver's MTU is lost" 1 "100% packet loss" \
	far ping -c 1 -W 1 -s 3000 -M "do" 10.1.0.1
check "and counted" [ "$(stat total_oversize)" -gt "$was" ]
check "MTU 1500 there" ip -n far link set dms0p mtu 1500

far ethtool -K dms0p tx off >/dev/null
check "checksums by the sender's CPU are verified" transfer 10.1.0.1 5005 "$file"
ethtool -K dms0 rx off
was=$(stat total_csum_unnecessary)
check "without checksum offload the stack verifies" transfer 10.1.0.1 5006 "$file"
is "$(stat total_csum_unnecessary)" "$was" "and the device verified none"
ethtool -K dms0 rx on
far ethtool -K dms0p tx on >/dev/null

check "coalescing in hardware" ethtool -K dms0 rx-gro-hw on
port=5010
for mode in off on; do
	ethtool -G dms0 tcp-data-split $mode
	was=$(stat total_gro_wire_packets)
	check "TCP over IPv4 with it, header split $mode" transfer 10.1.0.1 $port "$file"
	check "TCP over IPv6 with it, header split $mode" transfer "[fd01::1]" $((port + 1)) "$file"
	check "segments were put together" at_least $((was + 2)) stat total_gro_wire_packets
	port=$((port + 2))
done
check "not any more" ethtool -K dms0 rx-gro-hw off
was=$(stat total_gro_wire_packets)
check "TCP without it" transfer 10.1.0.1 $port "$file"
is "$(stat total_gro_wire_packets)" "$was" "nothing was put together"
ethtool -G dms0 tcp-data-split off

# A NAPI in an idle thread is a receiver that cannot keep up.
ethtool -X dms0 equal 1
echo 1 >/sys/class/net/dms0/threaded
pgrep napi/dms0 | xargs -n 1 chrt -i -p 0
flood() {
	far socat -b 1000 -u "OPEN:$file" UDP-SENDTO:10.1.0.1:9
}
balanced() {
	[ "$(stat total_stops far)" = "$(stat total_wakes far)" ]
}
floods=()
for _ in 1 2 3; do
	flood &
	floods+=($!)
done
wait "${floods[@]}"
check "a receiver that is too slow stops the sender" at_least 1 stat total_stops far
check "and wakes it each time" wait_for $patience balanced
is "$(stat total_overruns)" 0 "instead of losing packets"

is "$(stat total_csum_bad)" 0 "no checksum was wrong"
is "$(stat total_dma_errors)" 0 "all buffers could be written"
is "$(stat total_drops far)" 0 "the sender lost nothing"
done_testing
