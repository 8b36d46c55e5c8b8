#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug mainline
# slow: debug
# timeout: 600
#
# Readers that keep tokens: until the queue is out of iovs, until they are
# killed, or beyond the end of the binding. And one that never reads.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4
size=$((8 << 20))
iovs=512

# Held until nothing is left; then everything goes on where it stopped.
receive -j -q 1 -S $((iovs * 4096)) -n "$size" --hold 100000
send_start -n "$size" 10.0.0.1
check "a reader that keeps all tokens runs into a stall" wait_line "$dir/rx.err" stalled 240
held=$(sed -n 's/.*stalled: .*holding \([0-9]*\) tokens.*/\1/p' "$dir/rx.err" | tail -n 1)
check "with most iovs in its hands ($held of $iovs)" test "$held" -gt $((iovs / 2))
starved=$(in_rx ethtool -S dms0 | sed -n 's/ *rx1_refill_fail: //p')
check "the queue cannot refill ($starved times)" test "$starved" -gt 0
kill -USR1 "$receiver"
ended "$sender"
is $? 0 "after their return the sender gets to its end"
ended "$receiver"
is $? 0 "and so does the receiver"
received "after the stall" "$size"
memory_returned "after the stall"

# Killed while it holds tokens and there is more in its socket.
receive -q 1 --hold 64
send_start 10.0.0.1
wait_line "$dir/rx.err" "holding 64 tokens"
kill -9 "$receiver"
ended "$receiver"
is $? 137 "a receiver that holds tokens is killed"
ended "$sender"
memory_returned "after kill -9"
transfer "after kill -9" 200000 10.0.0.1

# The binding goes first: its memory stays for as long as a socket holds tokens.
receive -q 1 --hold 100000
send_start -n 300000 fd00::1
wait_line "$dir/rx.err" "has ended, .* are held"
kill -USR2 "$receiver"
wait_line "$dir/rx.err" "unbound binding"
leaker=$receiver leaker_sender=$sender
mv "$dir/rx.err" "$dir/leaker.err"
transfer "on the queue that was unbound" 200000 10.0.0.1
check "the tokens keep the unbound memory, and no other" wait_for 120 dmabufs_left 1
kill -USR1 "$leaker"
ended "$leaker"
is $? 0 "they can be returned then"
ended "$leaker_sender"
memory_returned "after unbind, then return"

# The same, but the socket closes with the tokens on it.
receive -q 1 --hold 100000
send_start -n 300000 10.0.0.1
wait_line "$dir/rx.err" "has ended, .* are held"
kill -USR2 "$receiver"
wait_line "$dir/rx.err" "unbound binding"
kill "$receiver"
ended "$receiver"
is $? 0 "the socket closes after the unbind, with tokens"
ended "$sender"
memory_returned "after unbind, then close"

# Data that nobody reads has no tokens; the receive queue holds the iovs.
receive -q 1 --no-read
send_start 10.0.0.1
wait_line "$dir/rx.err" "not reading it"
unread() {
	# Half of what an untuned socket takes
	in_rx ss -tnH state established "( sport = :$port )" | awk '{ exit !($1 >= 32768) }'
}
check "unread data piles up in the socket" wait_for 120 unread
kill -USR2 "$receiver"
wait_line "$dir/rx.err" "unbound binding"
kill "$receiver"
ended "$receiver"
is $? 0 "its socket closes after the unbind"
ended "$sender"
memory_returned "after unread data"

# MSG_PEEK, on every message.
transfer "peeking at each message" 2000000 10.0.0.1 --peek
check "tokens were made by peeking" test "$(summary .peeked_frags)" -gt 0
memory_returned "after peeking"

# A sender that pauses: each stall is told, not only the first.
stalls() {
	[ "$(grep -c stalled: "$dir/rx.err")" -ge "$1" ]
}
mkfifo "$dir/pauses"
receive -q 1 --discard --hold 1
start_tx sh -c "exec devmemcat 10.0.0.1 $port - <'$dir/pauses'" 2>"$dir/tx.err"
sender=$!
exec {pauses}>"$dir/pauses"
for stall in 1 2; do
	head -c 64K /dev/zero >&"$pauses"
	check "stall $stall is told" wait_for 120 stalls "$stall"
done
exec {pauses}>&-
wait_line "$dir/rx.err" "has ended, 1 of its tokens"
kill -USR1 "$receiver"
ended "$receiver"
is $? 0 "and the connection ends in order after them"
ended "$sender"
all_returned "after pauses"
done_testing
