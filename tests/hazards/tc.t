#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem
# soak: debug
# timeout: 600
#
# tc's filters and actions at the ingress of a device that receives into device memory:
# they copy it, send it elsewhere, change it and compare it.

# Options are optional; scenes are called by name.
# shellcheck disable=SC2119,SC2317
set -u
. "$PPDEVMEM_REPO/tests/hazards/common.sh"

object=$PPDEVMEM_REPO/build/obj/hazards/tc.bpf.o

tc() {
	in_rx tc "$@"
}

# A device to send to, that of scenes which need one.
spare() {
	ip -n rx link show "$1" >/dev/null 2>&1 || ip -n rx link add "$1" type "$2"
	ip -n rx link set "$1" up
}

# actions_saw: the filter's actions have seen payload.
actions_saw() {
	tc -s -j filter show dev dms0 ingress | jq -e --argjson some "$some" \
		'[.. | .stats? // empty | .bytes] | max >= $some' >/dev/null
}

# at_ingress ARGUMENT...: a filter there, once the stream is up.
at_ingress() {
	flow_up
	tc qdisc add dev dms0 clsact
	check "$current: tc takes the filter" tc filter add dev dms0 ingress protocol ip "$@"
}

# through ARGUMENT...: what such a filter does to the stream, which goes on.
through() {
	needs sch_ingress || return
	at_ingress "$@"
	passes actions_saw
	tc qdisc del dev dms0 clsact
	flow_down
}

# away ARGUMENT...: the same of one that may take the packets away.
away() {
	needs sch_ingress || return
	at_ingress "$@"
	takes actions_saw
	tc qdisc del dev dms0 clsact
	flow_down
}

scene mirror_egress admin "tc mirred: a copy goes out of a dummy device"
mirror_egress() {
	needs cls_matchall act_mirred dummy || return
	spare dummy0 dummy
	through matchall action mirred egress mirror dev dummy0
}

scene mirror_ingress admin "tc mirred: a copy comes in at an ifb device"
mirror_ingress() {
	needs cls_matchall act_mirred ifb || return
	spare ifb1 ifb
	through matchall action mirred ingress mirror dev ifb1
}

scene mirror_back admin "tc mirred: a copy goes back out of the device it came from"
mirror_back() {
	needs cls_matchall act_mirred || return
	through matchall action mirred egress mirror dev dms0
}

scene redirect_egress admin "tc mirred: redirected out of a dummy device"
redirect_egress() {
	needs cls_matchall act_mirred dummy || return
	spare dummy0 dummy
	away matchall action mirred egress redirect dev dummy0
}

scene redirect_ifb admin "tc mirred: redirected to an ifb device, which gives it back"
redirect_ifb() {
	needs cls_matchall act_mirred ifb || return
	spare ifb1 ifb
	away matchall action mirred egress redirect dev ifb1
}

scene redirect_ingress admin "tc mirred: redirected into the ingress of a dummy device"
redirect_ingress() {
	needs cls_matchall act_mirred dummy || return
	spare dummy0 dummy
	through matchall action mirred ingress redirect dev dummy0
}

scene pedit_header admin "tc pedit: changes the IP header"
pedit_header() {
	needs cls_matchall act_pedit || return
	through matchall action pedit ex munge ip ttl set 9 pipe action csum ip
}

scene pedit_payload admin "tc pedit: changes the payload"
pedit_payload() {
	needs cls_matchall act_pedit || return
	through matchall action pedit munge offset 200 u32 set 0x41414141
}

scene csum admin "tc csum: computes the TCP checksum anew"
csum() {
	needs cls_matchall act_csum || return
	# What is merged it leaves alone
	in_rx ethtool -K dms0 gro off
	away matchall action csum tcp
	in_rx ethtool -K dms0 gro on
}

scene police admin "tc police: drops what is beyond a rate"
police() {
	needs cls_matchall act_police || return
	through matchall action police rate 20mbit burst 200k mtu 64k conform-exceed drop
}

scene u32_payload admin "tc u32: compares the payload"
u32_payload() {
	needs cls_u32 cls_matchall act_gact || return
	flow_up
	tc qdisc add dev dms0 clsact
	check "$current: tc takes the filter" tc filter add dev dms0 ingress protocol ip prio 1 \
		u32 match u32 0 0xffffffff at 200 action drop
	tc filter add dev dms0 ingress protocol ip prio 2 matchall action pass
	passes actions_saw
	tc qdisc del dev dms0 clsact
	flow_down
}

scene bpf_pull admin "tc BPF: bpf_skb_pull_data() of everything"
bpf_pull() {
	needs act_bpf cls_matchall || return
	through matchall action bpf obj "$object" sec tc/pull
}

scene bpf_store admin "tc BPF: bpf_skb_store_bytes() into the payload"
bpf_store() {
	needs act_bpf cls_matchall || return
	through matchall action bpf obj "$object" sec tc/store
}

scene bpf_resize admin "tc BPF: bpf_skb_change_tail() cuts the payload and makes it longer"
bpf_resize() {
	needs act_bpf cls_matchall || return
	through matchall action bpf obj "$object" sec tc/resize
}

scene bpf_clone admin "tc BPF: bpf_clone_redirect() back out of the device"
bpf_clone() {
	needs act_bpf cls_matchall || return
	through matchall action bpf obj "$object" sec tc/clone
}

run_scenes "$@"
