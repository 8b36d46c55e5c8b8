#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# soak: debug
# timeout: 240
#
# Sockets that see every packet, beside a stream into device memory: they get the
# headers, the stream does not notice, and no iov is lost.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
here=${0%/*}
bed 4
large=40

# sniff NAME ARGUMENT...: in the background, once it sees packets; its answer
# will be in $dir/NAME.
sniff() {
	local name=$1
	shift
	start_rx python3 "$here/sniff.py" "$@" >"$dir/$name"
	sniffers+=($!)
	wait_line "$dir/$name" ready
}

# Several at once: each but the last that sees a packet gets a clone.
sniffers=()
sniff raw raw dms0 $large
sniff dgram dgram dms0 $large
sniff any raw dms0 $large
sniff ip ip - $large
transfer "a stream that others look at" $((8 << 20)) 10.0.0.1
transfer "the same by IPv6" $((2 << 20)) fd00::1
for pid in "${sniffers[@]}"; do
	ended "$pid"
	is $? 0 "who looked at it saw enough"
done
is "$(sed 1d "$dir/raw")" "headers $large" "SOCK_RAW gets headers and no payload"
is "$(sed 1d "$dir/dgram")" "headers $large" "SOCK_DGRAM gets headers and no payload"
is "$(sed 1d "$dir/any")" "headers $large" "so does a third"
is "$(sed 1d "$dir/ip")" "EFAULT $large" "a raw IP socket is refused"
all_returned "after packets were looked at"

# One that is not read holds what it was given.
start_rx python3 "$here/sniff.py" ip - 1000000 >"$dir/stopped"
pid=$!
wait_line "$dir/stopped" ready
kill -STOP "$pid"
transfer "a stream beside a socket that nobody reads" $((4 << 20)) 10.0.0.1
kill -KILL "$pid"
wait "$pid" 2>/dev/null
all_returned "after that socket was closed"
done_testing
