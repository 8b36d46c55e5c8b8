# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests here look at, once it stands still:
#
#	queue 1, port 5201	a reader that holds its first 100 tokens
#	queue 2, port 5202	one that reads nothing
#	queue 3, port 5203	one that gives nothing back, until nothing is left
#
# Needs tests/lib/tap.sh and net.sh.

scene=/tmp/scene
export PATH="$PPDEVMEM_REPO/tools/drgn:$PATH" PYTHONDONTWRITEBYTECODE=1

# scene_up: sets $reader, $lazy and $leaker, the readers' pids.
scene_up() {
	mkdir -p "$scene"
	net_pair 5 || return
	scene_reader 1 -S 4M --hold 100 && reader=$!
	scene_reader 2 -S 4M --no-read && lazy=$!
	scene_reader 3 -S 1M --hold 4000000000 && leaker=$!
	export reader lazy leaker
	wait_line "$scene/1.log" "listening on" || return
	wait_line "$scene/2.log" "listening on" || return
	wait_line "$scene/3.log" "listening on" || return
	scene_sender 1 512K
	scene_sender 2 32K
	scene_sender 3 4M
	wait_line "$scene/1.log" "tokens are held" || return
	wait_line "$scene/3.log" "stalled: no data" || return
	wait_for 120 scene_unread
}

# scene_reader QUEUE OPTION...
scene_reader() {
	local queue=$1
	shift
	steer "520$queue" "$queue"
	start_rx devmemcat -l -i dms0 -q "$queue" --discard "$@" "520$queue" \
		>"$scene/$queue.log" 2>&1
}

# scene_sender QUEUE BYTES
scene_sender() {
	start_tx devmemcat -n "$2" 10.0.0.1 "520$1" >"$scene/sender-$1.log" 2>&1
}

# All that was sent to the reader that does not read has arrived.
scene_unread() {
	in_rx ss -Htn "sport = :5202" | awk '$2 >= 32768 { found = 1 } END { exit !found }'
}

# Sockets that are none: connections that have ended (TIME_WAIT), and some that wait
# for data before they begin (request sockets).
scene_remnants() {
	local program='
import signal, socket
waiting = socket.create_server(("127.0.0.1", 5300), backlog=400)
waiting.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 600)
silent = [socket.create_connection(("127.0.0.1", 5300)) for _ in range(200)]
listener = socket.create_server(("127.0.0.1", 5301))
for _ in range(500):
    client = socket.create_connection(("127.0.0.1", 5301))
    server = listener.accept()[0]
    client.close()
    server.close()
print("made", flush=True)
signal.pause()
'
	# Not from standard input, which what runs in the background has not
	start_rx python3 -B -c "$program" >"$scene/remnants"
	wait_line "$scene/remnants" made
}

# remnants: how many of them there are now.
remnants() {
	in_rx ss -Htan state time-wait state syn-recv | wc -l
}

# A reader on queue 4 and port 5204 that is busy from now on.
scene_traffic() {
	scene_reader 4 -S 4M
	wait_line "$scene/4.log" "listening on" || return
	start_tx devmemcat 10.0.0.1 5204 >"$scene/sender-4.log" 2>&1
	wait_line "$scene/4.log" "connection 1 from"
}

scene_down() {
	kill -KILL "$reader" "$lazy" "$leaker" 2>/dev/null
	wait "$reader" "$lazy" "$leaker" 2>/dev/null
	net_teardown
}
