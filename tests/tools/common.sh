# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of the tools share: the network, a binding of 16 MiB on queue
# 1 made by a process of its own, and readers on ports that are steered there.

# shellcheck source=tests/lib/tap.sh
. "$PPDEVMEM_REPO/tests/lib/tap.sh"
# shellcheck source=tests/lib/net.sh
. "$PPDEVMEM_REPO/tests/lib/net.sh"

tmp=$(mktemp -d)
binder_pid=
pids=()

cleanup() {
	kill -9 "${pids[@]}" 2>/dev/null
	pkill -9 -P $$ 2>/dev/null
	net_teardown
	rm -rf "$tmp"
}
on_exit cleanup

# What devmemls calls this kernel's layout, and whether the kernel counts.
case $PPDEVMEM_FLAVOR in
ppdevmem | debug) layout=ppdevmem counts=true ;;
stock-latest) layout=linux-6.17 counts=false ;;
*) layout=linux-6.12 counts=false ;;
esac
export layout counts

# start LOG COMMAND...: in the background; its pid is in $started.
start() {
	local log=$1
	shift
	"$@" >"$tmp/$log" 2>&1 &
	started=$!
	pids+=("$started")
}

# start_in NAMESPACE LOG COMMAND...
start_in() {
	local ns=$1 log=$2
	shift 2
	start "$log" nsenter --net="/run/netns/$ns" "$@"
}

# bind: make the binding.
bind() {
	start_in rx binder devmemcat --bind-only -i dms0 -q 1 -S 16M
	binder_pid=$started
	wait_line "$tmp/binder" "bound binding"
}

# unbind: end the process that has the binding.
unbind() {
	kill "$binder_pid"
	wait "$binder_pid" 2>/dev/null
}

# reader LOG OPTION... PORT [CONNECTIONS]: readers that bind nothing. The
# processes that have the connections write into LOG, see reader.py.
reader() {
	local log=$1
	shift
	start_in rx "$log" "$PPDEVMEM_REPO/tests/tools/reader.py" "$@"
	wait_line "$tmp/$log" listening
}

# send PORT BYTES: one connection, from its begin to its end.
send() {
	in_tx devmemcat -n "$2" 10.0.0.1 "$1" >"$tmp/send" 2>&1
}

# connect NAME PORT: a connection that stays open and sends what is written to
# the fifo NAME, which is held open.
connect() {
	mkfifo "$tmp/$1"
	start_in tx "$1-log" socat -u "OPEN:$tmp/$1" "TCP:10.0.0.1:$2"
	exec {fifo}>"$tmp/$1"
}

# words LOG WHAT N: the Nth word of each line of LOG that is about WHAT.
words() {
	awk -v what="$2" -v n="$3" '$2 == what { print $n }' "$tmp/$1"
}

# jq_is FILE FILTER WANT DESCRIPTION: the filter's result is WANT.
jq_is() {
	is "$(jq -c "$2" "$1" 2>&1)" "$3" "$4"
}

# progs: how many BPF programs are loaded.
progs() {
	bpftool -j prog list | jq length
}

# start_tool LOG READY COMMAND...: a tool in the background, until its output
# has READY.
start_tool() {
	local log=$1 ready=$2
	shift 2
	start "$log" "$@"
	wait_line "$tmp/$log" "$ready"
}

# stop_tool PID: interrupt it; its exit status.
stop_tool() {
	kill -INT "$1"
	wait "$1"
}
