#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: mainline
# timeout: 600
#
# However tokens are given back, as many are seen to come back as the kernel took, by every
# way to see it.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

net_pair 4
steer 5201 1
bind

# snoop NAME HIDDEN: watch by what is left.
snoop() {
	start_json "$1" env DEVMEM_HIDE="$2" devmemsnoop -v -j -e token_get,token_put,token_close
	snoops[$1]=$started
	wait_line "$tmp/$1" ": watching"
}
declare -A snoops
if $counts; then
	snoop tp_btf none
else
	snoop fexit none
	snoop kretprobe fentry,fexit
fi
start_json lat devmemlat -v -j
lat=$started
wait_line "$tmp/lat" ": watching"

check "tokens are given back in all ways" \
	sh -c "'$PPDEVMEM_REPO/tests/tools/dontneed.py' 5201 >'$tmp/calls'"
diag "$(cat "$tmp/calls")"
total=$(sed -n 's/^total //p' "$tmp/calls")
like "$(cat "$tmp/calls")" "of 3000: 1024" "the kernel stops where the tools think it does"

# seen NAME EVENT: how many of them.
seen() {
	grep -c "\"event\":\"$2\"" "$tmp/$1.json"
}
all_back() {
	[ "$(($(seen "$1" token_put) + $(seen "$1" token_close)))" -ge "$(seen "$1" token_get)" ] &&
		[ "$(seen "$1" token_close)" -gt 0 ]
}
for way in "${!snoops[@]}"; do
	check "by $way: all tokens come back" wait_for 120 all_back "$way"
	stop_tool "${snoops[$way]}" "by $way: ends on Ctrl-C"
	like "$(cat "$tmp/$way")" "token_put: by $way/" "by $way: it is seen that way"
	is "$(seen "$way" token_put)" "$total" "by $way: as many token_put as the kernel took"
	is "$(($(seen "$way" token_put) + $(seen "$way" token_close)))" "$(seen "$way" token_get)" \
		"by $way: each token came back once"
	is "$(jq -r 'select(.event != "token_get") | .token' "$tmp/$way.json" | sort | uniq -d | wc -l)" 0 \
		"by $way: no token came back twice"
	is "$(grep -cE "lost|missed" "$tmp/$way")" 0 "by $way: nothing was missed"
	gets=$(seen "$way" token_get)
done
stop_tool "$lat" "devmemlat ends on Ctrl-C"
is "$(jq -c 'select(.histogram == "hold") | .count' "$tmp/lat.json")" "$gets" \
	"devmemlat has as many times as there were tokens"
check "no BPF program is left" wait_for 60 none_left
done_testing
