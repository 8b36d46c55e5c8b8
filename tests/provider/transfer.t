#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug mainline stock-6.12 stock-latest
# slow: debug
# timeout: 900
#
# TCP payload arrives in dma-bufs, byte for byte, on every path there is.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4
size=$((4 << 20))
# A packet takes debug 6 ms
[ "$PPDEVMEM_FLAVOR" != debug ] || size=$((1 << 20))

transfer "IPv4 into a udmabuf" "$size" 10.0.0.1
transfer "IPv6 into a udmabuf" "$size" fd00::1
transfer "IPv4 into a dma-heap" "$size" 10.0.0.1 -d heap -S 4M
transfer "IPv6 into a dma-heap" "$size" fd00::1 -d heap:system -S 2M
transfer "more than the dma-buf holds, odd" $((3 * size + 12345)) 10.0.0.1 -S 2M
transfer "one byte" 1 10.0.0.1 -S 2M

# As a file, which needs no pattern of ours to compare.
head -c "$size" /dev/urandom >"$dir/data"
receive -q 1 -o "$dir/copy"
check "a file is sent" in_tx sh -c "devmemcat 10.0.0.1 $port - <'$dir/data'"
ended "$receiver"
check "and arrives as it is" cmp "$dir/data" "$dir/copy"

# Several sockets at once, of both families, on one queue.
receive -j -q 1 --accept 4 -n "$size"
senders=()
for host in 10.0.0.1 fd00::1 10.0.0.1 fd00::1; do
	send_start -n "$size" "$host"
	senders+=("$sender")
done
for sender in "${senders[@]}"; do
	ended "$sender"
	is $? 0 "four sockets: a sender is done"
done
ended "$receiver"
is $? 0 "four sockets: the receiver is content"
received "four sockets" $((4 * size))

# Two receivers, each with a dma-buf and queues of its own.
first_port=$port
receive -j -q 1 -n "$size"
first=$receiver
mv "$dir/rx.out" "$dir/first.out"
port=5202
steer "$port" 2
receive -j -q 2-3 -n "$size" --seed 5
second=$receiver
send_start -n "$size" --seed 5 10.0.0.1
check "two bindings: the first one's sender is done" \
	in_tx devmemcat -n "$size" fd00::1 "$first_port"
ended "$sender"
is $? 0 "two bindings: the second one's sender is done"
ended "$first"
is $? 0 "two bindings: the first receiver is content"
ended "$second"
is $? 0 "two bindings: the second receiver is content"
received "two bindings, the second" "$size"
mv "$dir/first.out" "$dir/rx.out"
received "two bindings, the first" "$size"
port=$first_port

# Many queues of one binding; without rules the hash of a flow chooses among them.
in_rx ethtool -K dms0 ntuple off
in_rx ethtool -X dms0 default
receive -j -q 0-3 --accept 8 -n 65536
for i in 1 2 3 4 5 6 7 8; do
	check "queues 0 to 3: sender $i is done" in_tx devmemcat -n 65536 10.0.0.1 "$port"
done
ended "$receiver"
is $? 0 "queues 0 to 3: the receiver is content"
received "queues 0 to 3" $((8 * 65536))
used=$(in_rx ethtool -S dms0 | grep -c 'rx[023]_split_bytes: [1-9]')
check "queues 0 to 3: more than queue 1 was used ($used)" test "$used" -gt 0

all_returned "after all of it"
done_testing
