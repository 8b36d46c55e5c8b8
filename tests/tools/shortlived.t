#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest ppdevmem
# soak: mainline
# timeout: 600
#
# Ten thousand short connections, under all tools at once: nothing is lost,
# nothing is counted twice, nothing is left.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

connections=10000

net_pair 4
steer 5201 1
bind
start_json snoop devmemsnoop -v -j -e token_get,token_put,token_close
snoop=$started
start_json lat devmemlat -v -j
lat=$started
start_json top devmemtop -v -B -j 1
top=$started
start_json leak devmemleak -v -j -t 0 --sample 600
leak=$started
wait_line "$tmp/top.json" view
wait_line "$tmp/leak" "watching for"
wait_line "$tmp/snoop" ": watching"
wait_line "$tmp/lat" ": watching"

"$PPDEVMEM_REPO/tests/tools/shortlived.py" 5201 "$connections" >"$tmp/tokens" 2>"$tmp/err"
is "$?" 0 "$connections connections"
read -r tokens given_back closed <"$tmp/tokens" || diag "$(cat "$tmp/err")"
check "each brings a token at least" test "$tokens" -ge "$connections"

reported() {
	[ "$(grep -c '"event":"token_\(put\|close\)"' "$tmp/snoop.json")" -ge "$tokens" ]
}
wait_for 120 reported
stop_tool "$snoop" "devmemsnoop ends"
for event in "token_get $tokens" "token_put $given_back" "token_close $closed"; do
	is "$(grep -c "\"event\":\"${event% *}\"" "$tmp/snoop.json")" "${event#* }" \
		"devmemsnoop saw each ${event% *}"
done
is "$(jq -r 'select(.event == "token_get") | .cookie' "$tmp/snoop.json" | sort -u | wc -l)" \
	"$connections" "sockets are told apart"

counted() {
	[ "$(jq -s '[range(1; length) as $i | (.[$i].time - .[$i - 1].time) * ([.[$i].rows[].put_per_second // 0] | add // 0)]
		| add // 0 | round' "$tmp/top.json")" = "$tokens" ]
}
check "devmemtop counted each that came back" wait_for 60 counted
stop_tool "$top" "devmemtop ends"
stop_tool "$leak" "devmemleak ends, and found nothing"
jq_is "$tmp/leak.json" .leaks "[]" "because all came back"
devmemls -j >"$tmp/ls"
jq_is "$tmp/ls" '.bindings[0] | [.iovs.user, .holders]' '[0,[]]' "devmemls lists no holder"
stop_tool "$lat" "devmemlat ends"
jq_is "$tmp/lat.json" 'select(.histogram == "hold") | .count' "$tokens" "devmemlat timed each token"
is "$(cat "$tmp/snoop" "$tmp/lat" "$tmp/top" | grep lost)" "" "nothing was lost"
check "no BPF program is left" wait_for 60 none_left
done_testing
