#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem
# timeout: 300
#
# An iov on which two sockets have tokens: the kernel knows since when the first was out, and
# nobody whose that is. So neither socket is said to have held it since then.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

# A copy of what comes for the first socket comes into a namespace with the same addresses.
twin_up() {
	local address
	address=$(ip -n rx -j link show dms0 | jq -r '.[0].address')
	on_exit 'ip netns del twin 2>/dev/null'
	modprobe -a macvlan sch_ingress cls_matchall act_mirred &&
		ip netns add twin &&
		ip -n rx link add copies type dummy &&
		ip -n rx link set copies up &&
		ip -n rx link add link copies name copy0 address "$address" netns twin \
			type macvlan mode private &&
		ip -n twin addr add 10.0.0.1/24 dev copy0 &&
		ip -n twin link set copy0 up &&
		in_rx tc qdisc add dev dms0 clsact &&
		in_rx tc filter add dev dms0 ingress matchall action mirred ingress mirror dev copies
}

# holder PID FILTER: of what devmemls has of that process.
holder() {
	devmemls -j | jq -c ".bindings[].holders[] | select(.tasks[0].pid == $1) | $2"
}

old_enough() {
	[ "$(holder "$first" '.oldest_seconds > 3')" = true ]
}

net_pair 4
steer 5201 1
bind
# Not by check, which would keep what is to be done at the end to itself
if ! twin_up; then
	not_ok "packets are copied"
	done_testing
fi
ok "packets are copied"
reader first --hold 1000 5201
start_in tx sender "$PPDEVMEM_REPO/tests/tools/twin.py" send 5201 20000
sender=$started
wait_line "$tmp/sender" " at "
read -r _ _ port sent received <"$tmp/sender"
start_in twin second "$PPDEVMEM_REPO/tests/tools/twin.py" read 5201 "$port" "$sent" "$received"
second=$started
wait_line "$tmp/second" ready
kill -USR1 "$sender"
wait_line "$tmp/first" " held "
first=$(words first fd 1)
check "a reader has its tokens for a while" wait_for 60 old_enough
kill -USR1 "$second"
wait_line "$tmp/second" "held [1-9]"
check "a second one has got some on the same iovs" \
	jq -en "$(holder "$second" .iovs) <= $(devmemls -j | jq '.bindings[0].iovs.user') and
		$(holder "$second" .tokens) > 0"
is "$(holder "$second" .oldest_seconds)" null "for how long is not known"
devmemleak -j -t 0 >"$tmp/leaks"
jq_is "$tmp/leaks" "[.leaks[] | select(.tasks[0].pid == $second) | .oldest_seconds < 3] | unique" "[true]" \
	"devmemleak does not blame it for the time before"
kill -9 "$first" "$second"
unbind
check "all memory comes back" wait_for 120 no_bindings
done_testing
