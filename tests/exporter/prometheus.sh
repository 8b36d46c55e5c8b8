# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian's Prometheus in the guest, with the exporter as its one target. After
# tests/exporter/common.sh, which has $tmp.

prometheus_url=http://127.0.0.1:9090

# prometheus_start RULES: scrapes every 2 s, and evaluates RULES as often.
# shellcheck disable=SC2154
prometheus_start() {
	cat >"$tmp/prometheus.yml" <<-END
		global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}
		rule_files: ["$1"]
		scrape_configs:
		  - job_name: devmem
		    static_configs: [{targets: ["127.0.0.1:9943"]}]
	END
	start prometheus prometheus --config.file="$tmp/prometheus.yml" \
		--storage.tsdb.path="$tmp/tsdb" --web.listen-address=127.0.0.1:9090 \
		--web.console.templates="$PPDEVMEM_REPO/dashboards/consoles" \
		--web.console.libraries=/etc/prometheus/console_libraries
	wait_for 120 curl -sf "$prometheus_url/-/ready"
}

# promql EXPRESSION: the result, as JSON.
promql() {
	curl -sf --max-time 60 "$prometheus_url/api/v1/query" --data-urlencode "query=$1" |
		jq -c .data.result
}

# is_true EXPRESSION: it has a result.
is_true() {
	[ "$(promql "$1" | jq length)" -gt 0 ]
}

# firing ALERT [LABELS]: that alert fires, with such labels.
firing() {
	is_true "ALERTS{alertname=\"$1\",alertstate=\"firing\"${2:+,$2}}"
}

# silent ALERT: it does not fire, and Prometheus is there to say so.
silent() {
	[ "$(promql "ALERTS{alertname=\"$1\",alertstate=\"firing\"}")" = "[]" ]
}
