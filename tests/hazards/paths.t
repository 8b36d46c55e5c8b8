#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem
# soak: debug
# timeout: 600
#
# The device is part of something larger: a bridge, a bond, a macvlan's parent, a router.

# Options are optional; scenes are called by name.
# shellcheck disable=SC2119,SC2317
set -u
. "$PPDEVMEM_REPO/tests/hazards/common.sh"

# passed DEVICE rx|tx: payload went through it. Drops count as well: it had it in its hands.
passed() {
	ip -n rx -s -s -j link show "$1" | jq -e --argjson some "$some" --arg way "$2" \
		'.[0].stats64[$way] | .bytes >= $some or .dropped > 0' >/dev/null
}

# unreadable: the other pair's device dropped what it could not read.
unreadable() {
	in_rx ethtool -S "$1" | grep -Eq 'tx[0-9]+_unreadable: [1-9]'
}

# address_to DEVICE: the address goes from dms0 to another device.
address_to() {
	ip -n rx addr flush dev dms0
	ip -n rx addr add 10.0.0.1/24 dev "$1"
	ip -n tx neigh flush dev dms1
}

address_back() {
	ip -n rx addr flush dev dms0
	ip -n rx addr add 10.0.0.1/24 dev dms0
	ip -n rx addr add fd00::1/64 dev dms0 nodad
	ip -n tx neigh flush dev dms1
}

scene bridge admin "port of a bridge, to the bridge's own address"
bridge() {
	needs bridge || return
	ip -n rx link add br0 type bridge
	ip -n rx link set br0 up
	ip -n rx link set dms0 master br0
	address_to br0
	flow_up
	passes passed br0 rx
	flow_down
	ip -n rx link del br0
	address_back
}

# far_host PREFIX: namespace far with the address 10.0.0.9, on veth far0.
far_host() {
	ip netns add far
	ip -n rx link add tofar type veth peer name far0 netns far
	ip -n rx link set tofar up
	ip -n far addr add "$1" dev far0
	ip -n far link set far0 up
}

# held_in_far: a receiver in far that has nothing of device memory; the binding is in rx.
through_far() {
	start_rx devmemcat --bind-only -i dms0 -q 1 -S 4M 2>"$dir/rx.err"
	receiver=$!
	wait_line "$dir/rx.err" "bound binding"
	nsenter --net=/run/netns/far socat -u "TCP-LISTEN:$port,reuseaddr" OPEN:/dev/null 2>"$dir/far.err" &
	local listener=$!
	wait_for 60 eval "nsenter --net=/run/netns/far ss -tlnH | grep -q :$port"
	sender_up
	push
	saw "$@"
	if wait_for 5 acked; then
		happened stops "it arrives, and nobody can read it there"
	else
		happened dropped
	fi
	kill "$sender" "$listener" "$receiver" 2>/dev/null
	wait "$sender" "$listener" "$receiver" 2>/dev/null
	exec {commands}>&-
	ip netns del far
}

scene bridge_veth remote "bridged to a host behind a veth"
bridge_veth() {
	needs bridge veth || return
	far_host 10.0.0.9/24
	ip -n rx link add br0 type bridge
	ip -n rx link set br0 up
	ip -n rx link set tofar master br0
	ip -n rx link set dms0 master br0
	host=10.0.0.9
	through_far passed tofar tx
	host=10.0.0.1
	ip -n rx link del br0
}

scene forward_veth remote "forwarded to a host behind a veth"
forward_veth() {
	needs veth || return
	far_host 10.7.0.9/24
	ip -n rx addr add 10.7.0.1/24 dev tofar
	ip -n far route add default via 10.7.0.1
	ip -n tx route add 10.7.0.0/24 via 10.0.0.1
	in_rx sysctl -q -w net.ipv4.ip_forward=1
	host=10.7.0.9
	through_far passed tofar tx
	host=10.0.0.1
	in_rx sysctl -q -w net.ipv4.ip_forward=0
	ip -n tx route del 10.7.0.0/24
}

scene fragment remote "forwarded in fragments, to a host behind a smaller MTU"
fragment() {
	needs veth || return
	far_host 10.7.0.9/24
	ip -n rx addr add 10.7.0.1/24 dev tofar
	ip -n rx link set tofar mtu 600
	ip -n far route add default via 10.7.0.1
	ip -n tx route add 10.7.0.0/24 via 10.0.0.1
	in_rx sysctl -q -w net.ipv4.ip_forward=1
	# So that routers may
	in_tx sysctl -q -w net.ipv4.ip_no_pmtu_disc=1
	host=10.7.0.9
	local before
	before=$(counters Ip "FragFails|FragOKs")
	fragmented() {
		(($(counters Ip "FragFails|FragOKs") > before))
	}
	through_far fragmented
	host=10.0.0.1
	in_tx sysctl -q -w net.ipv4.ip_no_pmtu_disc=0
	in_rx sysctl -q -w net.ipv4.ip_forward=0
	ip -n tx route del 10.7.0.0/24
}

scene forward remote "forwarded to another host by another NIC"
forward() {
	ip netns add far
	ip link add dms2 numrxqueues 2 numtxqueues 2 type devmemsim
	ip link set dms2 netns rx
	ip link set dms2p netns far name far0
	ip -n rx addr add 10.7.0.1/24 dev dms2
	ip -n rx link set dms2 up
	ip -n far addr add 10.7.0.9/24 dev far0
	ip -n far link set far0 up
	ip -n far route add default via 10.7.0.1
	ip -n tx route add 10.7.0.0/24 via 10.0.0.1
	in_rx sysctl -q -w net.ipv4.ip_forward=1
	host=10.7.0.9
	forward_saw() {
		unreadable dms2 || passed dms2 tx
	}
	through_far forward_saw
	host=10.0.0.1
	in_rx sysctl -q -w net.ipv4.ip_forward=0
	ip -n tx route del 10.7.0.0/24
}

scene veth_mirror admin "tc mirred: a copy goes to a namespace by a veth, where tcpdump looks"
veth_mirror() {
	needs veth sch_ingress cls_matchall act_mirred || return
	far_host 10.7.0.9/24
	flow_up
	nsenter --net=/run/netns/far /usr/bin/tcpdump -i far0 -c 3 -w "$dir/pcap" "tcp port $port and greater 500" \
		2>"$dir/tap.out" &
	local pid=$!
	wait_line "$dir/tap.out" "listening on"
	in_rx tc qdisc add dev dms0 clsact
	in_rx tc filter add dev dms0 ingress protocol ip matchall action mirred egress mirror dev tofar
	passes passed tofar tx
	in_rx tc qdisc del dev dms0 clsact
	flow_down
	kill "$pid" 2>/dev/null
	wait "$pid"
	diag "$(cat "$dir/tap.out")"
	ip netns del far
}

scene macvlan admin "parent of a macvlan, to the macvlan's address"
macvlan() {
	needs macvlan || return
	ip -n rx link add link dms0 name mv0 type macvlan mode bridge
	ip -n rx link set mv0 up
	address_to mv0
	flow_up
	passes passed mv0 rx
	flow_down
	ip -n rx link del mv0
	address_back
}

scene bond admin "slave of a bond, to the bond's address"
bond() {
	needs bonding || return
	ip -n rx link add bond7 type bond mode active-backup
	ip -n rx link set dms0 down
	ip -n rx link set dms0 master bond7
	ip -n rx link set bond7 up
	address_to bond7
	flow_up
	passes passed bond7 rx
	flow_down
	ip -n rx link del bond7
	ip -n rx link set dms0 up
	address_back
}

scene enslave admin "enslaved to a bridge while the stream goes on"
enslave() {
	needs bridge || return
	flow_up
	ip -n rx link add br0 type bridge
	ip -n rx link set br0 up
	ip -n rx link set dms0 master br0
	address_to br0
	passes passed br0 rx
	ip -n rx link del br0
	address_back
	flow_down
}

run_scenes "$@"
