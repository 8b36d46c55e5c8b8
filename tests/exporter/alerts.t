#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-6.12
# slow: stock-6.12 ppdevmem
# timeout: 1200
#
# Prometheus scrapes the exporter while readers leak: each alert fires by its real
# cause and clears when that is gone. With a copy of the rules that waits less, see
# quick_rules.py; rules.test.yml has the real ones. And what the dashboards ask for
# is there.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"
. "$PPDEVMEM_REPO/tests/exporter/prometheus.sh"

here=$PPDEVMEM_REPO/tests/exporter
dashboards=$PPDEVMEM_REPO/dashboards
patience=180

fires() {
	check "$1 fires, $3" wait_for $patience firing "$1" "$2"
}

clears() {
	check "$1 clears, $2" wait_for $patience silent "$1"
}

net_pair 4
steer 5201 1
steer 5202 1
bind
"$here/quick_rules.py" "$dashboards/devmem.rules.yml" >"$tmp/rules.yml"
check "the quick rules are rules" promtool check rules "$tmp/rules.yml"
exporter --histograms --walk-interval 1
prometheus_start "$tmp/rules.yml"
check "Prometheus scrapes the exporter" wait_for $patience is_true 'up{job="devmem"} == 1'
check "and evaluates" wait_for $patience is_true 'binding:devmem_iovs_used:ratio'
is "$(curl -sf "$prometheus_url/api/v1/targets" | jq -c '[.data.activeTargets[].lastError]')" '[""]' \
	"nothing is wrong with what it gets"
id=$(devmemls -j | jq '.bindings[0].id')
mine="binding=\"$id\",device=\"dms0\""

# A reader that keeps all it gets
reader leaker --hold 100000 5201
stream send 5201 16M
fires DevmemHeldTooLong "$mine,severity=\"warning\"" "a reader keeps tokens"
fires DevmemNearExhaustion "$mine,severity=\"warning\"" "nearly all iovs are with it"
fires DevmemExhausted "$mine,severity=\"warning\"" "then all"
is "$(promql 'devmem_holders' | jq -r '.[0].value[1]')" 1 "one holder"
check "no other alert" silent DevmemUnboundButHeld
kill -9 "$(words leaker fd 1)"
clears DevmemHeldTooLong "it was ended"
clears DevmemExhausted "it was ended"
clears DevmemNearExhaustion "it was ended"

# A reader that outlives the binding, whose packets have nowhere to go in the end
reader keeper --hold 3 5202
stream more 5202 20000
wait_line "$tmp/keeper" " got "
unbind
fires DevmemUnboundButHeld "$mine,severity=\"warning\"" "a reader outlives the binding"

# What the dashboards ask for, while there is something to see
curl -sf "$prometheus_url/api/v1/rules" >"$tmp/rules.json"
python3 -B "$here/queries.py" "$dashboards"/*.json "$tmp/rules.json" "$dashboards"/consoles/* >"$tmp/used"
scrape
{
	names
	sed -n 's/^ *- record: //p' "$dashboards/devmem.rules.yml"
	# Seen once there are drops, and on one kernel alone
	echo devmem_skb_drops_total
	echo devmem_iovs_high_water
} | sort >"$tmp/there"
check "the panels and rules ask for something ($(wc -l <"$tmp/used") names)" \
	grep -q '^devmem_iovs$' "$tmp/used"
is "$(sort "$tmp/used" | comm -23 - "$tmp/there")" "" "no panel or rule asks for a name that does not exist"
python3 -B "$here/grafana.py" ask "$dashboards/devmem.grafana.json" "$prometheus_url" >"$tmp/asked"
is "$(grep -cE '^(answered|empty|failed): ' "$tmp/asked")" \
	"$(jq '[.panels[] | .targets[]?] | length' "$dashboards/devmem.grafana.json")" \
	"each query of the Grafana dashboard was asked"
check "and some were answered" grep -q '^answered: ' "$tmp/asked"
is "$(sed -n 's/^failed: //p' "$tmp/asked")" "" "Prometheus takes each query of the Grafana dashboard"
is "$(sed -n 's/^empty: //p' "$tmp/asked" |
	grep -vE "devmem_skb_drops_total|devmem_iovs_high_water|devmem_exporter_event_attached.* == 0")" "" \
	"and has an answer, but for drops and blindness"

kill -9 "$(words keeper fd 1)"
poke_cpus
clears DevmemUnboundButHeld "the reader has ended"

# Blindness
kill -9 "$exporter_pid"
fires DevmemExporterBlind 'cause="down",severity="warning"' "the exporter was killed"
export DEVMEM_HIDE=token_put__tp,token_put__fentry,token_put__kprobe
exporter --histograms --walk-interval 1
unset DEVMEM_HIDE
fires DevmemExporterBlind 'cause="event",event="token_put"' "an event cannot be seen"
kill -9 "$exporter_pid"
exporter --histograms --walk-interval 1
clears DevmemExporterBlind "it sees all"
done_testing
