# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For the tests of what can be seen: the test bed, receivers and senders, a
# trace of system devmem, and the tables and programs of the documentation.
# shellcheck disable=SC2034 # much of this is for whoever uses it

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/lib/net.sh"

dir=$(mktemp -d)
doc=$PPDEVMEM_REPO/kernel/Documentation/networking/devmem_observability.rst
objects=$PPDEVMEM_REPO/build/obj/observability
events=/sys/kernel/tracing/events/devmem
trace=/sys/kernel/tracing/instances/observability
# Bound of any wait, in seconds: how long a slow machine may take.
patience=600

# bed: the pair of devices; ports 5201 to 5204 go to queues 1 to 4. No binding is
# there: the last one of the test before may take a moment.
bed() {
	local queue
	wait_for $patience no_bindings
	on_exit net_teardown
	net_pair 5
	for queue in 1 2 3 4; do
		steer $((5200 + queue)) "$queue"
	done
}

# receive NAME PORT OPTION...: start a receiver and wait until it listens; sets
# $receiver. Its output is in $dir/NAME.out and $dir/NAME.err.
receive() {
	local name=$1 port=$2
	shift 2
	: >"$dir/$name.err"
	start_rx devmemcat -l -j -i dms0 "$@" "$port" >"$dir/$name.out" 2>"$dir/$name.err"
	receiver=$!
	wait_line "$dir/$name.err" "listening on" $patience "$receiver"
}

# send ARGUMENT...: start a sender; sets $sender. It ends when the receiver has
# closed the connection, which one that holds tokens does not.
send() {
	start_tx devmemcat "$@" >"$dir/send.out" 2>&1
	sender=$!
}

# bind_only NAME OPTION...: bind, receive nothing; sets $binder.
bind_only() {
	local name=$1
	shift
	: >"$dir/$name.err"
	start_rx devmemcat --bind-only -i dms0 "$@" >"$dir/$name.out" 2>"$dir/$name.err"
	binder=$!
	wait_line "$dir/$name.err" "bound binding" $patience "$binder"
}

# binding_id NAME: what that receiver or binder bound.
binding_id() {
	sed -n 's/.*bound binding \([0-9]*\):.*/\1/p' "$dir/$1.err"
}

# ended PID: it ends in time; the status is its own, or 124.
ended() {
	wait_for $patience gone "$1" || return 124
	wait "$1"
}

# finish PID: ask it to end, and wait until it did.
finish() {
	kill "$1"
	ended "$1"
}

# summary NAME EXPRESSION: of the JSON summary of a receiver that ended.
summary() {
	jq -r "$2" "$dir/$1.out"
}

# trace_start EVENT: record it, or 'all' events of the system, from now on.
trace_start() {
	mkdir "$trace"
	on_exit trace_end
	echo 16384 >"$trace/buffer_size_kb"
	# Frag words as they are
	echo 0 >"$trace/options/hash-ptr"
	case $1 in
	all) echo 1 >"$trace/events/devmem/enable" ;;
	*) echo 1 >"$trace/events/devmem/$1/enable" ;;
	esac
}

trace_end() {
	[ ! -d "$trace" ] || rmdir "$trace"
}

# traced EVENT [REGEX]: the lines of an event so far.
traced() {
	grep -E ": $1: .*${2:-}" "$trace/trace"
}

# count EVENT [REGEX]: how many.
count() {
	traced "$@" | wc -l
}

has_traced() {
	[ "$(count "${@:2}")" -ge "$1" ]
}

# freed NUMBER [REGEX]: so many bindings were.
freed() {
	poke_cpus
	has_traced "$1" devmem_binding_free "${2:-}"
}

no_bindings() {
	local list
	poke_cpus
	list=$(devmemprobe ls) && [ -z "$list" ]
}

# fields NAME...: of the trace's lines on stdin, a line of values for each.
fields() {
	awk -v names="$*" '
		{
			n = split(names, name, " ")
			line = ""
			for (i = 1; i <= NF; i++)
				if (split($i, part, "=") == 2)
					value[part[1]] = part[2]
			for (i = 1; i <= n; i++)
				line = line (i > 1 ? " " : "") value[name[i]]
			print line
		}'
}

# held_is NAME COUNT: so many tokens are out on what that receiver bound.
held_is() {
	[ "$(counters "$1" tokens)" = "$2" ]
}

# counters NAME FIELD...: of what that receiver or binder bound; see devmemprobe ls.
counters() {
	devmemprobe ls | grep "^binding=$(binding_id "$1") " | fields "${@:2}"
}

# nothing_lost DESCRIPTION: the trace has all that happened.
nothing_lost() {
	is "$(cat "$trace"/per_cpu/cpu*/stats | awk '
		/^(overrun|commit overrun|dropped events)/ { n += $NF } END { print n + 0 }')" 0 "$1"
}

# doc_tables HEADING, doc_block REGEX, doc_output REGEX: out of the documentation; see rst.py.
doc_tables() {
	python3 -B "$PPDEVMEM_REPO/tests/observability/rst.py" tables "$1" "$doc"
}

doc_block() {
	python3 -B "$PPDEVMEM_REPO/tests/observability/rst.py" block "$1" "$doc"
}

doc_output() {
	python3 -B "$PPDEVMEM_REPO/tests/observability/rst.py" output "$1" "$doc"
}
