#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# soak: debug
# timeout: 240
#
# A TCP segment with a wrong checksum, to device memory: dropped and counted by the
# device, or, where the device lets it through, by the kernel, which does not try
# to read it. To ordinary memory: the kernel's as ever.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
here=${0%/*}
bed 4
knobs=/sys/kernel/debug/devmemsim/dms0
mac=$(ip -n rx -j link show dms0 | jq -r '.[0].address')
other=5300

# wrong TARGET PORT BYTES [KEY=VALUE...]: one segment with a wrong checksum.
wrong() {
	local target=$1 from=10.0.0.2
	[[ $target != *:* ]] || from=fd00::2
	in_tx python3 "$here/craft.py" dms1 "$mac" $from "$target" "$2" "$3" csum=wrong "${@:4}"
}

dropped_by_device() {
	in_rx ethtool -S dms0 | awk '/rx[0-9]+_csum_drops/ { sum += $2 } END { print sum + 0 }'
}

dropped_by_tcp() {
	in_rx nstat -asz TcpInCsumErrors | awk '/TcpInCsumErrors/ { print $2 }'
}

counts() {
	echo "$(dropped_by_device) $(dropped_by_tcp)"
}

# counted DESCRIPTION DEVICE TCP: who has dropped how many since the test began.
counted() {
	counts_are() { [ "$(counts)" = "$1" ]; }
	check "$1" wait_for 60 counts_are "$2 $3"
}

receive -q 1 --accept 0
counted "nothing was dropped yet" 0 0

wrong 10.0.0.1 "$port" 1000
counted "device memory, IPv4: dropped by the device" 1 0
wrong fd00::1 "$port" 1000
counted "device memory, IPv6: dropped by the device" 2 0
wrong 10.0.0.1 "$port" 0
counted "no payload: readable, so the kernel's" 2 1
wrong 10.0.0.1 $other 1000
wrong fd00::1 $other 1000
counted "ordinary memory: the kernel's" 2 3

tracing=/sys/kernel/tracing
echo >$tracing/trace
echo 1 >$tracing/events/skb/kfree_skb/enable
echo Y >"$knobs/lenient"
wrong 10.0.0.1 "$port" 1000
counted "a device that lets it through, IPv4: dropped by TCP" 2 4
wrong fd00::1 "$port" 1000
counted "the same, IPv6" 2 5
wrong 10.0.0.1 "$port" 1000 count=64
counted "64 of them" 2 69
wrong 10.0.0.1 "$port" 30
counted "one so short that it is verified at once" 2 70
echo 0 >$tracing/events/skb/kfree_skb/enable
echo N >"$knobs/lenient"
is "$(grep -c 'reason: TCP_CSUM' $tracing/trace)" 67 "each with its reason"
kill -TERM "$receiver"
wait "$receiver"

transfer "device memory still receives" 1048576 10.0.0.1
all_returned "after it"
done_testing
