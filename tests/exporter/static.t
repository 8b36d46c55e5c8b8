#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# timeout: 300
#
# What needs no kernel: rules, dashboard, units, and that they are installed.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

here=$PPDEVMEM_REPO/tests/exporter
dashboards=$PPDEVMEM_REPO/dashboards
rules=$dashboards/devmem.rules.yml
tmp=$(mktemp -d)
on_exit 'rm -rf "$tmp"'

check "promtool check rules" promtool check rules --lint=all --lint-fatal "$rules"
check "of the settings, too" promtool check rules --lint=all --lint-fatal "$dashboards/devmem.settings.yml"
check "promtool test rules" promtool test rules "$here/rules.test.yml"
check "with settings of the admin's" promtool test rules "$here/settings.test.yml"
is "$(grep -oE 'devmem:[a-z_]+ or vector\([0-9.]+\)' "$rules" | sort -u | tr -d ' ')" \
	"$(sed -nE '/record/N;s/.*record: (devmem:[a-z_]+)\n *expr: (vector\([0-9.]+\))$/\1or\2/p' "$dashboards/devmem.settings.yml" | sort)" \
	"the settings that are shown have the rules' defaults"
python3 -B -c 'import sys, yaml
for group in yaml.safe_load(open(sys.argv[1]))["groups"]:
    for rule in group["rules"]:
        if "alert" in rule:
            print(rule["alert"], rule["labels"]["severity"], rule["for"],
                  bool(rule["annotations"]["summary"]), bool(rule["annotations"]["description"]),
                  rule["annotations"]["runbook_url"])' "$rules" >"$tmp/alerts"
is "$(cut -d ' ' -f 1 "$tmp/alerts" | sort)" \
	"$(basename -s .md -a "$PPDEVMEM_REPO"/docs/runbooks/*.md | sort)" "an alert for each runbook"
is "$(grep -cE '^Devmem\w+ (critical|warning) [0-9]+m True True .*/\w+\.md$' "$tmp/alerts")" \
	"$(grep -c . "$tmp/alerts")" "each alert has severity, for, summary, description and runbook"
while read -r alert _ _ _ _ page; do
	is "$(head -n 1 "$PPDEVMEM_REPO/docs/runbooks/${page##*/}")" "# $alert" "the runbook of $alert is about it"
done <"$tmp/alerts"
check "the Grafana dashboard" python3 -B "$here/grafana.py" check "$dashboards/devmem.grafana.json"

# Documentation
in_table=$(sed -n 's/^| `\(devmem_[a-z_]*\)` .*/\1/p' "$PPDEVMEM_REPO/docs/metrics.md" | sort)
like "$in_table" devmem_iovs "docs/metrics.md has a table"
is "$(grep -oE '^\* .*' "$PPDEVMEM_REPO/docs/devmem_exporter.md" | grep -oE '\*\*devmem_[a-z_]+' | tr -d '*' | sort)" \
	"$in_table" "the man page has the same metrics"

# Units, where make install puts them
check "make install" make -s -C "$PPDEVMEM_REPO/tools/bpf" install PREFIX="$tmp/usr"
units=$tmp/usr/lib/systemd/system
check "systemd-analyze verify" systemd-analyze verify --man=no \
	"$units/devmem-exporter.service" "$units/devmem-exporter.socket"
# 2.0 in the scale of this version, where 10 is no protection; see docs/devmem_exporter.md
check "systemd-analyze security" systemd-analyze security --no-pager --offline=true --threshold=20 \
	"$units/devmem-exporter.service"
for file in sbin/devmem_exporter share/man/man8/devmem_exporter.8 share/ppdevmem/devmem.rules.yml share/ppdevmem/devmem.settings.yml \
	share/ppdevmem/devmem.grafana.json share/ppdevmem/consoles/devmem.html \
	share/ppdevmem/runbooks/DevmemExhausted.md; do
	check "$file is installed" test -s "$tmp/usr/$file"
done
pages=$(grep -oE 'file://[^{]*' "$tmp/usr/share/ppdevmem/devmem.rules.yml" | sort -u)
is "$pages" "file://$tmp/usr/share/ppdevmem/runbooks" "the alerts' runbooks are where they are installed"
done_testing
