# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For the tests of the provider: the test bed, a receiver and a sender with
# their output in files, and whether the kernel got everything back.
#
# Who sources this uses the variables:
# shellcheck disable=SC2034

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/lib/net.sh"

dir=$(mktemp -d)
port=5201
receiver=
sender=

# bed [QUEUES]: the pair of devices, with the port steered to queue 1. Without
# it there is no test.
bed() {
	on_exit net_teardown
	if ! net_pair "$@" || ! steer "$port" 1; then
		not_ok "the test bed is up"
		exit 1
	fi
}

# receive OPTION...: start a receiver of this port and wait until it listens.
# Its output is in $dir/rx.out and $dir/rx.err. With less memory than it takes by
# itself: to map each page is what takes long on debug.
receive() {
	: >"$dir/rx.err"
	start_rx devmemcat -l -i dms0 -S 8M "$@" "$port" >"$dir/rx.out" 2>"$dir/rx.err"
	receiver=$!
	wait_line "$dir/rx.err" "listening on" 120 "$receiver"
}

# send_start ARGUMENT...: start a sender; its output is in $dir/tx.err.
send_start() {
	start_tx devmemcat "$@" "$port" >"$dir/tx.err" 2>&1
	sender=$!
}

# ended PID: it ends, within a generous time; the status is its own, or 124.
ended() {
	wait_for 240 gone "$1" || return 124
	wait "$1"
}

# summary EXPRESSION: of the receiver's JSON summary.
summary() {
	jq -r "$1" "$dir/rx.out"
}

# received NAME BYTES: what the last receiver summed up is as it should be.
received() {
	is "$(summary '[.devmem_bytes, .host_bytes, .verified] | join(" ")')" "$2 0 true" \
		"$1: every byte came in device memory, as it was sent"
	is "$(summary '.frags + .peeked_frags - .tokens_returned - .tokens_held')" 0 \
		"$1: the kernel took back each token"
}

# transfer NAME BYTES HOST [OPTION...]: one stream, start to end.
transfer() {
	local name=$1 bytes=$2 host=$3
	shift 3
	receive -j -q 1 -n "$bytes" "$@" || return
	check "$name: the sender is done" in_tx devmemcat -n "$bytes" "$host" "$port"
	ended "$receiver"
	is $? 0 "$name: the receiver is content" || cat "$dir/rx.err" >&2
	received "$name" "$bytes"
}

# dmabufs_left NUMBER: so many dma-bufs are left. A binding holds its own, and so
# does whoever made it.
dmabufs_left() {
	poke_cpus
	grep -q "^Total $1 objects" /sys/kernel/debug/dma_buf/bufinfo
}

no_binding_left() {
	[ "$(timeout 240 devmemls -j | jq '.bindings | length')" = 0 ]
}

# memory_returned NAME: no memory that was bound is still held, by anybody.
memory_returned() {
	check "$1: the memory is freed" wait_for 120 dmabufs_left 0
}

# all_returned NAME: nor is a binding. A binding that is left stays, so it is enough to
# ask at the end of a test: to load devmemls takes debug 15 s.
all_returned() {
	memory_returned "$1"
	case $PPDEVMEM_FLAVOR in
	ppdevmem | debug) check "$1: no binding is left" wait_for 240 no_binding_left ;;
	esac
}
