#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: stock-latest
# timeout: 300
#
# devmemcat sends from device memory: what is in the dma-buf arrives, in whatever
# memory the receiver has, also when it is more than the dma-buf holds.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4
size=$((4 << 20))

# send_from NAME BYTES [OPTION...]: to the receiver that waits.
send_from() {
	local name=$1 bytes=$2
	shift 2
	check "$name: the sender is done" \
		in_tx devmemcat --tx -i dms1 -n "$bytes" "$@" 10.0.0.1 "$port"
	ended "$receiver"
	is $? 0 "$name: the receiver is content"
}

receive -j -q 1 -n "$size"
send_from "into device memory" "$size" -S 8M
received "into device memory" "$size"
receive -j -q 1 -n $((size + 4321))
send_from "more than the dma-buf has" $((size + 4321)) -S 1M
received "more than the dma-buf has" $((size + 4321))
receive -j -q 1 --zcrx -n "$size"
send_from "to io_uring, from a heap" "$size" -d heap -S 2M
received "to io_uring, from a heap" "$size"
all_returned "at the end"
done_testing
