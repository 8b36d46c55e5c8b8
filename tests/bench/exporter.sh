#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest, with --icount: what devmem_exporter costs while packets are received.
# Prints one JSON object for each arm: {"arm":..., "scrape": instructions of its own for
# a scrape and the walk that goes with it, "result": what rxbench measured}.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"

scrapes=10

cpu_ns() {
	python3 -c 'import sys, time; print(time.clock_gettime_ns(~int(sys.argv[1]) << 3 | 2))' \
		"$exporter_pid"
}

# walks: how many there were, by the time of the last
walk_ended() {
	scrape && metric devmem_exporter_walk_timestamp_seconds
}

walked_since() {
	[ "$(walk_ended)" != "$1" ]
}

# As Prometheus does: a scrape, and a walk between it and the next
scrape_cost() {
	local before last i
	before=$(cpu_ns)
	for ((i = 0; i < scrapes; i++)); do
		last=$(walk_ended)
		kill -HUP "$exporter_pid"
		wait_for 60 walked_since "$last"
	done
	echo $((($(cpu_ns) - before) / scrapes))
}

receive() {
	in_rx rxbench devmem
}

net_pair 2
steer 5201 1
in_tx sysctl -qw net.ipv4.tcp_slow_start_after_idle=0 net.ipv4.tcp_early_retrans=0
printf '{"arm":"none","scrape":0,"result":%s}\n' "$(receive)"
for option in "" --histograms; do
	# shellcheck disable=SC2086
	exporter --walk-interval 3600 $option
	result=$(receive)
	printf '{"arm":"%s","scrape":%d,"result":%s}\n' "devmem_exporter${option:+ $option}" \
		"$(scrape_cost)" "$result"
	kill "$exporter_pid"
	wait "$exporter_pid"
done
