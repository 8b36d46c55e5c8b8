#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest, with --icount: what a scrape of devmem_exporter costs and how many
# series it brings, as bindings, iovs and tokens grow. One line for each scene:
# CPU time of the exporter for one scrape, in ns, which are instructions there.

. "$PPDEVMEM_REPO/tests/exporter/common.sh"

scrapes=10

# CPU time of a process's threads, of the clock that clock_getcpuclockid(3) gives
cpu_ns() {
	python3 -c 'import sys, time; print(time.clock_gettime_ns(~int(sys.argv[1]) << 3 | 2))' \
		"$exporter_pid"
}

# A page is kept for a quarter of a second, so each scrape waits for a new one.
measure() {
	local before i
	kill -HUP "$exporter_pid"
	wait_for 60 walked_all
	before=$(cpu_ns)
	for ((i = 0; i < scrapes; i++)); do
		sleep 0.3
		scrape
	done
	printf '%-8s %9s %7s %7s %7s %7s %11s\n' "$1" "$(metric devmem_bindings)" "$2" "$3" \
		"$(grep -vc '^#' "$tmp/page")" "$(stat -c %s "$tmp/page")" \
		$((($(cpu_ns) - before) / scrapes))
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

net_pair 20
exporter --walk-interval 3600
printf '%-8s %9s %7s %7s %7s %7s %11s\n' scene bindings iovs tokens series bytes ns/scrape
measure none 0 0
for queue in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	binding $queue 1M
	case $queue in
	1 | 2 | 4 | 8 | 16) measure bindings $((queue * 256)) 0 ;;
	esac
done
pkill -x devmemcat
wait_for 60 becomes devmem_bindings 0
binding 1-16 1M
measure queues 256 0
unbind
wait_for 60 becomes devmem_bindings 0
for size in 1 4 16 64; do
	binding 1 ${size}M
	measure iovs $((size * 256)) 0
	[ $size = 64 ] || unbind
	[ $size = 64 ] || wait_for 60 becomes devmem_bindings 0
done
steer 5201 1
for hold in 100 1000 10000; do
	reader "reader$hold" --hold $hold 5201
	stream "send$hold" 5201 16M
	wait_line "$tmp/reader$hold" "held $hold\$"
	wait_line "$tmp/reader$hold" " got "
	kill -HUP "$exporter_pid"
	wait_for 60 becomes devmem_tokens $hold
	measure tokens 16384 $hold
	kill -9 "$(words "reader$hold" fd 1)"
	kill -9 "$(words "reader$hold" listening 1)"
done
