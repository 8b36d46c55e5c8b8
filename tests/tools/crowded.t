#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-6.12
# slow: stock-6.12
# timeout: 300
#
# devmemtop on a host with more sockets than it has room for, as large ones have them.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

# sum FILE FIELD: of a rate over all rows, times the time that passed.
sum() {
	jq -s "[range(1; length) as \$i | (.[\$i].time - .[\$i - 1].time) * ([.[\$i].rows[].$2 // 0] | add // 0)]
		| add // 0 | round" "$1"
}

net_pair 4
bind

# More sockets than there is room for: each token is in a rate, or said to be missed
steer 5205 1
crowded=(env LD_PRELOAD="$PPDEVMEM_REPO/build/bin/fakebpf.so" FAKEBPF_MAP=counts:16
	devmemtop -B -j -w socket 1)
start_json many "${crowded[@]}"
many_pid=$started
wait_line "$tmp/many.json" view

# crowd NAME: 24 sockets, whose readers have their tokens.
crowd() {
	local n
	reader "$1" --hold 1000 5205 24
	for n in {1..24}; do
		start_in tx "$1-$n" devmemcat -n 3000 10.0.0.1 5205
	done
	wait_for 120 all_got "$1"
}
all_got() {
	[ "$(grep -c " got " "$tmp/$1")" = 24 ]
}
crowd readers
still() {
	tail -n 1 "$tmp/many.json" | jq -e '[.rows[].get_per_second] | length == 24 and add == 0'
}
wait_for 60 still
stop_tool "$many_pid" "ends on Ctrl-C, with more sockets than it has room for"
missed=$(sed -n 's/.* \([0-9]*\) events were missed.*/\1/p' "$tmp/many")
check "it says that it missed events" [ "${missed:-0}" -gt 0 ]
is $(($(sum "$tmp/many.json" get_per_second) + ${missed:-0})) "$(words readers got 4 | paste -sd+ | bc)" \
	"and each token is in a rate or among those"

# shellcheck disable=SC2046
kill -9 $(words readers fd 1)

# There is room again when they are gone
start_json room "${crowded[@]}"
room_pid=$started
wait_line "$tmp/room.json" view
crowd others
entries() {
	bpftool -j map dump name counts | jq length
}
full() {
	[ "$(entries)" = 16 ]
}
roomy() {
	[ "$(entries)" -le 8 ]
}
check "the table is full" wait_for 60 full
# shellcheck disable=SC2046
kill -9 $(words others fd 1)
check "what is idle is forgotten" wait_for 60 roomy
crowd_rated=$(sum "$tmp/room.json" get_per_second)
reader later --hold 1000 5205
send 5205 3000
wait_line "$tmp/later" " got "
later_rated() {
	[ $(($(sum "$tmp/room.json" get_per_second) - crowd_rated)) = "$(words later got 4)" ]
}
check "and who comes later is counted" wait_for 60 later_rated
stop_tool "$room_pid" "ends on Ctrl-C, when there is room again"
kill -9 "$(words later fd 1)"
unbind
check "all memory comes back" wait_for 120 no_bindings
check "no BPF program is left" wait_for 60 none_left
done_testing
