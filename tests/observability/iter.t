#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem debug
# soak: debug
# timeout: 2400
#
# The bpf_iter targets: the documentation's program and commands work as they
# stand there, a very large binding is dumped completely while others come and
# go, and a dump that nobody reads on holds nothing.

set -u
. "$PPDEVMEM_REPO/tests/observability/common.sh"

pins=/sys/fs/bpf
on_exit 'rm -f $pins/bindings $pins/decode $pins/iovs'

documented_program() {
	local line="$1"
	doc_block '^SEC."iter/devmem_binding"' >"$dir/bindings.bpf.c"
	doc_block '^bpftool iter pin' >"$dir/commands"
	check "the program has ten lines" test "$(awk '/^SEC/, 0' "$dir/bindings.bpf.c" | wc -l)" -le 12
	check "the documentation's commands work" sh -ec "cd $dir && . ./commands >output"
	is "$(cat "$dir/output")" "$line" "and list the bindings"
	is "$(cat $pins/bindings)" "$line" "again and again"
}

# The one that decodes a frag: it is only a part of a file.
documented_decoder() {
	{
		printf '#include <%s>\n' vmlinux.h bpf/bpf_helpers.h bpf/bpf_tracing.h bpf/bpf_core_read.h
		printf 'char LICENSE[] SEC("license") = "GPL";\n'
		doc_block 'BPF_PROG.decode,'
	} >"$dir/decode.bpf.c"
	check "the documentation's decoder compiles" clang -g -O2 -target bpf -D__TARGET_ARCH_x86 \
		-I"$dir" -c "$dir/decode.bpf.c" -o "$dir/decode.bpf.o"
	check "the verifier takes it" bpftool prog load "$dir/decode.bpf.o" $pins/decode
}

# Lines BINDING INDEX TOKENS in order: how many bindings, and how many iovs of
# binding $1; fails if an iov is missing, twice, or out of its order.
count_iovs() {
	awk -v big="$1" '
		$1 != id { id = $1; next_idx = 0; bindings++ }
		$2 != next_idx++ { print "binding", id, "has", $2, "after", next_idx - 2; bad = 1; exit }
		id == big { n++ }
		END { if (!bad) print n, (bindings > 1); exit bad }'
}

# dump_beside_others ID: count the iovs of passes up to the first that meets another
# binding as well, or is not complete. The others are there only now and then.
dump_beside_others() {
	local result
	for _ in {1..50}; do
		result=$(count_iovs "$1" <$pins/iovs)
		[ "$result" = "$iovs 0" ] || break
	done
	echo "$result"
}

big_dump() {
	local id churn iovs limit=/sys/module/udmabuf/parameters/size_limit_mb before
	before=$(cat $limit)
	if [ "$PPDEVMEM_FLAVOR" = debug ]; then
		# DMA debugging complains about memory that is mapped twice. No udmabuf is larger.
		iovs=16384
		bind_only big -q 2 -S 64M
	else
		iovs=1048576
		: >"$dir/big.err"
		start_rx repeatbuf 4096 -- devmemcat --bind-only -i dms0 -q 2 -d fd:3 2>"$dir/big.err"
		binder=$!
		wait_line "$dir/big.err" "bound binding" $patience "$binder"
	fi
	id=$(binding_id big)
	is "$(counters big total) $(cat $limit)" "$iovs $before" \
		"a binding of $iovs iovs, and others are allowed no more than before"
	check "the dump of all iovs is pinned" bpftool iter pin "$objects/iovs.bpf.o" $pins/iovs
	start_rx devmemcat --bind-only -i dms0 -q 3 -S 256K --count 100000
	churn=$!
	wait_for $patience other_than "$id"
	is "$(dump_beside_others "$id")" "$iovs 1" \
		"one pass gives each iov once, while bindings come and go"
	check "they came and went all the time" kill -0 "$churn"
	kill -KILL "$churn" # it reads no signals
	wait "$churn" 2>/dev/null
	is "$(count_iovs "$id" <$pins/iovs | cut -d' ' -f1)" "$iovs" "and so does the next"
}

other_than() {
	devmemprobe ls | grep -qv "^binding=$1 "
}

half_read() {
	local id total
	id=$(binding_id big)
	total=$(counters big total)
	exec 4<$pins/iovs
	dd bs=4096 count=1 <&4 >"$dir/first" 2>/dev/null
	like "$(head -n 1 "$dir/first")" "^$id 0 0$" "a dump is begun"
	finish "$binder"
	check "its binding is freed although the dump is not at its end" \
		wait_for $patience freed 1 "binding=$id "
	# What was put into the reader's buffer before is still read.
	cat <&4 >>"$dir/first"
	exec 4<&-
	check "the dump ends there" test "$(count_iovs "$id" <"$dir/first" | cut -d' ' -f1)" \
		-lt $((total / 2))
}

bed
bind_only small -q 1 -S 1M
total=$(counters small total)
documented_program "$(binding_id small): $total iovs, $(counters small free) free, 0 user"
documented_decoder
finish "$binder"
trace_start devmem_binding_free
big_dump
half_read
done_testing
