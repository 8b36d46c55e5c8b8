#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-latest
# slow: stock-latest
# timeout: 400
#
# drgn on a running kernel: memory of other kinds than what devmem TCP receives into, and
# holders that no process has a descriptor of. All of it stands still but one queue of
# io_uring, which is busy:
#
#	queue 1, port 5201	tokens of a socket that is in flight in a unix socket
#	queue 2, port 5202	tokens of a socket that is a fixed file of a ring
#	queue 3, port 5203	what a connection has not read that nobody accepts
#	queue 4, port 5204	buffers that io_uring's user holds, where the kernel has that
#	queue 5, port 5205	and one that is busy
#	port 5206		what is sent from a dma-buf to a reader that takes no more, where the
#				kernel has that

scene=/tmp/kinds
. "$PPDEVMEM_REPO/tests/drgn/players.sh"

# holder QUEUE OPTION...: a reader of that queue.
holder() {
	steer "520$1" "$1" &&
		start_in rx "$1" devmemcat -l -i dms0 -q "$1" -S 2M "${@:2}" "520$1" &&
		wait_line "$scene/$1" "listening on" 120
}

# Connections wait, with what they were sent.
listener='
import signal, socket
listeners = [socket.create_server(("10.0.0.1", port)) for port in (5203, 5206)]
print("ready", flush=True)
signal.pause()
'

waits() {
	in_rx ss -Htn "sport = :5203" | awk '$2 >= 32768 { found = 1 } END { exit !found }'
}

scene_up() {
	net_pair 6 || return
	holder 1 --hold 7 --park flight && in_flight=${pids[-1]} || return
	start_in tx send-1 devmemcat -n 1M 10.0.0.1 5201
	holder 2 --hold 7 --park ring && registered=${pids[-1]} || return
	start_in tx send-2 devmemcat -n 1M 10.0.0.1 5202
	steer 5203 3 || return
	start_in rx binder devmemcat --bind-only -i dms0 -q 3 -S 1M
	wait_line "$scene/binder" "bound binding" || return
	start_in rx waiting python3 -c "$listener"
	unaccepted=${pids[-1]}
	wait_line "$scene/waiting" ready || return
	start_in tx send-3 devmemcat -n 32K 10.0.0.1 5203
	wait_line "$scene/1" "7 of its tokens are held by a parked socket" || return
	wait_line "$scene/2" "7 of its tokens are held by a parked socket" || return
	wait_for 120 waits || return
	export in_flight registered unaccepted
}

# What only some kernels can do.
sending_up() {
	start_in tx sending devmemcat --tx -i dms1 -S 2M -n 2M 10.0.0.1 5206
	sending=${pids[-1]}
	wait_for 120 stuck || return
	export sending
}

# send_queue: how much the sender has not got acknowledged.
send_queue() {
	in_tx ss -Htn "dport = :5206" | awk '{ print $3 }'
}

# Probes of the window are all that goes on.
stuck() {
	in_tx ss -Htnoi "dport = :5206" | grep -q 'timer:(persist'
}

uring_up() {
	holder 4 --zcrx --hold 7 -S 8M && holding=${pids[-1]} || return
	start_in tx send-4 devmemcat -n 1M 10.0.0.1 5204
	wait_line "$scene/4" "holding 7 buffers" || return
	holder 5 --zcrx --discard && busy=${pids[-1]} || return
	start_in tx send-5 devmemcat 10.0.0.1 5205
	wait_line "$scene/5" "connection 1 from" || return
	export holding busy
}

# Not by check, which would keep the processes to itself
if ! scene_up; then
	not_ok "nobody has a descriptor of what holds memory" "$(tail -n 3 "$scene"/*)"
	done_testing
fi
ok "nobody has a descriptor of what holds memory"
if grep -q ' io_uring_pp_zc_ops$' /proc/kallsyms && ! uring_up; then
	not_ok "io_uring receives" "$(tail -n 3 "$scene"/*)"
	done_testing
fi
if grep -q ' netdev_nl_bind_tx_doit$' /proc/kallsyms && ! sending_up; then
	not_ok "a socket sends from a dma-buf" "$(tail -n 3 "$scene"/*)"
	done_testing
fi
unacknowledged=$(send_queue)
export unacknowledged
devmemls -j >"$scene/devmemls.json"
while read -r word text; do
	case $word in
	ok) ok "$text" ;;
	not) not_ok "$text" ;;
	*) diag "$word $text" ;;
	esac
done < <(python3 -B "$PPDEVMEM_REPO/tests/drgn/kinds_checks.py" 2>&1 || echo "not it ended early")
done_testing
