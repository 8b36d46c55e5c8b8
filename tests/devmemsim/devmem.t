#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline debug stock-6.12 stock-latest
# slow: stock-6.12 stock-latest mainline debug
# soak: debug
# timeout: 420
#
# Device memory on a queue: the driver's side of it.

# shellcheck disable=SC2119,SC2317 # optional arguments; functions called by name
# shellcheck source=tests/devmemsim/lib.sh
. "${0%/*}/lib.sh"

make_pair
ethtool -X dms0 equal 1
ethtool -N dms0 flow-type tcp4 dst-port 5201 queue 1 >/dev/null
random_file data 1

# serve ARGUMENT...: receive on queue 1 in the background, verified. Mainline
# needs long for large dma-bufs, so they are small here.
serve() {
	devmemcat -l -i dms0 -q 1 -S 8M "$@" 5201 >"$work/served" 2>&1 &
	server=$!
	wait_for "$patience" listening 5201
}

# deliver BYTES: send to the server, all of it arrives in device memory.
deliver() {
	far devmemcat -n "$1" 10.1.0.1 5201 && wait "$server"
	local status=$?
	cat "$work/served"
	return "$status"
}

bind_once() {
	devmemcat --bind-only -i dms0 -q 1 -S 2M --count 1
}

refused "header split off: no binding" "header split" bind_once
ethtool -G dms0 tcp-data-split on

serve
refused "header split stays on while memory is bound" \
	"rx queue 1 is bound|has a memory provider|memory provider enabled" \
	ethtool -G dms0 tcp-data-split off
refused "receive checksums stay on while memory is bound" "Could not change|must stay on" \
	ethtool -K dms0 rx off
# Mainline remembers the wish, and grants it when features change and nothing is bound.
ethtool -K dms0 rx on
ethtool -N dms0 delete 0
refused "bound queues stay" "memory provider" ethtool -L dms0 combined 1
ethtool -N dms0 flow-type tcp4 dst-port 5201 queue 1 >/dev/null
check "rings change while memory is bound" ethtool -G dms0 rx 256
is "$(queue_state 1 size)" 256 "the queue has them"
here "device memory receives" deliver 4M
serve
check "coalescing in hardware" ethtool -K dms0 rx-gro-hw on
here "device memory receives large packets" deliver 4M
check "they were" at_least 2 stat rx1_gro_wire_packets
ethtool -K dms0 rx-gro-hw off
check "header split can go off again" ethtool -G dms0 tcp-data-split off
ethtool -G dms0 tcp-data-split on

# With fewer iovs than TCP's window has packets, one loss is the end: what came
# after it keeps all iovs, and none is left for the retransmission.
window=$(sysctl -n net.ipv4.tcp_rmem)
sysctl -qw net.ipv4.tcp_rmem="4096 32768 65536"
serve -S 256K
here "fewer iovs than buffers in the ring" deliver 4M

serve -S 256K --hold 64
ip netns exec far devmemcat -n 2M 10.1.0.1 5201 >/dev/null 2>&1 &
sender=$!
check "a reader that gives nothing back starves the queue" \
	wait_for "$patience" at_least 1 stat rx1_no_buffer
check "the others go on" far ping -c 1 -w "$patience" 10.1.0.1
kill -USR1 "$server"
here "the queue comes back when iovs do" wait "$sender"
here "and all of it was right" wait "$server"
sysctl -qw net.ipv4.tcp_rmem="$window"

stream_start 5000
check "a stream flows on queue 0" flows
was=$(stat rx0_no_buffer)
check "memory is bound to queue 1 and unbound 20 times" \
	devmemcat --bind-only -i dms0 -q 1 -S 2M --count 20
check "the stream flows" flows
here "and did not notice" stream_stop
is "$(stat rx0_no_buffer)" "$was" "no buffer of queue 0 was missing"

ip link set dms0 down
devmemcat --bind-only -i dms0 -q 1 -S 2M >"$work/bound" 2>&1 &
server=$!
check "a device that is down takes a binding" wait_for "$patience" grep -q bound "$work/bound"
ip link set dms0 up
is "$(queue_state 1 payload)" 256 "and posts its memory when it comes up"
kill "$server"
wait "$server"

for knob in fail_mem_alloc fail_start; do
	echo 1 >"$knobs/queue1/$knob"
	fails "$knob: a binding fails" 1 "cannot bind" bind_once
	is "$(cat "$knobs/queue1/$knob")" 0 "$knob: once"
	check "$knob: the next one succeeds" bind_once
done
echo Y >"$knobs/no_dma_map"
fails "no_dma_map: the provider refuses the pool" 1 "cannot bind" bind_once
echo N >"$knobs/no_dma_map"
echo Y >"$knobs/ignore_provider"
fails "ignore_provider: the kernel notices" 1 "cannot bind" bind_once
echo N >"$knobs/ignore_provider"
serve
here "after all that, device memory receives" deliver 1M
done_testing
