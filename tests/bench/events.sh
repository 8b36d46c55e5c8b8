#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest: events.sh MODULES PROGRAM:EVENT... - run PROGRAM (rxbench or
# allocbench) with the tracepoint EVENT on, or with 'none'. Prints one JSON
# object for each: {"program":..., "event":..., "result": what it measured}.

set -euo pipefail
. "$PPDEVMEM_REPO/tests/lib/net.sh"

events=/sys/kernel/tracing/events/devmem

measure() {
	case $1 in
	rxbench) in_rx rxbench devmem ;;
	# Its first line is the clock's calibration.
	allocbench) allocbench events | jq -cs add ;;
	esac
}

modules=$1
shift
net_pair 2
steer 5201 1
in_tx sysctl -qw net.ipv4.tcp_slow_start_after_idle=0 net.ipv4.tcp_early_retrans=0
insmod "$modules/sgbuf.ko"
insmod "$modules/allocbench.ko"

for run; do
	program=${run%:*}
	event=${run#*:}
	[ "$event" = none ] || echo 1 >"$events/$event/enable"
	result=$(measure "$program")
	[ "$event" = none ] || echo 0 >"$events/$event/enable"
	printf '{"program":"%s","event":"%s","result":%s}\n' "$program" "$event" "$result"
done
