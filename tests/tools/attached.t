#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest ppdevmem
# soak: mainline
# timeout: 300
#
# How many BPF programs each tool attaches, by mode, as the kernel lists them: what a tool
# costs the traffic begins there.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

# (programs that see an event are called EVENT__WAY, those that only look are not)
names() {
	bpftool -j prog show | jq -r '.[].name // empty' | grep __ | sort | paste -sd " "
}

# attaches OURS OTHERS READY COMMAND...: so many, when it has said that it is READY.
attaches() {
	local want=$1 found
	$counts || want=$2
	found=$3
	shift 3
	start tool "$@"
	wait_line "$tmp/tool" "$found"
	found=$(names)
	is "$(wc -w <<<"$found")" "$want" "$* attaches $want"
	diag "$found"
	kill -INT "$started"
	wait "$started"
	check "and nothing is left" wait_for 60 none_left
}

# attaches_none COMMAND...: neither while it runs nor for a moment.
attaches_none() {
	strace -qq -f -o "$tmp/trace" -e trace=bpf "$@" >"$tmp/out" 2>&1
	is $? 0 "$* runs"
	check "it has asked the kernel" grep -q BPF_PROG_LOAD "$tmp/trace"
	is "$(grep -E "BPF_RAW_TRACEPOINT_OPEN|BPF_LINK_CREATE" "$tmp/trace" | grep -vc BPF_TRACE_ITER)" \
		0 "and attaches nothing"
}

net_pair 2
bind
attaches 12 13 ": watching" devmemsnoop -v
attaches 1 1 ": watching" devmemsnoop -v -e token_get
attaches 4 6 ": watching" devmemlat -v
attaches 0 3 BINDING devmemtop -B 1000
attaches 1 1 COOKIE devmemtop -B -w socket 1000
attaches 2 1 "watching for" devmemleak -v -t 0 --sample 600
attaches_none devmemls
if $counts; then
	attaches_none devmemleak -t 5
else
	attaches 0 1 "watching for" devmemleak -v -t 600
fi
unbind
wait_for 120 no_bindings
done_testing
