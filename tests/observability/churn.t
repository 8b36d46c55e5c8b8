#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem debug
# soak: debug
# timeout: 2400
#
# Everything that looks, looks, while bindings are made, used and ended in a
# loop. That the kernel does not complain is the harness's to see.

set -u
. "$PPDEVMEM_REPO/tests/observability/common.sh"

rounds=6
[ "$PPDEVMEM_FLAVOR" != debug ] || rounds=2
pins=/sys/fs/bpf
on_exit 'rm -f $pins/iovs'

read_dumps() {
	while [ ! -e "$dir/stop" ]; do
		cat $pins/iovs >"$dir/dump" || touch "$dir/failed"
	done
}

start_lookers() {
	check "the dump of all iovs is pinned" bpftool iter pin "$objects/iovs.bpf.o" $pins/iovs
	devmemprobe watch >"$dir/watch" &
	watcher=$!
	devmemprobe stress >"$dir/stress" &
	stress=$!
	read_dumps &
	dumper=$!
	wait_line "$dir/watch" attached $patience
	wait_line "$dir/stress" started $patience
}

# One receiver is ended with tokens out, one while data is coming, one unbinds
# before it gives tokens back. Fails at the first that does not come that far.
round() {
	local held cut unbound
	receive held 5201 -q 1 -S 2M --hold 30 || return
	held=$receiver
	receive cut 5202 -q 2 -S 1M --hold 1000000 || return
	cut=$receiver
	receive unbound 5203 -q 3 -S 2M --hold 30 || return
	unbound=$receiver
	send -n 2M 10.0.0.1 5202
	send -n 256K 10.0.0.1 5201
	send -n 256K fd00::1 5203
	wait_line "$dir/held.err" "tokens are held" $patience &&
		wait_line "$dir/cut.err" "connection 1" $patience &&
		wait_line "$dir/unbound.err" "tokens are held" $patience || return
	kill -USR2 "$unbound"
	wait_line "$dir/unbound.err" "unbound binding" $patience || return
	kill -USR1 "$unbound"
	wait_line "$dir/unbound.err" "released" $patience || return
	kill "$held" "$cut" && ended "$held" && ended "$cut" && finish "$unbound"
}

all_freed() {
	poke_cpus
	[ "$(count devmem_binding_free)" = "$(count devmem_bind)" ]
}

bed
trace_start all
start_lookers
start_rx devmemcat --bind-only -i dms0 -q 4 -S 256K --count 1000000
churn=$!
for ((i = 0; i < rounds; i++)); do
	round
	is $? 0 "round $i: three receivers came to their ends, each in its way"
done
kill -KILL "$churn" # it reads no signals
ended "$churn"
is $? 137 "what bound and unbound all the while did so to the end"
check "all bindings are freed" wait_for $patience all_freed
touch "$dir/stop"
ended "$dumper"
is $? 0 "the reader of dumps ends"
finish "$watcher"
is $? 0 "and so does what watched"
finish "$stress"
is $? 0 "and what walked and decoded"

binds=$(count devmem_bind)
check "bindings came and went ($binds)" test "$binds" -gt $((3 * rounds))
is "$(count devmem_unbind) $(count devmem_binding_free)" "$binds $binds" \
	"each was unbound once and freed once"
is "$(count devmem_queue_bind)" "$binds" "each had its queue"
is "$(count devmem_queue_unbind)" "$binds" "and lost it"
is "$(count devmem_pool_destroy)" "$binds" "each queue's pool ended"
is "$(count devmem_iov_release)" "$(count devmem_iov_alloc)" "all iovs went back"
is "$(count devmem_token_put)" "$(count devmem_token_get)" "all tokens came back"
is "$(traced devmem_binding_free | fields user | sort -u)" 0 \
	"no binding ended with a token out"
nothing_lost "the trace has every event"
is "$(tail -n 1 "$dir/stress" | fields wrong)" 0 "all that was walked over and decoded was right"
is "$(tail -n 1 "$dir/watch" | fields tokens_wrong frags_null pages_iov unbinds_wrong)" \
	"0 0 0 0" "and so was all that programs decoded"
check "every dump came to its end" test ! -e "$dir/failed"
is "$(devmemprobe ls)" "" "no binding is left"
done_testing
