#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem
# soak: debug
# timeout: 900
#
# What goes wrong on the wire, and what an admin changes while the stream goes on.

# Options are optional; scenes are called by name.
# shellcheck disable=SC2119,SC2317
set -u
. "$PPDEVMEM_REPO/tests/hazards/common.sh"

# wire COMMAND...: netem at the sender does this to the packets; it must have had some.
wire() {
	needs sch_netem || return
	in_rx sysctl -q -w net.ipv4.tcp_rmem="4096 16384 32768"
	flow_up
	local before
	before=$(disturbed)
	in_tx tc qdisc add dev dms1 root netem "$@"
	push 150000
	netem_did() {
		(($(disturbed) > before))
	}
	saw netem_did
	in_tx tc qdisc del dev dms1 root
	flow_down
	in_rx sysctl -q -w net.ipv4.tcp_rmem="4096 131072 6291456"
}

# How many segments the receiver had out of order or more than once.
disturbed() {
	counters TcpExt "TCPOFOQueue|TCPDSACKOldSent|TCPDSACKOfoSent|DelayedACKLost"
}

scene loss remote "packets are lost, small receive buffer"
loss() { wire loss 10%; }

scene reorder remote "packets are reordered, small receive buffer"
reorder() { wire delay 5ms reorder 50% 50%; }

scene duplicate remote "packets are duplicated, small receive buffer"
duplicate() { wire duplicate 30%; }

scene tiny remote "segments of a few bytes"
tiny() {
	flow_up
	local bytes
	for bytes in 1 2 3 5 1 2; do
		push "$bytes"
		wait_for 60 acked
	done
	flow_down
}

# changed COMMAND...: change something while the stream goes on; it goes on.
changed() {
	flow_up
	push 300000
	check "$current: it is changed" "$@"
	push 300000
	flow_down
}

scene gro_off admin "GRO off"
gro_off() {
	changed in_rx ethtool -K dms0 gro off
	in_rx ethtool -K dms0 gro on
}

scene tx_csum_off admin "the sender's checksum offload off"
tx_csum_off() {
	changed in_tx ethtool -K dms1 tx off
	in_tx ethtool -K dms1 tx on
}

scene mtu admin "another MTU at both ends"
mtu() {
	both_mtu() {
		ip -n rx link set dms0 mtu "$1" && ip -n tx link set dms1 mtu "$1"
	}
	changed both_mtu 4148
	both_mtu 1500
}

scene rings admin "rings of another size"
rings() {
	changed in_rx ethtool -G dms0 rx 64
	in_rx ethtool -G dms0 rx 512
}

scene channels admin "channels that are not bound go, and come back"
channels() {
	changed in_rx ethtool -L dms0 combined 3
	in_rx ethtool -L dms0 combined 4
}

scene channels_bound admin "the bound channel is to go"
channels_bound() {
	flow_up
	if in_rx ethtool -L dms0 combined 1 2>"$dir/ethtool.err"; then
		happened accepted
		in_rx ethtool -L dms0 combined 4
	else
		happened refused
	fi
	push
	flow_down
}

scene rename admin "another name"
rename() {
	changed ip -n rx link set dms0 name dms9
	ip -n rx link set dms9 name dms0
}

scene down_up admin "down and up again"
down_up() {
	cycle() {
		ip -n rx link set dms0 down && ip -n rx link set dms0 up &&
			ip -n rx addr replace fd00::1/64 dev dms0 nodad
	}
	changed cycle
}

scene netns_move admin "moved to another namespace and back"
netns_move() {
	move() {
		ip netns add other &&
			ip -n rx link set dms0 netns other &&
			ip -n other link set dms0 netns rx &&
			ip -n rx addr add 10.0.0.1/24 dev dms0 &&
			ip -n rx addr add fd00::1/64 dev dms0 nodad &&
			ip -n rx link set dms0 up &&
			ip netns del other
	}
	changed move
}

scene cpu_offline admin "a processor goes offline and comes back"
cpu_offline() {
	[ -w /sys/devices/system/cpu/cpu1/online ] || { missing HOTPLUG_CPU && return; }
	offline() {
		echo 0 >/sys/devices/system/cpu/cpu1/online
	}
	changed offline
	echo 1 >/sys/devices/system/cpu/cpu1/online
}

# A cgroup of its own for the receiver, with @current's name.
cgroup=/sys/fs/cgroup/hazards

# cut_off: the receiver is killed; the sender notices, and the memory comes back.
cut_off() {
	ended "$receiver"
	is $? 137 "$current: the receiver is killed"
	push
	check "$current: the sender is told" wait_line "$dir/tx.out" "^failed (ECONNRESET|EPIPE)"
	wait "$sender"
	exec {commands}>&-
	rmdir "$cgroup"
	happened stops "the reader is no more"
}

scene out_of_memory local "a reader that holds tokens runs out of its cgroup's memory and is killed"
out_of_memory() {
	grep -qw memory /sys/fs/cgroup/cgroup.controllers || { missing MEMCG && return; }
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir "$cgroup"
	echo 16M >"$cgroup/memory.max"
	reader_up eat
	echo "$receiver" >"$cgroup/cgroup.procs"
	reader_begins
	check "out_of_memory: it holds tokens" wait_line "$dir/rx.out" "^held [1-9]"
	killed_for_memory() {
		grep -q "^oom_kill 1$" "$cgroup/memory.events"
	}
	check "out_of_memory: it is out of memory" wait_for 60 killed_for_memory
	cut_off
}

scene cgroup_kill admin "cgroup.kill of a reader that holds tokens"
cgroup_kill() {
	mkdir "$cgroup"
	receive -q 1 -S 4M --hold 200
	echo "$receiver" >"$cgroup/cgroup.procs"
	sender_up
	push 300000
	check "cgroup_kill: it holds tokens" wait_line "$dir/rx.err" "holding 200 tokens"
	echo 1 >"$cgroup/cgroup.kill"
	cut_off
}

run_scenes "$@"
