#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline debug stock-6.12 stock-latest
# slow: stock-6.12 stock-latest mainline debug
# soak: debug
# timeout: 300
#
# Flows go to the queue that a rule or the hash says.

# shellcheck disable=SC2119,SC2317 # optional arguments; functions called by name
# shellcheck source=tests/devmemsim/lib.sh
. "${0%/*}/lib.sh"

make_pair
random_file data 1
size=$((1 << 20))
ethtool -G dms0 tcp-data-split on
ethtool -X dms0 equal 1

# lands QUEUE ADDRESS PORT DESCRIPTION: the payload of a transfer goes to QUEUE,
# and nothing else of it anywhere. TCP may have sent a part twice.
lands() {
	local queue total
	queue=$(stat "rx$1_split_bytes")
	total=$(stat total_split_bytes)
	transfer "$2" "$3" "$file" || {
		not_ok "$4" "the transfer failed"
		return
	}
	queue=$(($(stat "rx$1_split_bytes") - queue))
	total=$(($(stat total_split_bytes) - total))
	if [ $queue -ge $size ] && [ $queue = $total ]; then
		ok "$4"
	else
		not_ok "$4" "$queue bytes on queue $1, $total in all, of $size"
	fi
}

lands 0 10.1.0.1 5000 "without rules, one queue in the table: queue 0"
check "a rule for IPv4 by address and port" \
	ethtool -N dms0 flow-type tcp4 dst-ip 10.1.0.1 dst-port 5001 queue 1
check "a rule for IPv6" ethtool -N dms0 flow-type tcp6 dst-ip fd01::1 dst-port 5001 queue 2
lands 1 10.1.0.1 5001 "the rule for IPv4 holds"
lands 2 "[fd01::1]" 5001 "the rule for IPv6 holds"
lands 0 10.1.0.1 5002 "another port is not concerned"

check "a rule by source network" \
	ethtool -N dms0 flow-type tcp4 src-ip 10.1.0.0 m 0.0.0.255 queue 3 loc 10
lands 3 10.1.0.1 5002 "a mask holds"
lands 1 10.1.0.1 5001 "the lower location wins"
check "a rule by source port" ethtool -N dms0 flow-type tcp4 src-port 999 queue 2 loc 0
lands 3 10.1.0.1 5001 "a rule replaced the one at its location"
like "$(ethtool -n dms0)" "Total 3 rules" "all rules are listed"
like "$(ethtool -n dms0 rule 10)" "Action: Direct to queue 3" "a rule is shown"

refused "a queue out of range" "Invalid argument" \
	ethtool -N dms0 flow-type tcp4 dst-port 1 queue 4
refused "a location out of range" "Invalid argument" \
	ethtool -N dms0 flow-type tcp4 dst-port 1 queue 1 loc 64
refused "another protocol" "not supported" ethtool -N dms0 flow-type sctp4 dst-port 1 queue 1
refused "a field that is not matched" "not supported" \
	ethtool -N dms0 flow-type tcp4 tos 1 queue 1
refused "a rule that is not there" "No such file" ethtool -N dms0 delete 40
refused "fewer channels than a rule needs" "ntuple" ethtool -L dms0 combined 3

check "a rule for UDP" ethtool -N dms0 flow-type udp4 dst-port 5006 queue 2
before=$(stat rx2_packets)
far sh -c "echo | socat -u - UDP:10.1.0.1:5006"
check "datagrams go where it says" wait_for $patience at_least $((before + 1)) stat rx2_packets

check "a rule is removed" ethtool -N dms0 delete 10
lands 0 10.1.0.1 5002 "and holds no longer"
ethtool -K dms0 ntuple off
like "$(ethtool -n dms0)" "Total 0 rules" "ntuple off removes all"
refused "and lets none in" "not supported" ethtool -N dms0 flow-type tcp4 dst-port 1 queue 1
ethtool -K dms0 ntuple on

ethtool -X dms0 weight 0 0 1 0
lands 2 10.1.0.1 5003 "the indirection table holds"
refused "fewer channels than the table needs" "indirection" ethtool -L dms0 combined 2
ethtool -X dms0 default
like "$(ethtool -x dms0)" "0: +0 +1 +2 +3 +0 +1 +2 +3" "by default the table has all queues in turn"

is "$(ethtool -X dms0 context new start 3 equal 1)" "New RSS context is 1" "an RSS context is made"
check "a rule to it" ethtool -N dms0 flow-type tcp4 dst-port 5004 context 1 loc 20
lands 3 10.1.0.1 5004 "its flows go where the table of the context says"
check "the table is changed" ethtool -X dms0 context 1 start 1 equal 1
lands 1 10.1.0.1 5004 "they follow"
check "a rule adds to what the context says" \
	ethtool -N dms0 flow-type tcp4 dst-port 5004 context 1 action 1 loc 20
lands 2 10.1.0.1 5004 "they go that much further"
refused "but not beyond the last queue" "Invalid argument" \
	ethtool -N dms0 flow-type tcp4 dst-port 5004 context 1 action 3 loc 20
refused "another rule that matches the same, to a context" "exists" \
	ethtool -N dms0 flow-type tcp4 dst-port 5004 context 1
refused "a context that is not there" "Invalid argument" \
	ethtool -N dms0 flow-type tcp4 dst-port 5004 context 7 loc 20
ethtool -N dms0 delete 20
check "a context is removed" ethtool -X dms0 context 1 delete

check "only addresses are hashed" ethtool -N dms0 rx-flow-hash tcp4 sd
queues() { # those that eight flows go to
	local before after port
	before=$(ethtool -S dms0 | grep -E "rx[0-9]+_split_packets")
	for port in 5011 5012 5013 5014 5015 5016 5017 5018; do
		transfer 10.1.0.1 $port "$work/short" || return
	done
	after=$(ethtool -S dms0 | grep -E "rx[0-9]+_split_packets")
	comm -13 <(sort <<<"$before") <(sort <<<"$after") | wc -l
}
head -c 100 "$file" >"$work/short"
is "$(queues)" 1 "so all flows between two hosts go to one queue"
check "ports as well" ethtool -N dms0 rx-flow-hash tcp4 sdfn
check "so they are spread" [ "$(queues)" -gt 1 ]

check "a key is taken" ethtool -X dms0 hkey "$(printf '%02x:' {1..39})28"
like "$(ethtool -x dms0)" "01:02:03:.*:28" "and shown"
refused "another hash function" "not supported|toeplitz" ethtool -X dms0 hfunc xor
ethtool -L dms0 combined 2
like "$(ethtool -x dms0)" "0: +0 +1 +0 +1" "the default table follows the channels"
done_testing
