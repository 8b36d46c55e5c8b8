#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest ppdevmem
# soak: mainline
# timeout: 600
#
# devmemleak on a busy host: a reader that gives each token back, a little later, is never
# called leaky, however often one looks; who does leak is found beside it, and what the
# tool missed is said and does not make a leak.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

docs="$tmp/docs.json"
fake=$PPDEVMEM_REPO/build/bin/fakebpf.so

# stream PORT: a connection that sends as long as the test runs, and leaves time for others.
stream() {
	start_in tx "stream$1" python3 -c 'import socket, sys, time
with socket.create_connection(("10.0.0.1", int(sys.argv[1]))) as sock:
    while True:
        sock.sendall(bytes(60000))
        time.sleep(0.02)' "$1"
}

# busy: the healthy reader has tokens out.
busy() {
	devmemls -j | jq -e --argjson pid "$healthy" \
		'[.bindings[].holders[] | select(.tasks[0].pid == $pid and .tokens > 0)] | length == 1'
}

# leak NAME [VARIABLE=VALUE...] -- OPTION...: what it finds is in NAME.json.
leak() {
	local name=$1 words=()
	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	env "${words[@]}" devmemleak -j "$@" >"$tmp/$name.json" 2>"$tmp/$name"
	cat "$tmp/$name.json" >>"$docs"
}

# tokens_of NAME PID: how many it says that a process leaks.
tokens_of() {
	jq --argjson pid "$2" '[.leaks[] | select(.tasks[0].pid == $pid) | .tokens] | add // 0' \
		"$tmp/$1.json"
}

net_pair 4
for port in 5201 5202; do
	steer "$port" 1
done
bind
reader leaky --hold 6 5201
send 5201 40000
wait_line "$tmp/leaky" " got "
leaky=$(words leaky fd 1)
reader healthy --delay 0.05 5202
stream 5202
wait_line "$tmp/healthy" " fd "
healthy=$(words healthy fd 1)
check "the healthy reader is busy" wait_for 60 busy

for n in {1..3}; do
	leak "look$n" -- -t 3
	is "$(tokens_of "look$n" "$healthy")" 0 "look $n: the healthy reader leaks nothing"
	is "$(tokens_of "look$n" "$leaky")" 6 "look $n: the leaky reader's tokens are found"
done
check "the healthy reader is still busy" wait_for 60 busy

# A table that is full, hand-outs that were missed: only on kernels that are watched
if $counts; then
	reason="this kernel keeps the time of a hand-out"
	skip "what is not remembered" "$reason"
	skip "what was missed" "$reason"
else
	leak full LD_PRELOAD="$fake" FAKEBPF_MAP=slots:4,more:4 -- -t 3
	is "$(tokens_of full "$healthy")" 0 "with a table that is full the healthy reader leaks nothing"
	like "$(cat "$tmp/full")" "[0-9]+ tokens were not remembered, their table is full" "and it says so"
	check "and how many it knows nothing of" jq -e '.unknown_tokens > 0' "$tmp/full.json"
	leak missed LD_PRELOAD="$fake" FAKEBPF_MISSES=token_get -- -t 3
	is "$(tokens_of missed "$healthy") $(tokens_of missed "$leaky")" "0 0" \
		"when hand-outs are missed all the time, nothing is called a leak"
	like "$(cat "$tmp/missed")" "[0-9]+ tokens were handed out unseen" "and it says so"
	check "also in JSON" jq -e '.missed_tokens > 0' "$tmp/missed.json"
fi
LD_PRELOAD=$fake FAKEBPF_MISSES=reads devmemtop -B -w socket 1 1 >/dev/null 2>"$tmp/top"
like "$(cat "$tmp/top")" "[0-9]+ events were missed" "devmemtop says what it missed"

as_documented devmemleak "$docs"
kill -9 "$leaky" "$healthy"
check "no BPF program is left" wait_for 60 none_left
done_testing
