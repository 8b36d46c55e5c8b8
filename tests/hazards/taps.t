#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem
# soak: debug
# timeout: 600
#
# Packet sockets of every kind look at a device that receives into device memory.

# Options are optional; scenes are called by name.
# shellcheck disable=SC2119,SC2317
set -u
. "$PPDEVMEM_REPO/tests/hazards/common.sh"

# tap MODE: have hazdump look while the stream goes on.
tap() {
	flow_up
	start_rx hazdump "$1" dms0 >"$dir/tap.out" 2>&1
	local pid=$!
	wait_line "$dir/tap.out" "^ready"
	passes grep -q "^data" "$dir/tap.out"
	kill "$pid"
	wait "$pid"
	flow_down
}

scene raw admin "packet socket, SOCK_RAW"
raw() { tap raw; }

scene dgram admin "packet socket, SOCK_DGRAM"
dgram() { tap dgram; }

scene vnet admin "packet socket with PACKET_VNET_HDR"
vnet() { tap vnet; }

scene filter admin "packet socket with a filter that cuts within the payload"
filter() { tap filter; }

scene filter_headers admin "packet socket with a filter that cuts within the headers"
filter_headers() { tap filter-headers; }

scene filter_ring2 admin "packet socket, ring of version 2, with a filter that cuts"
filter_ring2() { tap filter-ring2; }

scene fanout admin "two packet sockets, fanout"
fanout() { tap fanout; }

scene ring1 admin "packet socket, ring of version 1"
ring1() { tap ring1; }

scene ring2 admin "packet socket, ring of version 2"
ring2() { tap ring2; }

scene ring2_dgram admin "packet socket, SOCK_DGRAM, ring of version 2"
ring2_dgram() { tap ring2-dgram; }

scene ring2_copy admin "packet socket, ring of version 2, what is too long is copied"
ring2_copy() { tap ring2-copy; }

scene ring3 admin "packet socket, ring of version 3"
ring3() { tap ring3; }

scene ring3_fanout admin "packet sockets, ring of version 3, fanout"
ring3_fanout() { tap ring3-fanout; }

# With a count it ends by itself, having written whole packets.
scene tcpdump admin "tcpdump"
tcpdump() {
	flow_up
	start_rx /usr/bin/tcpdump -i dms0 -c 2 -s 0 -w "$dir/pcap" "tcp port $port and greater 500" \
		2>"$dir/tap.out"
	local pid=$!
	wait_line "$dir/tap.out" "listening on"
	passes gone "$pid"
	flow_down
	like "$(cat "$dir/tap.out")" "2 packets captured" "tcpdump: it has them"
}

run_scenes "$@"
