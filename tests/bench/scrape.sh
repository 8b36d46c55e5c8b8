#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest, with --icount: what a scrape of devmem_exporter costs as bindings, their
# queues, iovs and tokens grow. One JSON object for each scene; "ns" is CPU time of the
# exporter for one scrape, which are instructions there.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"

scrapes=10

# CPU time of a process's threads, of the clock that clock_getcpuclockid(3) gives
cpu_ns() {
	python3 -c 'import sys, time; print(time.clock_gettime_ns(~int(sys.argv[1]) << 3 | 2))' \
		"$exporter_pid"
}

# measure SCENE QUEUES IOVS TOKENS. A page is kept for a quarter of a second, so each
# scrape waits for a new one.
measure() {
	local before i
	kill -HUP "$exporter_pid"
	wait_for 60 walked_all
	before=$(cpu_ns)
	for ((i = 0; i < scrapes; i++)); do
		sleep 0.3
		scrape
	done
	printf '{"scene":"%s","bindings":%d,"queues":%d,"iovs":%d,"tokens":%d,"series":%d,"bytes":%d,"ns":%d}\n' \
		"$1" "$(metric devmem_bindings)" "$2" "$3" "$4" "$(grep -vc '^#' "$tmp/page")" \
		"$(stat -c %s "$tmp/page")" $((($(cpu_ns) - before) / scrapes))
}

# Each binding has what a walk tells, too.
walked_all() {
	scrape && [ "$(grep -c '^devmem_tokens{' "$tmp/page")" = "$(metric devmem_bindings)" ]
}

# binding QUEUES SIZE: another one.
binding() {
	start_in rx "binder-$1" devmemcat --bind-only -i dms0 -q "$1" -S "$2"
	wait_line "$tmp/binder-$1" "bound binding"
	binder_pid=$started
}

net_pair 64
exporter --walk-interval 3600
measure bindings 0 0 0
for queue in {1..32}; do
	binding "$queue" 1M
	case $queue in
	1 | 2 | 4 | 8 | 16 | 32) measure bindings "$queue" $((queue * 256)) 0 ;;
	esac
done
pkill -x devmemcat
wait_for 60 becomes devmem_bindings 0
binding 1-16 1M
measure queues 16 256 0
unbind
wait_for 60 becomes devmem_bindings 0
binding 1 64M
measure iovs 1 16384 0
steer 5201 1
reader reader --hold 10000 5201
stream send 5201 16M
wait_line "$tmp/reader" "held 10000\$"
wait_line "$tmp/reader" " got "
kill -HUP "$exporter_pid"
wait_for 60 becomes devmem_tokens 10000
measure tokens 1 16384 10000
