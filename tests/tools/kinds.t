#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-6.12 stock-latest
# slow: stock-latest
# soak: stock-6.12
# timeout: 600
#
# What carries the tag besides dma-bufs that are received into, and who has what no
# process has as a descriptor.

. "$PPDEVMEM_REPO/tests/tools/common.sh"
. "$PPDEVMEM_REPO/tests/tools/listing.sh"

# park WHERE FIRST OPTION...: a devmemcat that holds 15 tokens by a socket whose descriptor
# it has lost, called FIRST in the log.
park() {
	start_in rx "$1" devmemcat -l -i dms0 -q 1 -S 4M --hold 15 --park "$1" -n 200000 5201
	holder=$started
	wait_line "$tmp/$1" "listening|bound" 120 "$holder"
	start_in tx "$1-sender" devmemcat -n 200000 10.0.0.1 5201
	wait_line "$tmp/$1" "held by a parked socket" 120 "$holder"
}

# unpark: it ends, and gives back what it holds.
unpark() {
	kill -USR1 "$holder"
	wait "$holder"
	check "all is given back" wait_for 120 no_bindings
}

# only_task HOW WORDS: the binding's one holder is had by the parked devmemcat, said so in JSON
# and in words.
only_task() {
	local fd
	list
	jq_is "$ls" '.bindings[0] | [.kind, .area, .holders[].holder, .holders[].tokens]' \
		'["rx",null,"socket",15]' "$1: 15 tokens of one socket"
	jq_is "$ls" '[.bindings[0].holders[].tasks[] | [.how, .pid, .comm]]' \
		"[[\"$1\",$holder,\"devmemcat\"]]" "$1: who has it, and how"
	fd=$(jq '.bindings[0].holders[0].tasks[0].fd' "$ls")
	like "$(devmemls)" "$2 devmemcat\[$holder\] fd $fd" "$1: in words"
	like "$(readlink "/proc/$holder/fd/$fd")" "$3" "$1: with that descriptor"
	like "$(devmemleak -t 0)" "tokens .*$2 devmemcat\[$holder\] fd $fd" "$1: devmemleak, too"
}

# word_of_ring STATE: the first iov of the listed area in it is found by its word.
word_of_ring() {
	local word
	word=$(jq -r "[.bindings[0].iov_list[] | select(.state == \"$1\")][0].frag" "$ls")
	devmemls -j --frag "$word" | tee -a "$tmp/frags" >"$tmp/frag"
	jq_is "$tmp/frag" '[.kind, .binding, .frag, .state]' \
		"[\"io_uring\",null,\"$word\",\"$1\"]" "io_uring: a word that is $1"
}

net_pair 4
steer 5201 1

park flight
only_task in_flight "in flight in a unix socket of" "socket:"
unpark
park ring
only_task registered "registered with io_uring of" "io_uring"
unpark

# A connection that nobody accepts: its reader is stopped before it came.
bind
reader reader --unread 5201
listener=$started
kill -STOP "$listener"
start_in tx sender devmemcat -n 100000 10.0.0.1 5201
unread() {
	devmemleak -j -t 0 >"$tmp/leak.json"
	jq -e '[.leaks[].kind] == ["unread"] and .leaks[0].bytes > 50000' "$tmp/leak.json"
}
check "unaccepted: devmemleak lists what nobody reads" wait_for 60 unread
jq_is "$tmp/leak.json" '[.leaks[0].tasks[] | [.how, .pid, .comm]]' \
	"[[\"unaccepted\",$listener,\"reader.py\"]]" "unaccepted: whose listener it is"
like "$(devmemleak -t 0)" "unread .*not accepted yet, listener of reader.py\[$listener\] fd [0-9]+" \
	"unaccepted: in words"
kill -CONT "$listener"
kill -9 "$listener" "$started"
unbind
check "all comes back" wait_for 120 no_bindings

# A socket that was closed, and that its peer lets wait
bind
reader reader --hold 5 --leave 5201
start_in tx sender python3 -c 'import signal, socket
sock = socket.create_connection(("10.0.0.1", 5201))
sock.sendall(bytes(100000))
sock.shutdown(socket.SHUT_WR)
signal.pause()'
sender=$started
left() {
	list && jq -e '.bindings[0].holders[0].tasks == []' "$ls"
}
check "nobody: a socket without a process is listed" wait_for 60 left
jq_is "$ls" '[.bindings[0].holders[] | [.holder, .tokens, .local]]' '[["socket",5,"10.0.0.1:5201"]]' \
	"nobody: what it holds"
like "$(devmemls)" "10.0.0.1:5201 <- .*, held by nobody that can be reached" "nobody: in words"
like "$(devmemleak -t 0)" "tokens .*held by nobody that can be reached" "nobody: devmemleak, too"
kill -9 "$sender"
unbind
check "nobody: the memory comes back with its peer's end" wait_for 120 no_bindings

# io_uring, where the kernel has it
if [ "$PPDEVMEM_FLAVOR" = stock-latest ]; then
	start_in rx zcrx devmemcat -l -i dms0 -q 1 --zcrx -S 8M --hold 7 -n 4M 5201
	holder=$started
	wait_line "$tmp/zcrx" "listening|bound" 120 "$holder"
	list --iovs
	jq_is "$ls" '.bindings[0] | [.kind, .area, .id, .dmabuf, .unbound, .ifname, .queues, .allocs]' \
		'["io_uring",0,null,null,false,"dms0",[1],null]' "io_uring: an area of a queue"
	jq_is "$ls" '.bindings[0] | [.iov_size, .iovs.total, .iovs.user]' "[4096,2048,0]" \
		"io_uring: as large as it is"
	jq_is "$ls" '[.bindings[0].holders[] | [.holder, .tokens, .cookie, .local, .tasks[].pid]]' \
		"[[\"ring\",0,null,null,$holder]]" "io_uring: whose ring it is"
	word_of_ring free
	in_tx devmemcat -n 4M 10.0.0.1 5201 >"$tmp/zcrx-sender" 2>&1
	check "io_uring: it holds buffers" wait_line "$tmp/zcrx" "holding 7 buffers" 60 "$holder"
	list --iovs
	jq_is "$ls" '.bindings[0] | [.iovs.user, .holders[0].tokens, .holders[0].iovs] | [.[] > 0] | all' \
		true "io_uring: so many are with user space"
	jq_is "$ls" '.bindings[0] | ([.iov_list[] | select(.state == "user") | .tokens] | add) == .holders[0].tokens' \
		true "io_uring: the iovs say the same"
	jq_is "$ls" '.bindings[0] | ([.iov_list[] | select(.state == "free")] | length) == .iovs.free' \
		true "io_uring: and of free ones"
	like "$(devmemls)" "- +io_uring +dms0 +1 .* 8M +2048 " "io_uring: in the table"
	like "$(devmemls)" "io_uring of devmemcat\[$holder\] fd" "io_uring: and its ring"
	word_of_ring user
	kill -USR1 "$holder"
	wait "$holder"
	check "io_uring: nothing is left" wait_for 120 no_bindings

	# What is sent from a dma-buf to a peer that does not read it
	start_in rx peer python3 -c 'import signal, socket
listener = socket.create_server(("10.0.0.1", 5201))
print("listening", flush=True)
sock = listener.accept()
signal.pause()'
	peer=$started
	wait_line "$tmp/peer" listening 120 "$peer"
	start_in tx tx devmemcat --tx -i dms1 -S 2M -n 32M 10.0.0.1 5201
	holder=$started
	stuck() {
		list --iovs && jq -e '.bindings[0].holders[0].bytes > 100000' "$ls"
	}
	check "tx: it waits for its peer" wait_for 60 stuck
	jq_is "$ls" '.bindings[0] | [.kind, .area, .unbound, .ifname, .queues, .dmabuf.size, .allocs]' \
		'["tx",null,false,"dms1",[],2097152,null]' "tx: a binding for sending"
	jq_is "$ls" '.bindings[0].iovs | [.total, .free, .pool, .user > 0]' "[512,null,null,true]" \
		"tx: what it can tell of its iovs"
	jq_is "$ls" '[.bindings[0].holders[] | [.holder, .remote, .tokens > 0, .tasks[].pid, .tasks[].how]]' \
		"[[\"socket\",\"10.0.0.1:5201\",true,$holder,\"fd\"]]" "tx: whose socket has it queued"
	jq_is "$ls" '.bindings[0] | [.iov_list[].state] | unique' '[null,"user"]' \
		"tx: iovs are queued, or nobody knows"
	like "$(devmemls)" "tx +dms1 .* 512 +- +- +[0-9]" "tx: in the table"
	like "$(devmemls)" "[0-9] frags to be acknowledged, .*devmemcat\[$holder\] fd" "tx: and its socket"
	word=$(jq -r '[.bindings[0].iov_list[] | select(.state == "user")][0].frag' "$ls")
	devmemls -j --frag "$word" | tee -a "$tmp/frags" >"$tmp/frag"
	jq_is "$tmp/frag" '[.kind, .frag]' "[\"tx\",\"$word\"]" "tx: a word"
	kill -9 "$holder" "$peer"
	check "tx: nothing is left" wait_for 120 no_bindings
	as_documented devmemls-frag "$tmp/frags"
fi
as_documented devmemls "$docs"
as_documented devmemleak "$tmp/leak.json"
done_testing
