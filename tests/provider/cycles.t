#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: debug
# soak: debug
# timeout: 1800
#
# A thousand times bind and unbind, with traffic: through a queue that stays
# bound and, in host memory or in that of the moment, through the one that
# changes. Then nothing is missing.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4
cycles=1000

# Port 5202 goes to queue 2, whose memory changes under it.
steer 5202 2
# Small rings: to fill large ones is most of a cycle, and none of its point.
in_rx ethtool -G dms0 rx 64
in_rx socat -u TCP-LISTEN:5202,fork,reuseaddr /dev/null 2>"$dir/sink.err" &
sink=$!
on_exit 'kill "$sink" 2>/dev/null'

receive -j -q 1 --accept 2
send_start 10.0.0.1
steady=$sender
check "traffic on the queue that stays bound" wait_line "$dir/rx.err" "connection 1"

# Whoever reads device memory like ordinary memory is refused and closes, so the
# flow comes and goes with the bindings.
(
	while :; do
		in_tx devmemcat -n 1M 10.0.0.1 5202 2>/dev/null || :
	done
) &
flapping=$!
on_exit 'kill "$flapping" 2>/dev/null'

check "$cycles times bind and unbind" \
	in_rx devmemcat --bind-only -i dms0 -q 2-3 -S 1M --count "$cycles"

# in_use: of the one binding there is, the number of iovs, of those its counter has
# free, and of those that are free by what each of them says.
in_use() {
	devmemls -j --iovs | jq -r '.bindings[0] | [.iovs.total, .iovs.free,
		([.iov_list[] | select(.state == "free")] | length)] | join(" ")'
}
is "$(devmemls -j | jq '.bindings | length')" 1 "only the other binding is left"
read -r total free _ < <(in_use)
check "which is in use ($free of $total iovs free)" test "$free" -lt "$total"
kill "$flapping"
ended "$flapping"
kill "$steady"
ended "$steady"
no_connection() {
	! in_rx ss -tanH "( sport = :$port )" | grep -qv LISTEN
}
check "and has received to the end of its traffic" wait_for 120 no_connection

# Without page pools and readers, what is not free is lost.
ip -n rx link set dms0 down
all_free() {
	poke_cpus
	read -r total free walked < <(in_use)
	[ "$free" = "$total" ] && [ "$walked" = "$total" ]
}
check "with the device down its iovs are free, each of them" wait_for 120 all_free
kill "$receiver"
ended "$receiver"
is $? 0 "the receiver of the queue that stayed is content"
like "$(summary '[.verified, .host_bytes] | join(" ")')" "^true 0$" \
	"and got everything in device memory, as it was sent"
kill "$sink"
net_teardown
all_returned "at the end"
done_testing
