#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest
# soak: mainline
# timeout: 300
#
# What devmem_exporter counts where it looks at no token: our kernel counts them all, of
# others it sees the reads that make them.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"

# walked NAME VALUE: after some walk it is so. A socket that was killed may have its tokens
# for a while, so one walk may come too early.
walked() {
	wait_for 60 walk_shows "$1" "$2"
}

walk_shows() {
	kill -HUP "$exporter_pid"
	becomes "$1" "$2"
}

# returned REASON: tokens, over all bindings
returned() {
	metric "devmem_tokens_returned_total{reason=\"$1\"}"
}

# programs: that run where tokens are handed out or come back
programs() {
	bpftool -j prog | jq -r '.[].name' | grep -cE '^(token_(get|put)|reads)_'
}

# all_read PORT BYTES: they came, and the reader has read them.
all_read() {
	in_rx ss -Htni "sport = :$1" | tr '\n' ' ' | grep -q "^ESTAB *0 .* bytes_received:$2 "
}

net_pair 4
steer 5201 1
steer 5202 2
steer 5203 1
devmem_exporter --check >"$tmp/check"
is $? 0 "--check: all can be seen"
is "$(sed -n 's/^absent: \(devmem_[it][ok].*\)/\1/p' "$tmp/check" | grep -vc high_water)" 2 \
	"it says that there are no histograms"
if ! $counts; then
	DEVMEM_HIDE=reads__fentry devmem_exporter --check >"$tmp/check"
	like "$(grep -E "token_put|absent" "$tmp/check")" "^token_put: f" \
		"where reads cannot be seen, tokens are one by one"
fi
fails "nothing is attached for them with --once" 2 "histograms" devmem_exporter --once --histograms

bind
exporter --walk-interval 3600
$counts && looking=0 || looking=1
is "$(programs)" "$looking" "one program looks at reads where the kernel does not count, none at what comes back"
check "a walk" walked devmem_tokens 0
is "$(returned dontneed)" 0 "nothing was given back yet"

reader first --hold 7 5201
stream send1 5201 200000
wait_line "$tmp/first" " got "
tokens=$(words first got 4)
check "7 tokens are held" walked devmem_tokens 7
metric_is devmem_tokens_handed_out_total "$tokens" "each token that was handed out is counted"
is "$(returned dontneed)" $((tokens - 7)) "and each that was given back"
is "$(returned close)" 0 "none came back by a close"
like "$(metric devmem_oldest_hold_seconds)" '^[0-9.]*[1-9]' "the oldest is held for some time"
metric_is devmem_token_hold_seconds_count absent "there is no histogram of holds"
metric_is devmem_iov_references_count absent "nor one of references"

# Another binding, with tokens of its own
start_in rx binder2 devmemcat --bind-only -i dms0 -q 2 -S 1M
wait_line "$tmp/binder2" "bound binding"
second=$(sed -n 's/.*bound binding \([0-9]*\).*/\1/p' "$tmp/binder2")
reader second --hold 3 5202
stream send2 5202 100000
wait_line "$tmp/second" " got "
check "10 are held in all" walked devmem_tokens 10
metric_is "devmem_tokens_handed_out_total{binding=\"$second\"}" "$(words second got 4)" \
	"the other binding's tokens are counted as its own"
metric_is "devmem_tokens_returned_total{binding=\"$second\",reason=\"dontneed\"}" \
	$(($(words second got 4) - 3)) "so are those that came back"
is "$(metric devmem_exporter_lost_events_total)" 0 "no event was lost"

# With their socket
kill -9 "$(words second fd 1)" "$(words second listening 1)"
check "3 came back" walked devmem_tokens 7
is "$(returned close)" 3 "by a close"
metric_is "devmem_tokens_returned_total{binding=\"$second\",reason=\"dontneed\"}" \
	$(($(words second got 4) - 3)) "which is not told as given back"

# What was out before it came
kill -TERM "$exporter_pid"
wait "$exporter_pid"
exporter --walk-interval 3600
check "tokens that are out when it comes" walked devmem_tokens 7
if ! $counts; then
	metric_is devmem_tokens_handed_out_total 0 "were not seen to be handed out"
	is "$(returned dontneed)" 0 "nor to come back"
fi
given=$(returned dontneed)
closed=$(returned close)
kill -9 "$(words first fd 1)" "$(words first listening 1)"
check "they come back by a close" wait_for 60 becomes \
	'devmem_tokens_returned_total{reason="close"}' $((closed + 7))
check "after which there are none" walked devmem_tokens 0
is "$(returned dontneed)" "$given" "and that is told once"

# A socket that waits for its peer outlives its reader, with its tokens
if $counts; then
	reader third --hold 1000 5203
	connect feed 5203
	head -c 30000 /dev/zero >&"$fifo"
	check "all is read" wait_for 60 all_read 5203 30000
	tokens=$(words third held 3 | tail -n 1)
	check "and held" walked devmem_tokens "$tokens"
	in_rx ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:77 nud permanent dev dms0
	kill -9 "$(words third fd 1)" "$(words third listening 1)"
	check "a socket that waits still holds its tokens" walked devmem_tokens "$tokens"
	is "$(returned close)" $((closed + 7)) "they have not come back"
	is "$(returned dontneed)" "$given" "and do not count as given back"
	in_rx ip neigh del 10.0.0.2 dev dms0
	check "its peer answers" wait_for 120 becomes \
		'devmem_tokens_returned_total{reason="close"}' $((closed + 7 + tokens))
	check "a walk after that" walked devmem_tokens 0
	is "$(returned dontneed)" "$given" "and nothing is told twice"
fi
done_testing
