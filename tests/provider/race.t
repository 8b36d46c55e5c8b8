#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# soak: debug
# timeout: 300
#
# Readers that try to make the kernel lose count of their tokens: by giving back
# numbers before they are told of them, by reads that fail half way, and by
# peeking for as many as there are. What a socket holds is what its readers can
# give back, and when they have, the binding has no iov in state user.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4

# race MODE BYTES: play it, and wait until it has given back what it knows of.
race() {
	start_rx tokenrace "$1" dms0 1 "$port" >"$dir/rx.out" 2>"$dir/rx.err"
	receiver=$!
	wait_line "$dir/rx.err" listening
	send_start -n "$2" 10.0.0.1
	check "$1: the reader has done what it wanted" wait_line "$dir/rx.err" "done" 240 ||
		cat "$dir/rx.err" >&2
}

said() { # NAME
	sed -n "s/^$1 //p" "$dir/rx.out"
}

user_iovs() {
	devmemls -j | jq -r '[.bindings[].iovs.user] | join(" ")'
}

# settled MODE: with the socket still open, the kernel knows of no token. Each one
# that was made came back once.
settled() {
	is "$(user_iovs)" 0 "$1: no iov is in state user any more"
}

# left: the reader goes, and all of its memory.
left() {
	kill "$receiver"
	ended "$receiver"
	kill "$sender" 2>/dev/null
	ended "$sender"
	all_returned "$1"
}

if [ -e /proc/sys/vm/unprivileged_userfaultfd ]; then
	race block 256K
	check "block: a guess took tokens from under the read ($(said guessed))" \
		test "$(said guessed)" -gt 0
	check "block: the read told of tokens all the same" test "$(said handed)" -gt 0
	settled block
	left block
else
	skip "block: a guess takes tokens from under a read" "no CONFIG_USERFAULTFD"
fi

race fault 256K
check "fault: each read told of what it could" test "$(said handed)" -gt 1
is "$(said returned)" "$(said handed)" "fault: and that came back"
settled fault
left fault

race guess 2M
check "guess: some guesses came true ($(said guessed) of $(said handed))" \
	test "$(said guessed)" -gt 0
settled guess
left guess
done_testing
