# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of the exporter share, on top of what those of the tools do.

# shellcheck source=tests/tools/common.sh
. "$PPDEVMEM_REPO/tests/tools/common.sh"

url=http://127.0.0.1:9943/metrics
export exporter_pid=

# exporter [OPTION...]: start it, until it serves.
exporter() {
	start exporter devmem_exporter "$@"
	exporter_pid=$started
	wait_line "$tmp/exporter" serving 120 "$exporter_pid"
}

# scrape: the page, in the file $tmp/page.
scrape() {
	curl -sf --max-time 60 "$url" >"$tmp/page"
}

# metric NAME[{LABEL="VALUE",...}]: the sum of its samples with these labels, and maybe
# others, in the page that was scraped last; "absent" if there is none.
metric() {
	awk -v want="$1" '
		BEGIN {
			name = want
			sub(/[{].*/, "", name)
			n = sub(/^[^{]*[{]/, "", want) ? split(want, labels, /[,}]/) : 0
		}
		$0 !~ "^" name "[{ ]" { next }
		{
			for (i = 1; i <= n; i++)
				if (!index($0, labels[i]))
					next
			sum += $NF
			found = 1
		}
		END { if (found) printf "%.12g\n", sum; else print "absent" }' "$tmp/page"
}

# names: of the metrics in it.
names() {
	sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$tmp/page" | sort
}

# metric_is NAME VALUE DESCRIPTION
metric_is() {
	is "$(metric "$1")" "$2" "$3"
}

# becomes NAME VALUE: a scrape says so.
becomes() {
	scrape && [ "$(metric "$1")" = "$2" ]
}

# stream NAME PORT BYTES: a sender, which ends when its receiver closes.
stream() {
	start_in tx "$1" devmemcat -n "$3" 10.0.0.1 "$2"
}
