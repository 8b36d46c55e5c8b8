#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# soak: debug
# timeout: 240
#
# What device memory needs of a device stays on while it is bound: the kernel sees
# to it, also when the driver does not.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4
knobs=/sys/kernel/debug/devmemsim/dms0

feature() {
	in_rx ethtool -k dms0 | awk '/^rx-checksumming:/ { print $2 }'
}

split() {
	in_rx ethtool -g dms0 | awk '/^TCP data split:/ { print $4 }'
}

# refused DESCRIPTION PATTERN ARGUMENT...: so is ethtool with these arguments.
refused() {
	local description=$1 pattern=$2 output
	shift 2
	if output=$(in_rx ethtool "$@" 2>&1); then
		not_ok "$description" "'ethtool $*' succeeded"
	else
		like "$output" "$pattern" "$description"
	fi
}

# old_interface: switch receive checksums off as programs did before netlink.
old_interface() {
	in_rx python3 - <<-'END'
		import array, fcntl, socket, struct

		SIOCETHTOOL, ETHTOOL_SRXCSUM = 0x8946, 0x15
		value = array.array("B", struct.pack("=II", ETHTOOL_SRXCSUM, 0))
		ifreq = struct.pack("16sP16x", b"dms0", value.buffer_info()[0])
		fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), SIOCETHTOOL, ifreq)
	END
}

# all_refused DRIVER: nothing can be switched off, whoever the kernel asks.
all_refused() {
	refused "$1: receive checksums cannot go off" "rx-checksum must stay on" -K dms0 rx off
	check "$1: the old interface is asked" old_interface
	is "$(feature)" on "$1: they are on"
	# The kernel remembers the wish, and would grant it once the binding is gone
	in_rx ethtool -K dms0 rx on
	refused "$1: tcp-data-split cannot go off" "tcp-data-split must stay on" \
		-G dms0 tcp-data-split off
	refused "$1: nor be left to the driver" "tcp-data-split must stay on" \
		-G dms0 tcp-data-split auto
	is "$(split)" on "$1: it is on"
	check "$1: rings change" in_rx ethtool -G dms0 rx "$2"
	check "$1: other features change" in_rx ethtool -K dms0 rxhash off
	check "$1: and back" in_rx ethtool -K dms0 rxhash on
}

# Nobody sends yet: the binding is there for as long as it takes.
receive -q 1 -j -n 2M
all_refused "a careful driver" 256
echo Y >"$knobs/lenient"
all_refused "a careless driver" 128
send_start -n 2M 10.0.0.1
ended "$sender"
is $? 0 "the sender is done"
ended "$receiver"
is $? 0 "the receiver is content" || cat "$dir/rx.err" >&2
received "a stream after all that" $((2 << 20))
all_returned "after it"

check "unbound, receive checksums go off" in_rx ethtool -K dms0 rx off
is "$(feature)" off "they are off"
fails "nothing is bound without them" 1 "rx-checksum|receive checksum" \
	in_rx devmemcat --bind-only -i dms0 -q 1 -S 1M --count 1
check "they go on again" in_rx ethtool -K dms0 rx on
check "unbound, tcp-data-split goes off" in_rx ethtool -G dms0 tcp-data-split off
is "$(split)" off "it is off"
done_testing
