# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Options are optional; scenes are called by name.
# shellcheck disable=SC2119,SC2120,SC2317,SC2034
#
# Scenes: a part of the stack gets hold of device memory traffic. A file of scenes is a
# test whose functions are called as its scenes are:
#
#	scene NAME WHO "What it is, for docs/hazards.md"
#	NAME() { ... }
#	...
#	run_scenes "$@"
#
# In each, traffic flows first; then the part gets hold of it, and proves that it did; then
# what was sent is there, or it is said why not; then everything is closed, and all memory
# has come back. What happened is a line of build/out/hazards/FLAVOR.jsonl, and page.py makes
# docs/hazards.md of those. On our kernels it must be what that page has.
#
# With names as arguments it runs those scenes alone; with --list it lists them; with
# --unhurt in front of names it ends after the first that hurts the guest, which is how
# matrix.t runs them on kernels that some of them kill.
#
# WHO can do it: remote (a peer), local (a user without privileges who was given a
# socket), admin.

. "$PPDEVMEM_REPO/tests/provider/common.sh"

group=$(basename "$0" .t)
page=$PPDEVMEM_REPO/docs/hazards.md
results=$PPDEVMEM_REPO/build/out/hazards
scenes=()
declare -A who what

# What is sent at a time. Who had so many bytes of it, at least, had payload: a sender that gets
# no answer does not send all of it.
chunk=65536
some=8192

scene() {
	scenes+=("$1")
	who[$1]=$2
	what[$1]=$3
}

# The functions that the kernel's complaints so far are about, a line each.
complaints() {
	dmesg | sed -nE 's/.*(WARNING|BUG): .* ([a-zA-Z0-9_.]+)\+0x.*/\2/p'
}

# happened WORD [WHY]: what became of this scene; the last word counts.
happened() {
	outcome=$1
	why=${2-}
}

# missing FEATURE: this kernel does not have it, so nothing is learned.
missing() {
	happened "not built in" "$1"
	skip "$current: ${what[$current]}" "this kernel has no $1"
}

# needs MODULE...: they are there, in whatever way.
needs() {
	local module
	for module; do
		modprobe -q "$module" || { missing "$module" && return 1; }
	done
}

# --- one stream, under control ---

# sender_up [OPTION...]: connect, and send nothing yet. Descriptor $commands tells it.
sender_up() {
	[ -p "$dir/commands" ] || mkfifo "$dir/commands"
	exec {commands}<>"$dir/commands"
	: >"$dir/tx.out"
	nsenter --net=/run/netns/tx hazsend "$@" "$host" "$port" \
		<"$dir/commands" >"$dir/tx.out" 2>"$dir/tx.err" &
	sender=$!
	sent=0
}

# push [BYTES]: have them sent; does not wait.
push() {
	echo "${1:-$chunk}" >&"$commands"
	sent=$((sent + ${1:-$chunk}))
}

acked() {
	grep -q "^acked $sent\$" "$dir/tx.out"
}

# flow_up [OPTION...]: a receiver that compares, with options of devmemcat, and a sender.
# The first bytes have come when this returns.
flow_up() {
	receive -j -q 1 -S 4M "$@"
	sender_up
	push
	check "$current: the stream is up" wait_for 60 acked
}

# reader_up WAY [REGEX]: hazread listens, or says what REGEX has.
reader_up() {
	: >"$dir/rx.err"
	start_rx hazread "$1" dms0 1 "$port" >"$dir/rx.out" 2>"$dir/rx.err"
	receiver=$!
	wait_line "$dir/rx.err" "${2:-listening on}" || not_ok "$current: the reader is up"
}

# reader_begins [OPTION...]: it has data, and begins now to do what is to be done to it;
# options are the sender's.
reader_begins() {
	sender_up "$@"
	push 20000
	check "$current: the stream is up" wait_for 60 acked
	kill -USR1 "$receiver"
}

# odd_up WAY [OPTION...]: both.
odd_up() {
	reader_up "$1"
	reader_begins "${@:2}"
}

# passes SEEN...: more is sent, and arrives; command SEEN then says that the part had it.
passes() {
	push
	if ! wait_for 60 acked; then
		happened stops
	fi
	saw "$@"
}

# takes SEEN...: more is sent, the part has it, and may keep it for as long as it is there.
takes() {
	push
	saw "$@"
	wait_for 5 acked || happened stops "until it is removed"
}

# saw COMMAND...: the part had payload in its hands, or the scene is worth nothing.
saw() {
	check "$current: it gets hold of the payload" wait_for 30 "$@"
}

# flow_down: the sender ends; everything must have come, into device memory, as sent.
flow_down() {
	wait_for 60 acked || happened stops "for good"
	echo end >&"$commands"
	ended "$sender"
	ended "$receiver"
	local status=$?
	is "$(summary '[.devmem_bytes, .host_bytes, .verified] | join(" ")') $status" \
		"$sent 0 true 0" "$current: all of it came, as it was sent" ||
		cat "$dir/rx.err" >&2
	case $(summary '[.verified, .host_bytes] | join(" ")') in
	false*) happened corrupt ;;
	"true "[1-9]*) happened "host memory" "$(summary .host_bytes) bytes" ;;
	esac
	exec {commands}>&-
}

# odd_down: the end of odd_up; what the way left to be read was as it was sent.
odd_down() {
	echo end >&"$commands"
	ended "$receiver"
	is $? 0 "$current: the reader comes to its end"
	kill "$sender" 2>/dev/null
	wait "$sender" 2>/dev/null
	exec {commands}>&-
	diag "$(tr '\n' ' ' <"$dir/rx.out")"
}

# told WHAT: the result that hazread printed of it.
told() {
	sed -n "s/^$1 //p" "$dir/rx.out" | head -n 1
}

# counters GROUP REGEX: the sum of what rx counts by such names in GROUP: Ip, Tcp, TcpExt...
counters() {
	in_rx cat /proc/self/net/snmp /proc/self/net/netstat | awk -v group="$1:" -v regex="^($2)\$" '
		$1 == group && $2 ~ /^[A-Z]/ { for (i = 2; i <= NF; i++) name[i] = $i }
		$1 == group && $2 ~ /^[0-9]/ { for (i = 2; i <= NF; i++) if (name[i] ~ regex) sum += $i }
		END { print sum + 0 }'
}

# --- run them ---

# settled: everything is closed. Did all memory come back?
settled() {
	if wait_for 60 dmabufs_left 0; then
		ok "$current: all memory came back"
		return
	fi
	happened leak "$(timeout 60 devmemls -j | jq -r '[.bindings[] | .iovs.total - .iovs.free] |
		add // 0 | "\(.) iovs"' 2>/dev/null)"
	not_ok "$current: all memory came back" "$(cat /sys/kernel/debug/dma_buf/bufinfo)"
}

# note: write down what happened so far; nothing, when the scene begins.
note() {
	mkdir -p "$results"
	jq -nc --arg scene "$group/$current" --arg who "${who[$current]}" \
		--arg what "${what[$current]}" --arg kernel "$(uname -r)" \
		--arg outcome "$outcome" --arg why "$why" '$ARGS.named' \
		>>"$results/$PPDEVMEM_FLAVOR.jsonl"
}

# report: hold the page against what happened.
report() {
	case $PPDEVMEM_FLAVOR in
	ppdevmem | debug)
		[ "$outcome" = "not built in" ] || is "$outcome" \
			"$("$PPDEVMEM_REPO/tests/hazards/page.py" --cell "$group/$current")" \
			"$current: docs/hazards.md has what happened"
		;;
	esac
}

run_scene() {
	local before after
	current=$1
	happened ""
	note
	happened fine
	mapfile -t before < <(complaints)
	"$current"
	settled
	mapfile -t after < <(complaints)
	((${#after[@]} == ${#before[@]})) || happened WARN "${after[${#before[@]}]}"
	note
	report
}

hurt() {
	[[ $outcome =~ ^(WARN|leak|hang)$ ]]
}

run_scenes() {
	local unhurt=
	if [ "${1-}" = --list ]; then
		for current in "${scenes[@]}"; do
			printf '%s\t%s\t%s\n' "$group/$current" "${who[$current]}" "${what[$current]}"
		done
		exit
	fi
	[ "${1-}" != --unhurt ] || { unhurt=1 && shift; }
	host=10.0.0.1
	bed 4
	for current in "${@:-${scenes[@]}}"; do
		run_scene "$current"
		[ -z "$unhurt" ] || ! hurt || exit
	done
	check "no binding is left" wait_for 60 no_binding_left
	done_testing
}
