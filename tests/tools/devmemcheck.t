#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: ppdevmem stock-latest
# soak: mainline stock-6.12
# timeout: 600
#
# devmemcheck names each pathology that is planted, and none on a healthy host under load.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

found="$tmp/found.json"
docs="$tmp/docs.json"

# look STATUS DESCRIPTION [OPTION...]: run it in the device's namespace; the document is in $found.
look() {
	local want=$1 description=$2 status=0
	shift 2
	in_rx devmemcheck -j "$@" >"$found" 2>"$tmp/check-err" || status=$?
	is "$status" "$want" "$description"
	cat "$found" >>"$docs"
	cat "$tmp/check-err" >&2
}

# named PART: the names of what is wrong there.
named() {
	jq -c "[.findings[] | select(.part == \"$1\" and .verdict == \"wrong\") | .name] | unique" "$found"
}

net_pair 4
for port in 5201 5202 5203; do
	steer "$port" 1
done
bind

# A healthy host, under load
reader healthy 5201
mkfifo "$tmp/load"
start_in tx load-log devmemcat 10.0.0.1 5201
load=$started
wait_line "$tmp/healthy" " fd "
look 0 "a healthy host under load is fine" -w 3
is "$(named can)$(named bites)$(named now)" "[][][]" "nothing is wrong"
kill -9 "$load"

# One who keeps six tokens
reader leaky --hold 6 5202
send 5202 40000
wait_line "$tmp/leaky" " got "
pid=$(words leaky fd 1)
look 1 "a leak is wrong" -w 2
is "$(named now)" '["leak"]' "it is named, and nothing else"
jq_is "$found" '[.findings[] | select(.name == "leak")] | map([.ifname, .figures.tokens, .holder.tasks[0].pid])' \
	"[[\"dms0\",6,$pid]]" "who keeps how many"

tells devmemcheck "since when a reader keeps tokens" \
	"$(jq -r '.findings[] | select(.name == "leak").evidence | if test("for at least") then "at least" else "yes" end' "$found")"
tells devmemcheck "which hazards the kernel has" \
	"$(jq -r '[.findings[] | select(.part == "bites").verdict] | if index("unknown") then "in part" else "yes" end' "$found")"

# One who does not read
reader sleepy --unread 5203
connect fifo 5203
head -c 30000 /dev/zero >&"$fifo"
wait_line "$tmp/sleepy" " fd "
unread() {
	devmemls -j | jq -e '[.bindings[].iovs.pool] | add > 0'
}
wait_for 60 unread
look 1 "unread data is wrong" -w 2 now
is "$(named now)" '["leak","unread"]' "both are named"
tells devmemcheck "what is wrong now, by name" "$([ "$(named now)" = '["leak","unread"]' ] && echo yes || echo no)"

# The binding goes, the readers stay
unbind
unbound() {
	devmemls -j | jq -e '.bindings[0].unbound'
}
wait_for 60 unbound
look 1 "unbound and held is wrong" -w 2 now
is "$(named now)" '["leak","unbound-held","unread"]' "that is named as well"
kill -9 "$pid" "$(words sleepy fd 1)"
wait_for 120 no_bindings
look 0 "it is fine when all is given back" -w 1 now
like "$(in_rx devmemcheck can)" "fine +device dms0: can: queue management; header split on" "the text says it, too"
fails "a part that is not there" 2 "PART is 'x', not" devmemcheck x
fails "a device that is not there" 2 "no device 'typo0'" in_rx devmemcheck -i typo0 -w 1 now
as_documented devmemcheck "$docs"

check "no BPF program is left" wait_for 60 none_left
done_testing
