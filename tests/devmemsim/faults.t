#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline debug stock-6.12 stock-latest
# slow: mainline stock-6.12 stock-latest debug
# soak: debug
# timeout: 300
#
# The knobs in debugfs make the faults they promise, and the device recovers.

# shellcheck disable=SC2119,SC2317 # optional arguments; functions called by name
# shellcheck source=tests/devmemsim/lib.sh
. "${0%/*}/lib.sh"

make_pair
ethtool -X dms0 equal 1
random_file data 1

# turn KNOB VALUE: of queue 0.
turn() {
	echo "$2" >"$knobs/queue0/$1"
}

# flood COUNT: datagrams that nobody waits for.
flood() {
	far ping -f -c "$1" -W 1 10.1.0.1 >/dev/null
}

check "undisturbed" far ping -c 1 -w "$patience" 10.1.0.1

turn drop 3
far ping -c 3 -i 0.2 -W 1 10.1.0.1 >/dev/null
is "$(cat "$knobs/queue0/drop")" 0 "drop: counts down"
is "$(stat rx0_fault_drops)" 3 "as many packets are dropped"
check "and then no more" far ping -c 1 -w "$patience" 10.1.0.1

turn stall 1
fails "stall: nothing arrives" 1 "100% packet loss" far ping -c 2 -i 0.2 -W 1 10.1.0.1
check "packets wait on the wire" at_least 2 queue_state 0 wire
was=$(stat rx0_packets)
turn stall 0
check "they arrive later" wait_for "$patience" at_least $((was + 2)) stat rx0_packets
is "$(stat rx0_overruns)" 0 "none was lost"
turn stall 1
flood 700
check "the wire overflows" at_least 1 stat rx0_overruns
turn stall 0
check "and the queue recovers" far ping -c 1 -w "$patience" 10.1.0.1

turn starve 1
flood 600
check "starve: all buffers are used up" wait_for "$patience" [ "$(queue_state 0 host)" = 0 ]
check "then packets are dropped" at_least 1 stat rx0_no_buffer
turn starve 0
check "and the queue recovers" far ping -c 1 -w "$patience" 10.1.0.1
check "with all its buffers" wait_for "$patience" at_least 490 queue_state 0 host

ethtool -G dms0 tcp-data-split on
stream_start 5000
check "a stream flows" flows
was=$(stat rx0_no_buffer)
turn starve 1
check "starve: the stream loses packets" \
	wait_for "$patience" at_least $((was + 1)) stat rx0_no_buffer
turn starve 0
check "and flows again" flows
was=$(stat rx0_refill_fail)
turn fail_payload_alloc 20
check "fail_payload_alloc: refills fall short" \
	wait_for "$patience" at_least $((was + 20)) stat rx0_refill_fail
is "$(cat "$knobs/queue0/fail_payload_alloc")" 0 "as many as asked for"
check "and the stream flows" flows
here "nothing of it was lost or changed" stream_stop
done_testing
