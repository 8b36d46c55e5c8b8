#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem
# slow: ppdevmem
# timeout: 900
#
# devmem_exporter as a service: what it gives up, how it is started, and clients that
# are many, slow or mad. None of that depends on the kernel.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"

clients=$PPDEVMEM_REPO/tests/exporter/clients.py

# status_of NAME [PID]
status_of() {
	sed -n "s/^$1:\s*//p" "/proc/${2:-$exporter_pid}/status"
}

# bpf_things PID: what it has of BPF, open or mapped.
bpf_things() {
	{
		find "/proc/$1/fd" -printf '%l\n'
		cat "/proc/$1/maps"
	} | grep -c anon_inode:bpf
}

# As another process of the user that serves.
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$@"
}

exporter --walk-interval 3600
front=$(pgrep -P "$exporter_pid")
for pid in "$exporter_pid" "$front"; do
	is "$(for c in CapInh CapPrm CapEff CapBnd CapAmb; do status_of $c "$pid"; done | sort -u)" \
		0000000000000000 "it serves without any capability"
	is "$(status_of NoNewPrivs "$pid")" 1 "and cannot get new ones"
	is "$(status_of Uid "$pid")" "$(printf '65534\t65534\t65534\t65534')" "and not as root"
done

# Who takes over the process that speaks HTTP has its descriptors, its memory and its user.
like "$(ss -Htlnp 'sport = :9943')" "pid=$front,[^)]*\)\)" "one process has the socket"
like "$(bpf_things "$exporter_pid")" '^[1-9]' "the other one has what reads the kernel"
is "$(bpf_things "$front")" 0 "which the one with the socket has not"
fails "nor can it look into it" 1 "Permission denied" as_nobody cat "/proc/$exporter_pid/mem"
fails "nor take its descriptors" 2 "Permission denied" as_nobody ls "/proc/$exporter_pid/fd"
like "$(ss -Htln 'sport = :9943')" '127\.0\.0\.1:9943' "it listens on the loopback address"

# Clients
is "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9943/nothing)" 404 "404"
is "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "$url")" 405 "405"
is "$(curl -sI "$url" | head -n 1 | tr -d '\r')" "HTTP/1.1 200 OK" "HEAD"
like "$(curl -s http://127.0.0.1:9943/)" 'href="/metrics"' "a page at the root"
start drip "$clients" drip
"$clients" parallel 50 10 >"$tmp/parallel"
rss=$(status_of VmRSS "$front")
"$clients" parallel 2000 30 >"$tmp/parallel"
is "$(cat "$tmp/parallel")" "2000 of 2000 whole" "2000 scrapes, 30 at once"
is $((${rss% kB} + 4096 > $(status_of VmRSS "$front" | sed 's/ kB//'))) 1 "memory does not grow with them"
check "malformed requests" "$clients" malformed
scrape
is $? 0 "it survives them"
# Prometheus waits 10 seconds.
start silent "$clients" silent 300
wait_line "$tmp/silent" open
check "a scrape from elsewhere gets through while 300 clients are silent" \
	curl -sf --max-time 10 --interface 127.0.0.2 -o "$tmp/page" "$url"
check "and soon one from where they are" wait_for 10 scrape
check "silent clients are cut off" wait_line "$tmp/silent" "all cut off"
check "one that sends a byte a second is, too" wait_line "$tmp/drip" "^cut off"

kill -TERM "$exporter_pid"
wait "$exporter_pid"
is $? 0 "it ends when told to"

# A process that was taken over asks for something else, or is gone.
exporter --walk-interval 3600
front=$(pgrep -P "$exporter_pid")
for fd in /proc/"$front"/fd/*; do
	if [[ $(readlink "$fd") == pipe:* && $(cut -f 2 "/proc/$front/fdinfo/${fd##*/}" | sed -n 2p) == *1 ]]; then
		printf x >"$fd"
	fi
done
wait "$exporter_pid"
is $? 1 "it ends when asked for what there is not"
like "$(cat "$tmp/exporter")" "asks for 0x78, which there is not" "and says so"
exporter --walk-interval 3600
kill -KILL "$(pgrep -P "$exporter_pid")"
wait "$exporter_pid"
is $? 1 "it ends with the process that speaks HTTP"
like "$(cat "$tmp/exporter")" "the process that speaks HTTP has ended" "and says so"
exporter --walk-interval 3600
front=$(pgrep -P "$exporter_pid")
kill -KILL "$exporter_pid"
wait "$exporter_pid" 2>/dev/null
check "and that one with it" wait_for 20 gone "$front"

# What the service manager is told
chmod 711 "$tmp"
start manager socat -u UNIX-RECV:"$tmp/notify",mode=666 CREATE:"$tmp/told"
wait_for 20 test -S "$tmp/notify"
NOTIFY_SOCKET=$tmp/notify exporter --walk-interval 3600
check "that it is ready" wait_for 20 grep -q READY=1 "$tmp/told"
check "and that it lives" wait_for 20 grep -q WATCHDOG=1 "$tmp/told"
kill -TERM "$exporter_pid"
wait "$exporter_pid"

# How it is started
is "$("$clients" activate)" "2 served" "systemd's socket can be used again"
as_unit=(setpriv --reuid=1 --regid=1 --clear-groups --no-new-privs
	"--inh-caps=-all,+bpf,+perfmon,+syslog" "--ambient-caps=+bpf,+perfmon,+syslog"
	"--bounding-set=-all,+bpf,+perfmon,+syslog")
start activated "${as_unit[@]}" systemd-socket-activate -l 127.0.0.1:9943 "$(command -v devmem_exporter)"
wait_for 60 becomes devmem_bindings 0
is $? 0 "by socket activation, with the unit's three capabilities"
is "$(ps -o uid= -C devmem_exporter | tr -d ' ' | sort -u)" 1 "as the user that it was given"
start v6 devmem_exporter --address ::1 --port 9945
check "on an IPv6 address" wait_line "$tmp/v6" 'serving on http://\[::1\]:9945/metrics'
like "$(curl -sg --max-time 60 'http://[::1]:9945/metrics')" "devmem_bindings\\{kind=\"rx\"\\} 0" "it serves there"
install -d -o 1 "$tmp/trace"
start traced "${as_unit[@]}" strace -f -qq -o "$tmp/trace/calls" devmem_exporter --port 9944
wait_line "$tmp/traced" serving
curl -sf --max-time 60 http://127.0.0.1:9944/metrics >"$tmp/page"
pkill -TERM -P "$started" -x devmem_exporter
wait "$started"
is "$(python3 -B "$PPDEVMEM_REPO/tests/exporter/unit_calls.py" \
	"$PPDEVMEM_REPO/tools/bpf/exporter/devmem-exporter.service" "$tmp/trace/calls" 2>&1)" "" \
	"it makes no system call that the unit forbids"
fails "a port in use" 1 "cannot listen on address 127.0.0.1 port 9943: Address already in use" devmem_exporter
fails "no numeric address" 1 "'localhost' is not a numeric" devmem_exporter --address localhost
fails "no port" 2 "PORT is '0', not a number from 1 to 65535" devmem_exporter --port 0
fails "two ways at once" 2 "either --once or --check" devmem_exporter --once --check
fails "without capabilities" 1 "CAP_BPF is missing" \
	setpriv --reuid=65534 --clear-groups --inh-caps=-all devmem_exporter --port 9946
done_testing
