#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline debug stock-6.12 stock-latest
# slow: stock-6.12 stock-latest mainline debug
# soak: debug
# timeout: 180
#
# Making, naming, moving and removing pairs.

# shellcheck disable=SC2119,SC2317 # optional arguments; functions called by name
# shellcheck source=tests/devmemsim/lib.sh
. "${0%/*}/lib.sh"

exists() {
	[ -e "/sys/class/net/$1" ]
}

channels() {
	ethtool -l "$1" | awk '/^Combined/ { print $2 }' | paste -sd ' '
}

carrier() {
	[ "$(cat "/sys/class/net/$1/carrier")" = "$2" ]
}

ip netns add far

check "a pair is made" ip link add dms0 type devmemsim
check "the peer is named after it" exists dms0p
is "$(channels dms0)" "16 4" "by default 4 of 16 channels are in use"
like "$(ip -d link show dms0)" "devmemsim .*parentdev devmemsim" "it has a parent device"
check "removing the peer" ip link del dms0p
fails "removes both" 1 "^$" exists dms0

check "a pair of 6 queues is made" ip link add dms0 numrxqueues 6 numtxqueues 6 type devmemsim
is "$(channels dms0)" "6 6" "all 6 are in use"
is "$(channels dms0p)" "6 6" "and as many by the peer"
ip link del dms0
fails "129 queues are refused" 2 "1 to 128 queues, not 129" \
	ip link add dms0 numrxqueues 129 type devmemsim
fails "a multicast address is refused" 2 "not a unicast Ethernet address" \
	ip link add dms0 address 01:00:5e:00:00:01 type devmemsim
fails "an occupied name is refused" 2 "exists" ip link add lo type devmemsim

if [ -e "$IP_LIB_DIR/link_devmemsim.so" ]; then
	check "the peer takes a name, a namespace and a width" \
		ip link add dms0 type devmemsim peer name other numrxqueues 2 numtxqueues 2 netns far
	like "$(ip -n far link show other)" "other@" "it is there"
	is "$(far ethtool -l other | awk '/^Combined/ { print $2 }' | paste -sd ' ')" "2 2" \
		"with that width"
	ip link del dms0
	fails "a bad address of the peer is refused" 2 "not a unicast Ethernet address" \
		ip link add dms0 type devmemsim peer name other address 01:00:5e:00:00:01
	fails "an occupied name of the peer is refused" 2 "exists" \
		ip link add dms0 type devmemsim peer name lo
	fails "and leaves nothing behind" 1 "^$" exists dms0
else
	not_ok "ip knows the arguments of devmemsim: link_devmemsim.so in '$IP_LIB_DIR'"
fi

ip link add dms0 type devmemsim
ip link set dms0 up
check "one end up: no carrier" carrier dms0 0
ip link set dms0p up
check "both ends up: carrier" wait_for $patience carrier dms0 1
ip link set dms0p down
check "the other end down: no carrier" wait_for $patience carrier dms0 0

ip link set dms0 down name dms7
check "debugfs follows a new name" [ -d /sys/kernel/debug/devmemsim/dms7 ]
ip link set dms7 netns far
check "a moved device keeps its directory" [ -d /sys/kernel/debug/devmemsim/dms7 ]
ip link add dms7 type devmemsim
like "$(ls /sys/kernel/debug/devmemsim)" "dms7\.[0-9]+" "one of two with the same name is told apart"
ip netns del far
check "a pair goes with the namespace of one end" \
	wait_for $patience eval '! [ -e /sys/class/net/dms0p ]'
check "another pair stays" exists dms7
ip link del dms7
is "$(ls /sys/kernel/debug/devmemsim)" "" "nothing stays in debugfs"
check "the module can be removed" modprobe -r devmemsim
check "and loaded again" modprobe devmemsim
done_testing
