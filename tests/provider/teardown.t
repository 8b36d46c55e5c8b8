#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: debug
# timeout: 600
#
# The device leaves under traffic, in every way it can, before the netlink socket
# that bound it and the sockets that hold its memory.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
on_exit net_teardown

# scene NAME: a bed where a receiver holds tokens and a sender sends on and on.
scene() {
	if ! net_pair 4 || ! steer "$port" 1; then
		not_ok "$1: the test bed is up"
		exit 1
	fi
	# A closed socket whose peer is out of reach keeps its tokens until it
	# gives up, which takes minutes otherwise.
	in_rx sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries'
	receive -q 1-2 --hold 64
	send_start 10.0.0.1
	check "$1: there is traffic, and tokens are held" wait_line "$dir/rx.err" "holding 64"
}

# end_scene NAME: the receiver ends; nothing stays.
end_scene() {
	kill "$receiver"
	ended "$receiver"
	is $? 0 "$1: the receiver ends as if nothing had happened"
	kill "$sender" 2>/dev/null
	ended "$sender"
	net_teardown
	memory_returned "$1"
}

# unmapped: no dma-buf is attached to any device.
unmapped() {
	grep -q '^Total 0 devices attached' /sys/kernel/debug/dma_buf/bufinfo &&
		! grep -q '^Total [1-9][0-9]* devices attached' /sys/kernel/debug/dma_buf/bufinfo
}

scene "NIC removed"
check "NIC removed: it goes" ip -n rx link del dms0
# Before its driver may go: whatever the sockets still hold
check "NIC removed: the memory is not mapped for it any more" unmapped
end_scene "NIC removed"

scene "peer removed"
check "peer removed: it goes" ip -n tx link del dms1
end_scene "peer removed"

scene "NIC removed, killed"
ip -n rx link del dms0
kill -9 "$receiver"
ended "$receiver"
is $? 137 "NIC removed, killed: the receiver is killed then"
kill "$sender"
ended "$sender"
net_teardown
memory_returned "NIC removed, killed"

scene "NIC removed, tokens returned"
ip -n rx link del dms0
kill -USR1 "$receiver"
check "NIC removed, tokens returned: they can be" wait_line "$dir/rx.err" "released"
end_scene "NIC removed, tokens returned"

# The receiver's sockets keep their own namespace, so the device leaves it before
# the one that it is in goes away, asynchronously.
scene "namespace removed"
ip netns add gone
check "namespace removed: the bound NIC moves to it" ip -n rx link set dms0 netns gone
ip netns del gone
no_peer() {
	! ip -n tx link show dms1 2>/dev/null
}
check "namespace removed: the NIC goes with it" wait_for 120 no_peer
end_scene "namespace removed"

scene "NIC down and up"
ip -n rx link set dms0 down
ip -n rx link set dms0 up
kill -USR1 "$receiver"
check "NIC down and up: tokens from before can be returned" \
	wait_line "$dir/rx.err" "released 64 tokens"
kill "$receiver"
ended "$receiver"
is $? 0 "NIC down and up: the receiver ends"
kill "$sender"
ended "$sender"
transfer "after down and up" 200000 10.0.0.1
net_teardown
memory_returned "NIC down and up"

# A queue of a device that is down has nothing to restart: neither when memory is bound
# to it nor when it is unbound. A driver that is asked all the same would run into this.
net_pair 4
steer "$port" 1
knob=/sys/kernel/debug/devmemsim/dms0/queue1/fail_mem_alloc
for first in up down; do
	ip -n rx link set dms0 "$first"
	receive -q 1
	ip -n rx link set dms0 down
	echo 1 >"$knob"
	kill "$receiver"
	ended "$receiver"
	is $? 0 "bound when $first, unbound when down: the receiver ends"
	memory_returned "bound when $first, unbound when down"
	is "$(cat "$knob")" 1 "bound when $first, unbound when down: no queue was restarted"
	echo 0 >"$knob"
done
ip -n rx link set dms0 up

# A page pool that is gone ends with the last of its iovs, and the last ones come back
# from several sockets at once, while the kernel asks once a second whether they have.
start_rx devmemcat --bind-only -i dms0 -q 1 -S 16M 2>"$dir/binder.err"
binder=$!
check "last iovs: memory is bound" wait_line "$dir/binder.err" "bound binding"
start_rx "$PPDEVMEM_REPO/tests/tools/reader.py" --hold 64 "$port" 4 >"$dir/readers"
readers=$!
wait_line "$dir/readers" listening
for _ in 1 2 3 4; do
	in_tx devmemcat -n 200000 10.0.0.1 "$port" 2>/dev/null
done
all_got() {
	[ "$(grep -c " got 200000 " "$dir/readers")" = 4 ]
}
check "last iovs: four readers hold some" wait_for 120 all_got
kill "$binder"
ended "$binder"
check "last iovs: they keep the memory" dmabufs_left 1
mapfile -t pids < <(awk '$2 == "fd" { print $1 }' "$dir/readers")
kill -9 "$readers" "${pids[@]}"
memory_returned "last iovs"

transfer "after all that" 200000 10.0.0.1
net_teardown
all_returned "after all that"
done_testing
