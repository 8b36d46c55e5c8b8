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
before=$(bpfprogs)

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
	wait_line "$tmp/binder" "bound binding" 120 "$binder_pid"
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
	wait_line "$tmp/$log" listening 120 "$started"
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
	# shellcheck disable=SC2034 # its user writes to it
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

# start_json NAME TOOL OPTION...: a tool in the background that prints JSON into
# NAME.json, and what it has to say into NAME.
start_json() {
	local name=$1
	shift
	: >"$tmp/$name.json"
	# shellcheck disable=SC2016
	start "$name" sh -c 'out=$1; shift; exec "$@" >"$out"' sh "$tmp/$name.json" "$@"
}

# attached N: at least N programs more than at first ($before) are loaded.
attached() {
	[ "$(bpfprogs)" -ge $((before + $1)) ]
}

none_left() {
	[ "$(bpfprogs)" = "$before" ]
}

# stop_tool PID DESCRIPTION: interrupt it; it ends with status 0.
stop_tool() {
	local status=0
	kill -INT "$1"
	wait "$1" || status=$?
	is "$status" 0 "$2"
}

# no_bindings: nothing is left of any.
no_bindings() {
	poke_cpus
	[ "$(devmemls -j | jq -c .bindings)" = "[]" ]
}

# as_documented NAME FILE...: each document in the files is as docs/NAME.schema.json
# says. To be called once, it takes a while to load.
as_documented() {
	local schema=$PPDEVMEM_REPO/docs/$1.schema.json name=$1
	shift
	check "what it prints is as $name.schema.json says" \
		"$PPDEVMEM_REPO/tests/tools/schema.py" "$schema" "$@"
}

# tells TOOL WHAT VALUE: what a tool can tell on this kernel, as it was seen here,
# is what docs/tools.md has. table.py makes that page of what is left in build/out.
tells() {
	local kernels=(ppdevmem mainline stock-6.12 stock-latest) column
	for column in "${!kernels[@]}"; do
		[ "${kernels[$column]}" != "$PPDEVMEM_FLAVOR" ] || break
	done
	mkdir -p "$PPDEVMEM_REPO/build/out/tools"
	printf '%s\t%s\t%s\n' "$@" >>"$PPDEVMEM_REPO/build/out/tools/$PPDEVMEM_FLAVOR.tsv"
	is "$3" "$(awk -F ' *[|] *' -v tool="$1" -v what="$2" -v column=$((column + 4)) \
		'$2 == tool && $3 == what { gsub("`", ""); print $column }' \
		"$PPDEVMEM_REPO/docs/tools.md")" "docs/tools.md has it: $1: $2"
}
