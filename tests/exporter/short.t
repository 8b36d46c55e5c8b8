#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-6.12 stock-latest
# slow: stock-6.12
# soak: stock-latest
# timeout: 300
#
# A job that runs dry and ends between two scrapes: its device's totals have it.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"

none_bound() {
	poke_cpus
	devmemls -j | jq -e '.bindings == []'
}

net_pair 4
steer 5201 1
exporter --walk-interval 3600

for round in 1 2; do
	start_in rx "job$round" devmemcat -l -i dms0 -q 1 -S 1M --hold 100000 5201
	job=$started
	wait_line "$tmp/job$round" "listening on" 120 "$job"
	start_in tx "send$round" devmemcat -n 8M 10.0.0.1 5201
	wait_line "$tmp/job$round" "stalled" 120 "$job"
	kill -KILL "$job"
	check "job $round is gone" wait_for 60 none_bound
done
scrape
metric_is devmem_bindings 0 "no scrape saw a binding"
metric_is devmem_exhausted_total absent "which would have had a counter"
like "$(metric 'devmem_device_exhausted_total{device="dms0"}')" '^[1-9]' "the device's total has that it ran dry"
like "$(metric 'devmem_device_tokens_handed_out_total{device="dms0"}')" '^[1-9]' "and that it had tokens"
exhausted=$(metric devmem_device_exhausted_total)
scrape
metric_is devmem_device_exhausted_total "$exhausted" "the next scrape has the same"
check "promtool likes it" promtool check metrics <"$tmp/page"

# With a binding that is there
bind
scrape
metric_is 'devmem_device_exhausted_total{device="dms0"}' "$exhausted" "it goes on from there"
is "$(grep -c '^devmem_device_exhausted_total' "$tmp/page")" 1 "in one series"
kill -TERM "$exporter_pid"
wait "$exporter_pid"
is $? 0 "the end"
done_testing
