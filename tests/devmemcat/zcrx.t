#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: stock-latest
# timeout: 300
#
# devmemcat by io_uring: what was sent arrives, buffers can be held, and the memory
# is given back. Parked sockets hold what they held.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4
size=$((4 << 20))

# Another that wants the queue is told why it cannot have it.
fails_to_take() {
	in_rx devmemcat -l -i dms0 -q 1 --zcrx 5202 2>&1 | grep -q "bound already"
}

# tcp_fds PID: how many of its descriptors are connections of this port.
tcp_fds() {
	find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | sort >"$dir/fds"
	in_rx ss -Htane "sport = :$port" | grep -o 'ino:[1-9][0-9]*' | cut -d: -f2 | sort >"$dir/tcp"
	comm -12 "$dir/fds" "$dir/tcp" | wc -l
}

transfer "twice what the area has" "$size" 10.0.0.1 --zcrx -S 2M
transfer "IPv6" "$size" fd00::1 --zcrx

receive -j -q 1 --zcrx --accept 2 -n "$size"
send_start -n "$size" 10.0.0.1
check "two at once: a sender is done" in_tx devmemcat -n "$size" fd00::1 "$port"
ended "$sender"
is $? 0 "two at once: the other sender is done"
ended "$receiver"
is $? 0 "two at once: the receiver is content"
received "two at once" $((2 * size))

receive -j -q 1 --zcrx --hold 7 -n "$size"
check "a reader that holds: the sender is done" in_tx devmemcat -n "$size" 10.0.0.1 "$port"
check "it says so" wait_line "$dir/rx.err" "holding 7 buffers, [0-9]+ bytes" 60 "$receiver"
check "the queue is taken" fails_to_take
kill -USR1 "$receiver"
ended "$receiver"
is $? 0 "it ends when it has given them back"
is "$(summary .tokens_held)" 0 "and holds none"

for where in flight ring; do
	receive -j -q 1 --hold 7 --park "$where"
	send_start -n 1M 10.0.0.1
	check "parked, $where: told" wait_line "$dir/rx.err" "7 of its tokens are held by a parked socket"
	is "$(tcp_fds "$receiver")" 0 "parked, $where: no descriptor has the connection"
	kill -USR1 "$receiver"
	ended "$receiver"
	is $? 0 "parked, $where: it ends"
	ended "$sender"
	is $? 0 "parked, $where: the sender sees the end of the connection then"
done
all_returned "at the end"
done_testing
