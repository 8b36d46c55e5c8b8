#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-6.12 stock-latest
# slow: stock-latest
# timeout: 600
#
# Device memory that sockets have and nobody reads: all of it is found, wherever it waits.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

# unread PORT: [iovs, bytes] that nobody reads, of the socket on PORT.
unread() {
	devmemleak -j -t 0 | jq -c "[.leaks[] | select(.kind == \"unread\" and
		.local == \"10.0.0.1:$1\") | .iovs, .bytes]"
}

# queued PORT BYTES: they have come, and wait for the reader.
queued() {
	[ "$(in_rx ss -Htn state established "( sport = :$1 )" | awk '{ print $1 }')" = "$2" ]
}

# came_early PORT: the socket has data that is out of order.
came_early() {
	in_rx ss -Htni state established "( sport = :$1 )" | grep -q 'rcv_ooopack:[1-9]'
}

net_pair 4
$counts && iovs=64M || iovs=16M
start_in rx binder devmemcat --bind-only -i dms0 -q 1 -S "$iovs"
binder_pid=$started
wait_line "$tmp/binder" "bound binding"

# More frags than a batch of them: at most one frag has come with each packet. Not with
# mainline's provider, which looks through all runs of iovs for each that it gets back.
if $counts; then
	steer 5201 1
	reader many --unread --rcvbuf 256 5201
	connect many-data 5201
	mss=1448
	size=$((9000 * mss))
	head -c "$size" /dev/zero >&"$fifo"
	wait_for 240 queued 5201 "$size"
	got=$(unread 5201)
	is "$(jq '.[1]' <<<"$got")" "$size" "all bytes of a long queue"
	check "in more iovs than fit in one batch" [ "$(jq '.[0] > 8192' <<<"$got")" = true ]
	jq_is <(devmemleak -j -t 0) '[.leaks[] | has("truncated")] | any' false "nothing was cut"
fi

# What stands before it is no device memory
reader mixed --unread 5202
connect mixed-data 5202
head -c 1000 /dev/zero >&"$fifo"
wait_for 60 queued 5202 1000
is "$(unread 5202)" "[]" "what is no device memory does not count"
steer 5202 1
head -c 40000 /dev/zero >&"$fifo"
wait_for 60 queued 5202 41000
is "$(unread 5202 | jq '.[1]')" 40000 "device memory behind other data"

# Out of order
steer 5203 1
reader early --unread 5203
start_in tx early-data "$PPDEVMEM_REPO/tests/tools/unread.py" early 5203 5000
wait_for 60 came_early 5203
all_early() {
	[ "$(unread 5203 | jq '.[1]')" = 5000 ]
}
check "device memory that came too early" wait_for 60 all_early

# While the socket is locked
start_in rx busy "$PPDEVMEM_REPO/tests/tools/unread.py" busy 5204
if wait_line "$tmp/busy" "listening|userfaultfd" && grep -q userfaultfd "$tmp/busy"; then
	skip "device memory that came while the socket was locked" "no userfaultfd"
else
	connect busy-data 5204
	echo >&"$fifo"
	wait_line "$tmp/busy" busy
	steer 5204 1
	head -c 5000 /dev/zero >&"$fifo"
	put_aside() {
		[ "$(unread 5204 | jq '.[1] >= 5000')" = true ]
	}
	check "device memory that came while the socket was locked" wait_for 60 put_aside
fi

for log in many mixed early; do
	# shellcheck disable=SC2046 # pids
	[ ! -e "$tmp/$log" ] || kill -9 $(words $log fd 1)
done
kill -9 "${pids[@]}" 2>/dev/null
check "all memory comes back" wait_for 120 no_bindings
done_testing
