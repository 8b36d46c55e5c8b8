#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# console_scene.sh DIR: in the guest. Two bindings, one with a reader that keeps
# tokens; leaves the console page that Prometheus makes of it in DIR, and the page
# of metrics that says the same.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"
. "$PPDEVMEM_REPO/tests/exporter/prometheus.sh"

out=$1
here=$PPDEVMEM_REPO/tests/exporter

settled() {
	firing DevmemHeldTooLong && is_true 'devmem_skb_drops_total' &&
		is_true "devmem_tokens == 1500"
}

# taken: the page and the metrics, from a time in which TCP sent nothing again
taken() {
	local drops
	scrape && drops=$(metric devmem_skb_drops_total) &&
		is_true "sum(devmem_skb_drops_total) == $drops" &&
		curl -sf "$prometheus_url/consoles/devmem.html" >"$out/console.html" &&
		becomes devmem_skb_drops_total "$drops" && cp "$tmp/page" "$out/console.metrics"
}

net_pair 4
steer 5201 1
steer 5202 1
steer 5203 2
bind
start_in rx quick devmemcat -l --accept 0 -i dms0 -q 2 -S 8M 5203
wait_line "$tmp/quick" listening
"$here/quick_rules.py" "$PPDEVMEM_REPO/dashboards/devmem.rules.yml" >"$tmp/rules.yml"
exporter --histograms --walk-interval 1
prometheus_start "$tmp/rules.yml"

in_tx devmemcat -n 6M 10.0.0.1 5203
reader keeper --hold 1500 5201
stream send 5201 4M
wait_line "$tmp/keeper" "held 1500"

# Packets that have nowhere to go
reader unread --unread 5202
connect fifo 5202
wait_line "$tmp/unread" " fd "
in_rx sysctl -qw net.ipv4.ip_early_demux=0
ip -n rx addr del 10.0.0.1/24 dev dms0
head -c 20000 /dev/zero >&"$fifo"

wait_for 240 settled && wait_for 120 taken
