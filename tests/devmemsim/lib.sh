# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of devmemsim share: a pair, dms0 here and dms0p in the
# namespace "far", and files sent from there to here and compared.

# shellcheck source=tests/lib/tap.sh
. "$PPDEVMEM_REPO/tests/lib/tap.sh"

work=$(mktemp -d)
knobs=/sys/kernel/debug/devmemsim/dms0
# Bound of any wait, in seconds: how long a slow machine may take, not how long it takes.
patience=60

# far COMMAND...: run it at the other end. In the background write the command
# out: $! is then its process, and not that of a shell around it.
far() {
	ip netns exec far "$@"
}

# here DESCRIPTION COMMAND...: as check, for a COMMAND that waits for a child of
# this shell, which check cannot since it runs COMMAND in another.
here() {
	local description=$1
	shift
	if "$@" >"$work/output" 2>&1; then
		ok "$description"
	else
		not_ok "$description" "'$*' failed: $(cat "$work/output")"
	fi
}

# refused DESCRIPTION PATTERN COMMAND...: COMMAND fails and says why. ethtool's
# status depends on what it was asked, so any will do.
refused() {
	local description=$1 pattern=$2 output
	shift 2
	if output=$("$@" 2>&1); then
		not_ok "$description" "'$*' succeeded"
	else
		like "$output" "$pattern" "$description"
	fi
}

# make_pair [ARGUMENT...]: dms0 and dms0p, both up, IPv4 and IPv6.
# shellcheck disable=SC2120 # arguments are optional
make_pair() {
	ip netns add far
	ip link add dms0 "$@" type devmemsim
	ip link set dms0p netns far
	connect
}

# connect: addresses for both ends, and up.
connect() {
	ip addr add 10.1.0.1/24 dev dms0
	ip addr add fd01::1/64 dev dms0 nodad
	ip link set dms0 up
	ip -n far addr add 10.1.0.2/24 dev dms0p
	ip -n far addr add fd01::2/64 dev dms0p nodad
	ip -n far link set dms0p up
}

remove_pair() {
	ip link del dms0 2>/dev/null
	ip netns del far 2>/dev/null
}

# stat NAME [far]: one of the counters, "total_NAME" for the sum over queues.
stat() {
	if [ "${2:-}" = far ]; then far ethtool -S dms0p; else ethtool -S dms0; fi | awk -v want="$1" '
		{ sub(":", "", $1); name = $1 }
		name == want { sum = $2 }
		sub("^total_", "", want) { total = want; want = "" }
		total && name ~ "^[rt]x[0-9]+_" total "$" { sum += $2 }
		END { print sum + 0 }'
}

# at_least LIMIT COMMAND...: what COMMAND prints is LIMIT or more.
at_least() {
	local limit=$1
	shift
	[ "$("$@")" -ge "$limit" ]
}

# queue_state QUEUE WORD: a number from the queue's state in debugfs.
queue_state() {
	awk -v word="$2" '$1 == word { print $2 }' "$knobs/queue$1/state"
}

listening() {
	ss -Hltn "sport = :$1" | grep -q .
}

# receive PORT FILE: take one connection in the background, to FILE; sets receiver.
receive() {
	socat -u "TCP6-LISTEN:$1,ipv6only=0,reuseaddr" "OPEN:$2,creat,trunc" &
	receiver=$!
	wait_for $patience listening "$1"
}

# send ADDRESS PORT FILE: from the far end. IPv6 addresses in brackets.
send() {
	far socat -u "OPEN:$3" "TCP:$1:$2"
}

# transfer ADDRESS PORT FILE: send FILE to here; the copy is the same.
transfer() {
	receive "$2" "$work/copy.$2"
	send "$1" "$2" "$3" && wait "$receiver" && cmp "$3" "$work/copy.$2"
}

# random_file NAME MIB: sets file.
random_file() {
	file=$work/$1
	head -c "$2M" /dev/urandom >"$file"
}

# stream_start PORT: send $file over and over, until stream_stop.
stream_start() {
	rm -f "$work/stop" "$work/sent" "$work/got"
	socat -lf /dev/null -u "TCP6-LISTEN:$1,ipv6only=0,reuseaddr" - | md5sum >"$work/got" &
	receiver=$!
	wait_for $patience listening "$1"
	while ! [ -e "$work/stop" ]; do cat "$file"; done |
		tee >(md5sum >"$work/sent") |
		ip netns exec far socat -lf /dev/null -u - "TCP:10.1.0.1:$1" &
	sender=$!
}

# stream_stop: end the stream; all that was sent has arrived, and nothing else.
stream_stop() {
	touch "$work/stop"
	wait "$sender" && wait "$receiver" && wait_for $patience [ -s "$work/sent" ] &&
		cmp "$work/sent" "$work/got"
}

# stream_kill: end a stream that has lost its network.
stream_kill() {
	touch "$work/stop"
	pkill -P $$ socat
	wait "$sender" "$receiver"
}

# flows: packets arrive.
flows() {
	wait_for $patience at_least $(($(stat total_packets) + 50)) stat total_packets
}

modprobe devmemsim || {
	not_ok "devmemsim can be loaded"
	done_testing
}
# shellcheck disable=SC2016 # expands when the test ends
on_exit 'rm -rf "$work"'
on_exit remove_pair
