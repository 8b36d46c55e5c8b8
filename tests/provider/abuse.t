#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug mainline stock-6.12 stock-latest
# slow: stock-latest
# timeout: 300
#
# What a reader can do wrong: reads without room for the control messages,
# peeking, tokens that are none. Nothing is lost, nothing is kept, nothing loops.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4

start_rx sockabuse dms0 1 "$port" >"$dir/rx.out" 2>"$dir/rx.err"
receiver=$!
wait_line "$dir/rx.err" listening
send_start -n 1M 10.0.0.1
ended "$receiver"
is $? 0 "the abuser came to its end" || cat "$dir/rx.err" >&2

expect() { # NAME RESULT WHAT
	is "$(sed -n "s/^$1 //p" "$dir/rx.out")" "$2" "$1: $3"
}

etoosmall=-525
expect plain_read EFAULT "an ordinary read is refused"
expect no_control $etoosmall "a read without control buffer is refused"
expect short_control $etoosmall "as is one with a buffer a byte too small"
expect splice_out 0 "splice gets nothing, though there is data, and does not wait"
expect one_control 0 "room for one control message gives one frag"
expect discard 100 "MSG_TRUNC discards without making tokens"
expect peek_twice 3 "each peek makes a token on the same memory, all can be returned"
expect unknown_token 0 "a token that is none frees nothing"
expect no_count 0 "nor does a count of zero"
expect huge_count 0 "nor a huge count of them"
expect wrapping_range 0 "nor a range that wraps"
expect many_huge_counts 0 "nor many huge counts"
expect twice_in_one_call 1 "a token is freed once"
expect held_in_huge_range 0 "those at the start of a huge range are freed"
expect other_socket 1 "another socket cannot free it"
expect length_zero EINVAL "no tokens at all"
expect length_odd EINVAL "an odd length"
expect length_negative EINVAL "a negative length"
expect length_over_limit EINVAL "more ranges than the limit"
expect bad_pointer EFAULT "a bad pointer"
expect udp_socket EBADF "not on UDP"
expect unix_socket EBADF "not on a Unix socket"
expect getsockopt ENOPROTOOPT "it cannot be read"
expect leave_some 1 "tokens are left for close to return"

ended "$sender"
all_returned "after it"
done_testing
