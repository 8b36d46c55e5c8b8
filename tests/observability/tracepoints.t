#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: debug
# soak: debug
# timeout: 2400
#
# The tracepoints are those of the documentation, and each event comes exactly as
# often as what it stands for happens.

set -u
. "$PPDEVMEM_REPO/tests/observability/common.sh"

# typed_as ARGUMENTS: the C types, for the documentation's names of arguments.
typed_as() {
	sed -e 's/\bbinding\b/const struct net_devmem_dmabuf_binding */' \
		-e 's/\bpool\b/const struct page_pool */' \
		-e 's/\biov\b/const struct page_pool_iov */' \
		-e 's/\bsk\b/const struct sock */' \
		-e 's/\b\(queue\|token\)\b/u32/g' \
		-e 's/\breason\b/enum devmem_put_reason/' <<<"$1"
}

sorted_words() {
	tr -s ', ' '\n' | sort | paste -sd ' '
}

format_fields() {
	sed -n 's/^\tfield:.* \([a-z_]*\);.*/\1/p' "$events/$1/format" | grep -v '^common_'
}

printed_fields() {
	sed -n 's/^print fmt: "\([^"]*\)".*/\1/p' "$events/$1/format" | grep -o '[a-z]*='| tr -d =
}

documented() {
	doc_tables Tracepoints >"$dir/tables"
	bpftool btf dump file /sys/kernel/btf/vmlinux format c |
		grep -o 'btf_trace_devmem_.*' >"$dir/btf"
	is "$(find "$events" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sorted_words)" \
		"$(awk -F'|' 'NF == 3 { print $1 }' "$dir/tables" | sorted_words)" \
		"the events are those of the documentation"

	local event arguments fields
	while IFS='|' read -r event arguments fields; do
		like "$(grep "^$event|" "$dir/tables" | head -n 1)" "\|.*[a-z]" "$event has an explanation"
		is "$(format_fields "$event" | sorted_words)" "$(sorted_words <<<"$fields")" \
			"$event has the documented fields"
		is "$(printed_fields "$event" | sorted_words)" "$(sorted_words <<<"$fields")" \
			"$event prints all of them"
		check "$event has its types in BTF" grep -qF \
			"btf_trace_$event)(void *, $(typed_as "$arguments"));" "$dir/btf"
	done < <(awk -F'|' 'NF == 3' "$dir/tables")

	is "$(awk -F'|' 'NF == 3 { print $3 }' "$dir/tables" | sorted_words | tr ' ' '\n' | uniq |
		sorted_words)" \
		"$(awk -F'|' 'NF == 2 && $1 !~ /^devmem_/ { print $1 }' "$dir/tables" | sorted_words)" \
		"each field has an explanation"
}

# pairs EVENT EVENT FIELD...: what one says in FIELDs the other does as well, as
# often: tokens and iovs are used again.
pairs() {
	local one=$1 other=$2
	shift 2
	traced "$one" | fields "$@" | sort >"$dir/one"
	traced "$other" | fields "$@" | sort >"$dir/other"
	test -s "$dir/one" && cmp "$dir/one" "$dir/other"
}

# held_reader: 40 tokens held to the end, all others given back, on two queues.
held_reader() {
	local id frags total=1024

	receive held 5201 -q 1,2 -S 4M --hold 40
	id=$(binding_id held)
	is "$(count devmem_bind)" 1 "a bind is one devmem_bind"
	is "$(traced devmem_bind | fields binding total free user size)" \
		"$id $total $total 0 $((4 << 20))" "which says that all is free"
	is "$(traced devmem_queue_bind | fields binding queue | paste -sd,)" "$id 1,$id 2" \
		"and a devmem_queue_bind for each queue"
	is "$(traced devmem_bind | fields inode)" \
		"$(stat -L -c %i "/proc/$receiver/fd/$(dmabuf_fd "$receiver")")" \
		"devmem_bind has the dma-buf's inode"

	send -n 1M 10.0.0.1 5201
	wait_line "$dir/held.err" "tokens are held" $patience
	is "$(devmemprobe ls | fields allocs)" "$(count devmem_iov_alloc)" \
		"devmem_iov_alloc came for each iov that pools took"
	is "$(count devmem_token_put 'reason=close')" 0 "nothing is closed yet"
	finish "$receiver"
	check "the binding is freed" wait_for $patience freed 1

	frags=$(summary held .frags)
	is "$(count devmem_token_get)" "$frags" "a devmem_token_get for each token handed out"
	is "$(count devmem_token_put 'reason=dontneed')" "$(summary held .tokens_returned)" \
		"a devmem_token_put for each that was given back"
	is "$(count devmem_token_put 'reason=close')" 40 "and for each that its socket left"
	check "each token comes back as it went" \
		pairs devmem_token_get devmem_token_put cookie token iov frag dma
	like "$(traced devmem_token_get | tail -n 1 | fields frag)" '^0xff[0-9a-f]*[13579bdf]$' \
		"the word of a frag is tagged"
	echo 1 >"$trace/options/hash-ptr"
	like "$(traced devmem_token_get | tail -n 1 | fields frag)" '^0x00000000[0-9a-f]+$' \
		"and hashed, unless asked for as it is"
	echo 0 >"$trace/options/hash-ptr"
	is "$(traced devmem_token_get | fields queue | sort -u)" 1 "all came by the steered queue"
	is "$(traced devmem_token_get | fields cookie | sort -u | wc -l)" 1 "of one socket"
	is "$(count devmem_iov_release)" "$(count devmem_iov_alloc)" "all iovs went back"
	check "each to where it came from" \
		pairs devmem_iov_alloc devmem_iov_release binding pool iov frag dma
	is "$(traced devmem_queue_unbind | fields binding queue | paste -sd,)" "$id 1,$id 2" \
		"a devmem_queue_unbind for each queue"
	is "$(count devmem_unbind)" 1 "one devmem_unbind"
	is "$(count devmem_pool_destroy)" 2 "a devmem_pool_destroy for each queue's pool"
	is "$(traced devmem_binding_free | fields binding total free user)" "$id $total $total 0" \
		"one devmem_binding_free, with everything free"
	is "$(tail -n 1 "$trace/trace" | grep -o 'devmem_[a-z_]*:')" "devmem_binding_free:" \
		"which is the last event of all"
}

# dmabuf_fd PID: its file descriptor of the dma-buf.
dmabuf_fd() {
	local fd
	for fd in "/proc/$1/fd/"*; do
		[[ $(readlink "$fd") != */dmabuf:* ]] || echo "${fd##*/}"
	done
}

# Peeking mints tokens, several on one iov.
peeking_reader() {
	local gets puts
	gets=$(count devmem_token_get)
	puts=$(count devmem_token_put)
	receive peek 5201 -q 1 -S 4M --peek
	in_tx devmemcat -n 256K 10.0.0.1 5201
	ended "$receiver"
	check "the peeked-at binding is freed" wait_for $patience freed 2
	is "$(($(count devmem_token_get) - gets))" "$(summary peek '.frags + .peeked_frags')" \
		"peeking: a devmem_token_get for each token, peeked or not"
	is "$(($(count devmem_token_put) - puts))" "$(summary peek .tokens_returned)" \
		"peeking: a devmem_token_put for each"
}

# Not just any link: bpftrace tries out first what the kernel can do.
counting() {
	bpftool -j link show | jq -e 'any(.[]?; .attach_type? == "trace_fexit")'
}

exhausted_now() {
	[ "$(devmemprobe ls | fields exhausted)" -ge "$1" ]
}

# A reader that keeps all that there is.
greedy_reader() {
	local id refused

	bpftrace -e 'fexit:vmlinux:net_devmem_iovs_alloc /retval == 0/ { @refused = count(); }' \
		>"$dir/refused" &
	local bpftrace=$!
	check "refills are counted elsewhere, too" wait_for $patience counting
	receive greedy 5201 -q 1 -S 1M --hold 1000000
	id=$(binding_id greedy)
	send -n 4M 10.0.0.1 5201
	check "a reader that holds everything exhausts the binding" \
		wait_for $patience exhausted_now 3
	is "$(traced devmem_exhausted "binding=$id " | fields free | sort -u)" 0 \
		"devmem_exhausted says that nothing is free"
	kill "$sender"
	finish "$receiver"
	check "the exhausted binding is freed" wait_for $patience freed 3
	kill -INT "$bpftrace"
	wait "$bpftrace"
	refused=$(awk '$1 == "@refused:" { print $2 }' "$dir/refused")
	is "$(count devmem_exhausted "binding=$id ")" "$refused" "it came once for each refill that failed"
}

documented
bed
trace_start all
held_reader
peeking_reader
greedy_reader
nothing_lost "the trace has every event"
done_testing
