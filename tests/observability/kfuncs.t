#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem debug
# soak: debug
# timeout: 2400
#
# Whatever word it is given, bpf_page_pool_iov_from_frag() finds the right iov or
# none; walks over bindings and iovs hold while bindings come and go; and the
# verifier says why it refuses a wrong program.

set -u
. "$PPDEVMEM_REPO/tests/observability/common.sh"

# of CLASS NAME: a number from that line of the last 'devmemprobe words'.
of() {
	awk -v class="$1" '$1 == class' "$dir/words" | fields "$2"
}

# range_of ID: address and number of a binding's iovs.
range_of() {
	devmemprobe ls | grep "^binding=$1 " | fields iovs total
}

decoded_in() { # ADDRESS NUMBER
	devmemprobe range "$1" "$2" | fields decoded
}

no_binding() {
	poke_cpus
	! devmemprobe ls | grep -q "^binding=$1 "
}

million_words() {
	local class

	check "a million words are decoded, and none does harm" \
		sh -c "devmemprobe words 1000000 >$dir/words"
	check "a million, indeed" test "$(fields words <"$dir/words" | paste -sd+ | bc)" -ge 1000000
	for class in random heap near inside pages untagged iovs; do
		is "$(of $class wrong)" 0 "$class words: each is the right iov, or none"
	done
	is "$(of pages decoded) $(of untagged decoded)" "0 0" \
		"pages, with and without a stray tag, and untagged iovs are none"
	is "$(of iovs decoded)" "$(of iovs words)" "every iov is found"
	check "free ones too" test "$(of iovs free)" -gt 0
	check "of words near iovs some are iovs, most are not" \
		test "$(of near decoded)" -gt 0 -a "$(of near decoded)" -lt "$(($(of near words) / 10))"
	is "$(of inside decoded)" "$(($(of inside words) / 64))" \
		"of an iov's 64 addresses exactly the tagged one is it"
}

states() {
	local id=$1 word
	word=$(traced devmem_token_get | tail -n 1 | fields frag)
	like "$(devmemprobe frag "$word")" "^binding=$id iov=[0-9]+ state=[12] since=[1-9]" \
		"a word out of a tracepoint is decoded"
	is "$(devmemprobe ls | grep "^binding=$id " | fields walked_user tokens)" "20 20" \
		"a walk finds the iovs that the reader holds"
}

gone_bindings() {
	local held=$1 bound=$2 where held_where
	read -ra where < <(range_of "$(binding_id idle)")
	read -ra held_where < <(range_of "$held")
	finish "$bound"
	check "a binding ends" wait_for $patience no_binding "$(binding_id idle)"
	is "$(decoded_in "${where[@]}")" 0 "iovs of a binding that is gone are not found"

	kill -USR2 "$receiver"
	wait_line "$dir/words.err" "unbound binding" $patience
	is "$(decoded_in "${held_where[@]}")" "${held_where[1]}" \
		"those of one that is unbound and still held are"
	finish "$receiver"
	check "the last holder ends" wait_for $patience no_binding "$held"
	is "$(decoded_in "${held_where[@]}")" 0 "and then they are not found either"
}

decode_words() {
	local id binder
	receive words 5201 -q 1 -S 2M --hold 20
	id=$(binding_id words)
	bind_only idle -q 2 -S 8M
	send -n 256K 10.0.0.1 5201
	wait_line "$dir/words.err" "tokens are held" $patience
	million_words
	states "$id"
	gone_bindings "$id" "$binder"
}

# Frags that are pages: ordinary TCP, over lo.
send_pages() {
	local server
	socat -u TCP-LISTEN:7000,bind=127.0.0.1 OPEN:/dev/null &
	server=$!
	wait_for $patience sh -c "ss -Hltn 'sport = :7000' | grep -q LISTEN"
	head -c 1M /dev/zero | socat -u STDIN TCP:127.0.0.1:7000
	ended "$server"
}

seen() {
	tail -n 1 "$dir/watch" | fields "$1"
}

decode_in_programs() {
	local watcher
	devmemprobe watch >"$dir/watch" &
	watcher=$!
	wait_line "$dir/watch" attached $patience
	receive traced 5201 -q 1 -S 4M
	in_tx devmemcat -n 1M 10.0.0.1 5201
	ended "$receiver"
	send_pages
	finish "$watcher"
	is "$(seen tokens) $(seen tokens_wrong)" "$(summary traced .frags) 0" \
		"tp_btf: each token's iov is decoded to itself"
	check "fentry: tagged frags came by" test "$(seen frags)" -gt 0
	is "$(seen frags_null)" 0 "fentry: each is an iov"
	check "fentry: pages came by" test "$(seen pages)" -gt 0
	is "$(seen pages_iov)" 0 "fentry: none is an iov"
	is "$(seen kprobe_decoded)" 0 "kprobe: zero is none"
	is "$(seen unbinds) $(seen unbinds_wrong)" "1 0" \
		"tp_btf: all iovs of a tracepoint's binding are walked over"
}

walk_through_churn() {
	local stress
	devmemprobe stress >"$dir/stress" &
	stress=$!
	wait_line "$dir/stress" started $patience
	in_rx devmemcat --bind-only -i dms0 -q 1-3 -S 1M --count 20
	finish "$stress"
	is "$(fields wrong <"$dir/stress" | tail -n 1)" 0 \
		"walks and decoding are right while bindings come and go"
	check "they saw bindings" test "$(fields bindings <"$dir/stress" | tail -n 1)" -gt 0
}

refused() {
	fails "refused: $1" 1 "$3" devmemprobe load "$2"
}

bed
trace_start all
decode_words
decode_in_programs
walk_through_churn
refused "walking over the iovs of a binding read from memory" untrusted_binding \
	"R2 must be a rcu pointer"
refused "walking over the iovs of no binding" null_binding \
	"Possibly NULL pointer passed to trusted arg1"
refused "a walk that is not ended" not_destroyed "Unreleased reference id="
refused "a walk that was not started" not_started \
	"expected an initialized iter_devmem_binding as arg #0"
refused "a walk without RCU in a program that sleeps" no_rcu_section \
	"expected an RCU CS when using bpf_iter_devmem_binding_next"
refused "looking at what may be NULL" no_null_check "invalid mem access 'ptr_or_null_"
refused "writing to an iov" writes "only read is supported"
refused "a kind of program that may not decode" wrong_type \
	"calling kernel function bpf_page_pool_iov_from_frag is not allowed"
done_testing
