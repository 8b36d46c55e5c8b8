#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem
# soak: debug
# timeout: 600
#
# nftables' rules match, log, queue, copy and forward what arrives in device memory.

# Options are optional; scenes are called by name.
# shellcheck disable=SC2119,SC2317
set -u
. "$PPDEVMEM_REPO/tests/hazards/common.sh"

nft() {
	in_rx /usr/sbin/nft "$@"
}

# counted: the rules have seen payload.
counted() {
	nft -j list counter "$family" hazards seen |
		jq -e --argjson some "$some" '.nftables[].counter? // empty | .bytes >= $some' >/dev/null
}

# rules FAMILY HOOK RULE...: a table with a counter "seen" that has seen what the rules see.
rules() {
	family=$1
	local hook=$2
	shift 2
	{
		echo "table $family hazards {"
		echo "	counter seen { }"
		echo "	chain input {"
		echo "		type filter hook $hook priority 0; policy accept;"
		echo "		tcp dport $port counter name seen"
		printf '\t\t%s\n' "$@"
		echo "	}"
		echo "}"
	} >"$dir/rules"
	check "$current: nft takes the rules" nft -f "$dir/rules"
}

# through RULE...: what such rules do to the stream, which goes on.
through() {
	needs nf_tables || return
	flow_up
	rules ip input "$@"
	passes counted
	nft delete table ip hazards
	flow_down
}

scene payload admin "nftables: compares the payload"
payload() {
	through "tcp dport $port @ih,0,32 0x41414141 drop" \
		"tcp dport $port @th,1600,32 0x41414141 drop" \
		"tcp dport $port @nh,1600,32 0x41414141 drop"
}

scene set_payload admin "nftables: changes the payload"
set_payload() {
	through "tcp dport $port @ih,160,32 set 0x41414141"
}

scene conntrack admin "conntrack"
conntrack() {
	needs nft_ct || return
	through "ct state established,related accept"
}

scene log admin "nftables: log to a group that tcpdump reads, whole"
log() {
	needs nft_log nfnetlink_log || return
	flow_up
	# The kernel keeps messages back for up to a second
	start_rx /usr/bin/tcpdump -i nflog:5 -c 3 -w "$dir/pcap" 2>"$dir/tap.out"
	local pid=$!
	wait_line "$dir/tap.out" "listening on"
	rules ip input "tcp dport $port log group 5 snaplen 9000"
	passes counted
	check "log: tcpdump has them" wait_for 60 gone "$pid"
	nft delete table ip hazards
	flow_down
	like "$(cat "$dir/tap.out")" "3 packets captured" "log: tcpdump has them whole"
}

scene queue admin "nftables: queue to a program that takes whole packets"
queue() {
	needs nft_queue nfnetlink_queue || return
	flow_up
	start_rx hazqueue 3 >"$dir/queue.out" 2>&1
	local pid=$!
	wait_line "$dir/queue.out" "^ready"
	rules ip input "tcp dport $port queue num 3"
	push
	saw counted
	# What the program has of it, or why not
	wait_for 60 grep -Eq "^(data|failed)" "$dir/queue.out"
	wait_for 10 acked || happened stops "until it is removed"
	nft delete table ip hazards
	kill "$pid"
	wait "$pid"
	diag "$(sort "$dir/queue.out" | uniq -c)"
	flow_down
}

scene dup admin "nftables: dup to another host"
dup() {
	needs nft_dup_ipv4 dummy || return
	ip -n rx link add dup0 type dummy
	ip -n rx addr add 10.9.0.1/24 dev dup0
	ip -n rx link set dup0 up
	ip -n rx neigh add 10.9.0.2 lladdr 02:00:00:00:00:01 dev dup0
	flow_up
	rules ip input "tcp dport $port dup to 10.9.0.2 device dup0"
	passes counted
	diag "dup0 sent $(ip -n rx -s -j link show dup0 | jq '.[].stats64.tx.bytes') bytes"
	nft delete table ip hazards
	flow_down
	ip -n rx link del dup0
}

scene dup_netdev admin "nftables at ingress: dup to another device"
dup_netdev() {
	needs nft_dup_netdev dummy || return
	ip -n rx link add dup0 type dummy
	ip -n rx link set dup0 up
	flow_up
	rules netdev "ingress device dms0" "tcp dport $port dup to \"dup0\""
	passes counted
	diag "dup0 sent $(ip -n rx -s -j link show dup0 | jq '.[].stats64.tx.bytes') bytes"
	nft delete table netdev hazards
	flow_down
	ip -n rx link del dup0
}

scene fwd_netdev admin "nftables at ingress: fwd to another device"
fwd_netdev() {
	needs nft_fwd_netdev dummy || return
	ip -n rx link add dup0 type dummy
	ip -n rx link set dup0 up
	flow_up
	rules netdev "ingress device dms0" "tcp dport $port fwd to \"dup0\""
	takes counted
	nft delete table netdev hazards
	flow_down
	ip -n rx link del dup0
}

run_scenes "$@"
