#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest: tools.sh ARM... - run rxbench while a tool watches it. Prints one JSON
# object for each arm: {"arm":..., "own": nanoseconds that the tool itself ran, or
# null, "result": what rxbench measured}. An arm is 'none', or a tool, or 'bt:SCRIPT'.
# With --once: {"arm":..., "once": nanoseconds that one run takes}.

set -euo pipefail
. "$PPDEVMEM_REPO/tests/lib/net.sh"

# More tokens than bpftrace's maps have room for
export BPFTRACE_MAX_MAP_KEYS=65536
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# own PID: nanoseconds that it ran, by its CPU clock.
own() {
	python3 -c 'import sys, time; print(time.clock_gettime_ns(~int(sys.argv[1]) << 3 | 2))' "$1"
}

# settled PID: the same, when it has no more to do than to wake up now and then.
settled() {
	local before now
	now=$(own "$1")
	while :; do
		before=$now
		sleep 0.3
		now=$(own "$1")
		[ $((now - before)) -ge 3000000 ] || break
	done
	echo "$before"
}

# measure ARM PID: run rxbench while PID watches.
measure() {
	local begin result end
	begin=$(own "$2")
	result=$(in_rx rxbench devmem)
	end=$(settled "$2")
	printf '{"arm":"%s","own":%d,"result":%s}\n' "$1" $((end - begin)) "$result"
}

# watch ARM READY COMMAND...: a tool of ours that says READY when it is attached.
watch() {
	local arm=$1 ready=$2 pid
	shift 2
	"$@" >"$tmp/log" 2>&1 &
	pid=$!
	wait_line "$tmp/log" "$ready"
	measure "$arm" "$pid"
	kill -INT "$pid"
	# devmemleak found something, as it should
	wait "$pid" || [ "${arm%:*}" = devmemleak ]
}

# In place of a tool: bpftrace starts its command when all is attached.
if [ "${1:-}" = --under-bpftrace ]; then
	measure "$2" "$PPID" >"$3"
	exit
fi

# once ARM COMMAND...: how long one run of it takes.
once() {
	local arm=$1 begin end
	shift
	begin=$(date +%s%N)
	"$@" >/dev/null
	end=$(date +%s%N)
	printf '{"arm":"%s","once":%d}\n' "$arm" $((end - begin))
}

net_pair 2
steer 5201 1
in_tx sysctl -qw net.ipv4.tcp_slow_start_after_idle=0 net.ipv4.tcp_early_retrans=0

for arm; do
	case $arm in
	none) printf '{"arm":"none","own":null,"result":%s}\n' "$(in_rx rxbench devmem)" ;;
	devmemsnoop) watch "$arm" EVENT devmemsnoop -e token_get,token_put ;;
	devmemlat) watch "$arm" Tracing devmemlat ;;
	devmemtop) watch "$arm" BINDING devmemtop -B 1000 ;;
	devmemtop:socket) watch "$arm" COOKIE devmemtop -B -w socket 1000 ;;
	devmemleak) watch "$arm" "watching for" devmemleak -v -t 0 --sample 1000 ;;
	devmemleak:unsampled) watch "$arm" "watching for" devmemleak -v -t 1000 ;;
	bt:*)
		bpftrace -o "$tmp/log" -c "/bin/bash $0 --under-bpftrace $arm $tmp/result" \
			"$PPDEVMEM_REPO/${arm#bt:}" >"$tmp/err" 2>&1 ||
			{ cat "$tmp/err" >&2 && exit 1; }
		cat "$tmp/result"
		;;
	once:*.bt) once "$arm" bpftrace "$PPDEVMEM_REPO/${arm#once:}" ;;
	once:*) once "$arm" "${arm#once:}" ;;
	*) echo "tools.sh: no arm '$arm'" >&2 && exit 2 ;;
	esac
done
