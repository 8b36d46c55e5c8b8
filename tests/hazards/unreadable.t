#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# soak: debug
# timeout: 240
#
# What a peer can make the kernel do with a payload that it cannot read: take an
# urgent byte out of it, verify a signature, cut it into fragments, quote it in an
# error. It does without, says so in a counter, and lives.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
here=${0%/*}
bed 4
mac=$(ip -n rx -j link show dms0 | jq -r '.[0].address')

# craft TARGET BYTES [KEY=VALUE...]: a segment from the peer.
craft() {
	local target=$1 from=10.0.0.2
	[[ $target != *:* ]] || from=fd00::2
	in_tx python3 "$here/craft.py" dms1 "$mac" $from "$target" "$port" "${@:2}"
}

# counter rx|tx NAME
counter() {
	"in_$1" nstat -asz "$2" | awk -v name="$2" '$1 == name { print $2 }'
}

# counts rx|tx NAME NUMBER DESCRIPTION: it comes to that.
counts() {
	counted() { [ "$(counter "$1" "$2")" = "$3" ]; }
	check "$4" wait_for 60 counted "$1" "$2" "$3"
}

head -c 5001 /dev/urandom >"$dir/data"
receive -q 1 -o "$dir/copy"
check "a peer sends an urgent byte" in_tx timeout 120 \
	python3 "$here/payload.py" urgent 10.0.0.1 "$port" "$dir/data"
ended "$receiver"
is $? 0 "the receiver is content" || cat "$dir/rx.err" >&2
check "the urgent byte stayed in its place" cmp "$dir/data" "$dir/copy"
all_returned "after an urgent byte"

# From here on the memory is bound and nobody reads.
start_rx devmemcat --bind-only -i dms0 -q 1 -S 4M 2>"$dir/bound"
binding=$!
wait_line "$dir/bound" "bound binding"

start_rx python3 "$here/payload.py" signed "$port" 10.0.0.2 >"$dir/signed"
listener=$!
wait_line "$dir/signed" "ready|unsupported"
if grep -q ready "$dir/signed"; then
	craft 10.0.0.1 1000 md5=1 count=3
	counts rx TcpExtTCPMD5Failure 3 "a signature of device memory is a wrong one"
	kill "$listener"
else
	skip "a signature of device memory is a wrong one" "no CONFIG_TCP_MD5SIG"
fi
wait "$listener"

# A router: what comes from the peer goes on to a narrow link.
ip netns add beyond
on_exit 'ip netns del beyond'
ip -n rx link add narrow type veth peer name end netns beyond
ip -n rx addr add 10.9.0.1/24 dev narrow
ip -n rx addr add fd09::1/64 dev narrow nodad
ip -n rx link set narrow mtu 1280 up
ip -n beyond addr add 10.9.0.2/24 dev end
ip -n beyond addr add fd09::2/64 dev end nodad
ip -n beyond link set end up
ip -n tx route add 10.9.0.0/24 via 10.0.0.1
ip -n tx route add fd09::/64 via fd00::1
in_rx sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
in_rx ping -q -c 1 -w 60 10.9.0.2 >"$dir/ping"
in_rx ping -q -c 1 -w 60 fd09::2 >"$dir/ping"

# Ports tell what is for queue 1; the router's own traffic has none.
before=$(counter rx IpFragFails)
craft 10.9.0.2 1400 df=0 count=3
counts rx IpFragFails $((before + 3)) "a router does not cut device memory into fragments"
craft 10.9.0.2 1400
counts tx IcmpInDestUnreachs 1 "the sender hears that its packet is too big"
craft 10.9.0.2 1000 ttl=1
counts tx IcmpInTimeExcds 1 "the sender hears that its packet has had its hops"
is "$(counter tx IcmpInCsumErrors)" 0 "and each error has a right checksum"
craft fd09::2 1400
counts tx Icmp6InPktTooBigs 1 "IPv6: the sender hears that its packet is too big"
craft fd09::2 1000 ttl=1
counts tx Icmp6InTimeExcds 1 "IPv6: the sender hears that its packet has had its hops"
is "$(counter tx Icmp6InCsumErrors)" 0 "and each error has a right checksum"

kill "$binding"
wait "$binding"
transfer "device memory still receives" 1048576 10.0.0.1
all_returned "after it"
done_testing
