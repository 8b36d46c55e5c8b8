#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-6.12 stock-latest
# soak: ppdevmem stock-6.12 stock-latest
# timeout: 7200
#
# All tools for an hour, one after the other, while bindings, sockets, processes and devices
# come and go. What they say is compared with what is known: who leaks, who gives back what he
# gets, and what nobody reads. For less than an hour:
#
#	scripts/vm --kernel ppdevmem --timeout 900 -- env HOUR_SECONDS=300 tests/tools/hour.t

. "$PPDEVMEM_REPO/tests/tools/common.sh"

seconds=${HOUR_SECONDS:-3600}
held=6
unread=20000

queued() {
	[ "$(in_rx ss -Htn state established "( sport = :5203 )" | awk '{ print $1 }')" = "$unread" ]
}

# Not by check, which would keep the processes to itself
scene_up() {
	net_pair 4 && steer 5201 1 && steer 5202 1 && steer 5203 1 && steer 5204 1 && steer 5205 1 || return
	bind || return
	start exporter devmem_exporter --port 9944 --walk-interval 5
	exporter=$started
	reader leaky --hold $held 5201 && send 5201 40000 && wait_line "$tmp/leaky" " got " || return
	start_in rx healthy python3 -B "$PPDEVMEM_REPO/tests/drgn/healthy.py" 5202
	wait_line "$tmp/healthy" listening || return
	start_in tx stream python3 -c 'import socket, time
with socket.create_connection(("10.0.0.1", 5202)) as sock:
    while True:
        sock.sendall(bytes(30000))
        time.sleep(0.05)'
	reader unread --unread 5203 && connect unread-data 5203 || return
	head -c $unread /dev/zero >&"$fifo"
	wait_for 60 queued && wait_line "$tmp/healthy" "back [1-9]" &&
		wait_line "$tmp/exporter" "serving" 120 "$exporter"
}

if ! scene_up; then
	not_ok "the scene is there" "$(tail -n 3 "$tmp"/*)"
	done_testing
fi
ok "the scene is there"
loaded=$(bpfprogs)
start churn "$PPDEVMEM_REPO/tests/tools/churn.py"
churn=$started
diag "$(wait_line "$tmp/churn" seed && head -n 1 "$tmp/churn")"
while read -r word text; do
	case $word in
	ok) ok "$text" ;;
	not) not_ok "$text" ;;
	*) diag "$word $text" ;;
	esac
done < <(python3 -B "$PPDEVMEM_REPO/tests/tools/hour.py" --seconds "$seconds" \
	--binding "$(sed -n 's/.*bound binding \([0-9]*\).*/\1/p' "$tmp/binder")" \
	--leaky "$(words leaky fd 1)" --held $held --healthy "$tmp/healthy" \
	--unread "$(words unread fd 1)" --unread-bytes $unread --exporter 9944 2>&1 ||
	echo "not it ended early")
kill "$churn"
wait "$churn"
is "$?" 0 "what came and went did so to the end"
diag "$(tail -n 1 "$tmp/churn")"
check "no BPF program is left but the exporter's" wait_for 60 [ "$(bpfprogs)" = "$loaded" ]

kill -9 "$(words leaky fd 1)" "$(words healthy listening 1)" "$(words unread fd 1)"
unbind
check "all memory comes back" wait_for 120 no_bindings
done_testing
