#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest
# soak: mainline
# timeout: 900
#
# devmem_exporter against what is known to be there, and what it does when things
# go away.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"

table=$PPDEVMEM_REPO/docs/metrics.md

type_for() {
	curl -s --max-time 60 -o "$tmp/typed" -w '%{content_type}' "$@" "$url"
}

# walked NAME VALUE: after a walk it becomes so.
walked() {
	kill -HUP "$exporter_pid"
	wait_for 60 becomes "$1" "$2"
}

# documented: the metrics that the table says exist here.
documented() {
	awk -F' *[|] *' -v counts="$counts" '$2 ~ /^`devmem_/ && (counts == "true" || $5 ~ /^all/) {
		gsub("`", "", $2); print $2 }' "$table" | sort
}

all_freed() {
	poke_cpus
	becomes devmem_bindings 0
}

net_pair 4
steer 5201 1
steer 5202 1

# Without watching
devmem_exporter --once >"$tmp/page"
is $? 0 "--once"
metric_is devmem_bindings 0 "--once: no bindings"
metric_is devmem_tokens_handed_out_total absent "--once: what it takes watching for is absent"
check "--once: promtool likes it" promtool check metrics <"$tmp/page"
devmem_exporter --histograms --check >"$tmp/check"
is $? 0 "--check: all can be seen"
like "$(cat "$tmp/check")" "layout: $layout.*token_get: .*token_close: .*all events can be seen" \
	"--check names the layout and the attach points"
is "$(sed -n 's/^absent: //p' "$tmp/check")" "$($counts || echo devmem_iovs_high_water)" \
	"--check: what this kernel cannot tell"
DEVMEM_HIDE=token_put__tp,token_put__fentry,token_put__kprobe devmem_exporter --histograms --check >"$tmp/check"
is $? 1 "--check: fails if an event cannot be seen"
check "nothing stays attached" wait_for 60 none_left

# Walks come only when asked for from here on
exporter --histograms --walk-interval 3600

# A binding
bind
scrape
id=$(devmemls -j | jq '.bindings[0].id')
metric_is "devmem_binding_info{binding=\"$id\",device=\"dms0\",dmabuf_exporter=\"udmabuf\"}" 1 "a binding"
metric_is devmem_binding_size_bytes 16777216 "its size"
metric_is devmem_binding_iov_size_bytes 4096 "its iovs' size"
metric_is devmem_binding_queues 1 "its queues"
metric_is devmem_binding_unbound 0 "it is bound"
metric_is devmem_binds_total 1 "the bind was seen"
if $counts; then
	metric_is devmem_iovs 4096 "iovs are counted by the kernel"
else
	metric_is devmem_iovs absent "before a walk nothing is known of its iovs"
fi
check "4096 iovs" walked devmem_iovs 4096
metric_is devmem_oldest_hold_seconds 0 "nothing is held"

# A holder
reader reader --hold 7 5201
stream send 5201 200000
wait_line "$tmp/reader" " got "
tokens=$(words reader got 4)
holder=$(words reader fd 1)
check "7 tokens are held" walked devmem_tokens 7
metric_is devmem_holders 1 "by one holder"
like "$(metric devmem_oldest_hold_seconds)" '^[0-9.]*[1-9]' "for some time"
metric_is devmem_tokens_handed_out_total "$tokens" "each token that was handed out is counted"
metric_is 'devmem_tokens_returned_total{reason="dontneed"}' $((tokens - 7)) "each that was given back"
metric_is 'devmem_tokens_returned_total{reason="close"}' 0 "none came back by a close"
metric_is devmem_token_hold_seconds_count $((tokens - 7)) "its time"
metric_is 'devmem_token_hold_seconds_bucket{le="+Inf"}' $((tokens - 7)) "the last bucket has all"
metric_is devmem_iov_references_count "$tokens" "and references for each hand-out"
metric_is 'devmem_iov_references_bucket{le="1.0"}' 0 "a frag's and a token's at least"
devmemls -j | jq -c '.bindings[0].iovs | [.free, .pool, .user]' >"$tmp/ls"
is "[$(metric 'devmem_iovs{state="free"}'),$(metric 'devmem_iovs{state="pool"}'),$(metric 'devmem_iovs{state="user"}')]" \
	"$(cat "$tmp/ls")" "iovs by state, as devmemls says"
is $(($(metric devmem_iov_allocs_total) - $(metric devmem_iov_releases_total))) \
	$((4096 - $(metric 'devmem_iovs{state="free"}'))) "what was allocated and not released is not free"
metric_is devmem_exhausted_total 0 "never exhausted"
is "$(metric 'devmem_exporter_lost_events_total')" 0 "no event was lost"
metric_is "devmem_exporter_layout_info{layout=\"$layout\"}" 1 "the layout"
like "$(metric 'devmem_exporter_event_attached{event="token_get"}')" 1 "the attach points"

# Drops: of packets that are queued when their socket goes away
drops() {
	in_rx sysctl -qw net.ipv4.ip_early_demux=0
	ip -n rx addr del 10.0.0.1/24 dev dms0
	head -c 20000 /dev/zero >&"$fifo"
	wait_for 60 seen_drop
	ip -n rx addr add 10.0.0.1/24 dev dms0
}
seen_drop() {
	scrape && [ "$(metric devmem_skb_drops_total)" != absent ]
}
reader unread --unread 5202
connect fifo 5202
wait_line "$tmp/unread" " fd "
check "drops, by reason" drops
like "$(grep '^devmem_skb_drops_total' "$tmp/page")" 'reason="[A-Z_]+"} [1-9]' "the reason has a name"

# Formats
is "$(type_for)" "text/plain; version=0.0.4; charset=utf-8" "text, if nothing is asked for"
check "promtool likes it" promtool check metrics <"$tmp/typed"
om="application/openmetrics-text; version=1.0.0; charset=utf-8"
is "$(type_for -H 'Accept: application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2')" \
	"$om" "OpenMetrics for Prometheus"
is "$(tail -n 1 "$tmp/typed")" "# EOF" "with an end"
cp "$tmp/typed" "$tmp/openmetrics"
like "$(type_for -H 'Accept: text/plain;q=0.9,application/openmetrics-text;q=0.1')" "^text/plain" "text if it is liked better"
like "$(type_for -H 'Accept: application/openmetrics-text;q=0')" "^text/plain" "not if refused"
like "$(type_for -H 'Accept: application/openmetrics-text;version=2.0.0')" "^text/plain" "nor another version"
scrape
is "$(sed -n 's/^\([^# ].*\) .*/\1/p' "$tmp/openmetrics")" "$(sed -n 's/^\([^# ].*\) .*/\1/p' "$tmp/page")" \
	"both have the same samples"
is "$(names)" "$(documented)" \
	"the documented metrics of this kernel are there, and no others"
is "$(grep -cE '0x[0-9a-f]{6}|pid=|10\.0\.0|5201' "$tmp/page")" 0 "no address, pid or port in a label"

# Things go away
kill -HUP "$exporter_pid"
kill -9 "$(words unread fd 1)" 2>/dev/null
exec {fifo}>&-
ip -n rx link del dms0
check "no queue when the NIC is gone" wait_for 60 becomes devmem_binding_queues 0
metric_is "devmem_binding_queues{binding=\"$id\",device=\"dms0\"}" 0 "its device is remembered"
unbind
check "unbound when its owner has ended" wait_for 60 becomes devmem_binding_unbound 1
metric_is "devmem_binding_unbound{binding=\"$id\",device=\"dms0\"}" 1 "its device is still remembered"
check "and still held" walked devmem_tokens 7
kill -9 "$holder"
check "gone with its last holder" wait_for 60 all_freed
metric_is devmem_binding_frees_total 1 "which was seen"
metric_is devmem_tokens absent "nothing is left of it"
metric_is 'devmem_device_tokens_handed_out_total{device="dms0"}' "$tokens" "but its device's totals"
ip netns del tx
rmmod_sim() {
	modprobe -r devmemsim
}
check "the driver can be unloaded" wait_for 60 rmmod_sim
scrape
is $? 0 "it goes on without"
check "its programs are loaded until the end" attached 5

# The end
kill -9 "$exporter_pid"
check "nothing stays attached when it is killed" wait_for 60 none_left
exporter --walk-interval 3600
kill -TERM "$exporter_pid"
wait "$exporter_pid"
is $? 0 "ends on SIGTERM"
done_testing
