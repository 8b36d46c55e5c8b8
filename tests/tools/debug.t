#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: debug
# soak: debug
# timeout: 300
#
# Each tool once, while a stream comes and a reader keeps three tokens of it, under what finds
# mistakes of the kernel: the runner sees what that has to complain about what the tools do
# there. What they say is tested on the other kernels.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"

net_pair 4
steer 5201 1

start_json snoop devmemsnoop -v -j
snoop=$started
start_json lat devmemlat -v -j
lat=$started
start tokens "$PPDEVMEM_REPO/tools/bpftrace/devmem_tokens.bt"
tokens=$started
exporter --walk-interval 3600
wait_line "$tmp/snoop" "^devmemsnoop: watching" 120 "$snoop"
wait_line "$tmp/lat" ": watching" 120 "$lat"
wait_line "$tmp/tokens" "^Counting" 120 "$tokens"

bind
reader reader --hold 3 5201
send 5201 200000
wait_line "$tmp/reader" " got "
holder=$(words reader fd 1)
got=$(words reader got 4)

jq_is <(devmemls -j --iovs) '[.bindings[] | [.iovs.total, .iovs.user]]' '[[4096,3]]' "devmemls"
jq_is <(devmemtop -B -j -w process 1 1) '[.rows[] | [.pid, .tokens]]' "[[$holder,3]]" "devmemtop"
jq_is <(devmemleak -j -t 0) '[.holders[] | [.processes[0].pid, .tokens]]' "[[$holder,3]]" "devmemleak"
kill -HUP "$exporter_pid"
check "devmem_exporter" wait_for 60 becomes devmem_tokens 3
like "$("$PPDEVMEM_REPO/tools/drgn/drgn-devmem" leaks 0 2>&1)" "3 tokens on 3 iovs.*\[$holder\]" \
	"drgn-devmem"

kill -9 "$holder"
unbind
check "the memory comes back" wait_for 120 no_bindings
stop_tool "$snoop" "devmemsnoop ends on Ctrl-C"
is "$(grep -c '"event":"token_get"' "$tmp/snoop.json")" "$got" "it has seen each token"
stop_tool "$lat" "devmemlat ends on Ctrl-C"
is "$(jq -c 'select(.histogram == "hold") | .count' "$tmp/lat.json")" "$got" "it has each, too"
kill -INT "$tokens"
wait "$tokens"
like "$(cat "$tmp/tokens")" "@handed_out\[[0-9]+, reader.py\]: $got" "so has a bpftrace script"
kill "$exporter_pid"
wait "$exporter_pid" 2>/dev/null
check "no BPF program is left" wait_for 60 none_left
done_testing
