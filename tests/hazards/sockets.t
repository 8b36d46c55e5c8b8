#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem
# soak: debug
# timeout: 900
#
# Whoever was given a socket tries to get at its payload by every call there is; an admin
# has BPF programs look at it and pass it on.

# Options are optional; scenes are called by name.
# shellcheck disable=SC2119,SC2317
set -u
. "$PPDEVMEM_REPO/tests/hazards/common.sh"

# way NAME [OPTION...]: have hazread do it, with more of the stream after it.
way() {
	odd_up "$@"
	wait_line "$dir/rx.out" "^done" 90 || happened hang
	push
	odd_down
}

# refused WHAT ERRNO: that call of the way was.
refused() {
	is "$(told "$1")" "$2" "$current: $1 is refused"
	happened refused "$2"
}

# rest_verified: what the way left of the stream is as it was sent.
rest_verified() {
	check "$current: the rest of the stream is as it was sent" test "$(told verified)" -gt 0
}

scene plain local "read() and recv(MSG_PEEK) without MSG_SOCK_DEVMEM"
plain() {
	way plain
	refused read EFAULT
	refused peek EFAULT
	rest_verified
}

scene splice local "splice() into a pipe"
splice() {
	way splice
	like "$(told splice)" "^(0|E[A-Z]+)$" "splice: nothing comes of it"
	happened refused "$(told splice | sed 's/^0$/0 bytes/')"
	rest_verified
}

scene sendfile local "sendfile() to a file"
sendfile() {
	way sendfile
	like "$(told sendfile)" "^(0|E[A-Z]+)$" "sendfile: nothing comes of it"
	happened refused "$(told sendfile | sed 's/^0$/0 bytes/')"
	rest_verified
}

scene zerocopy local "TCP_ZEROCOPY_RECEIVE, mapping and copying"
zerocopy() {
	way zerocopy
	if [ -n "$(told zerocopy)" ]; then
		is "$(told mapped)" 0 "zerocopy: nothing is mapped"
		happened refused
	else
		happened refused "$(told mmap)"
	fi
	rest_verified
}

scene io_uring local "io_uring: recv, recvmsg, multishot"
io_uring() {
	way uring
	if [ "$(told queue)" = ENOSYS ]; then
		missing io_uring
		return
	fi
	refused recv EFAULT
	refused recvmsg EFAULT
	rest_verified
}

scene flags local "recvmsg() with every combination of flags"
flags() {
	way flags
	check "flags: some reads are refused" grep -q "^flags_.* EFAULT" "$dir/rx.out"
	check "flags: some are not" grep -Eq "^flags_.* [1-9][0-9]*$" "$dir/rx.out"
	rest_verified
}

scene disconnect local "connect(AF_UNSPEC) with tokens held and data unread"
disconnect() {
	way disconnect
	check "disconnect: there were tokens" test "$(told held)" -gt 0
	is "$(told disconnect)" 0 "disconnect: it works"
}

scene ktls local "kernel TLS on the receiving socket"
ktls() {
	needs tls || return
	way ktls
	is "$(told ulp)" 0 "ktls: the socket has it"
	refused_somehow recv
}

# late WAY: with the first part of a TLS record in host memory, the rest in device memory.
late() {
	needs tls || return
	reader_up "$1"
	sender_up -t
	push 1000
	wait_for 60 acked
	kill -USR1 "$receiver"
	check "$current: the queue is bound then" wait_line "$dir/rx.out" "^ready" 60
	push 20000
	wait_line "$dir/rx.out" "^done" 60 || happened hang
	odd_down
	refused_somehow recv
}

scene ktls_late local "kernel TLS, the header of a record in host memory, the rest not"
ktls_late() { late ktls-late; }

scene ktls_copy local "the same with a small receive buffer"
ktls_copy() { late ktls-copy; }

# refused_somehow WHAT: by whatever error, not by data.
refused_somehow() {
	like "$(told "$1")" "^E[A-Z]+$" "$current: $1 is refused"
	happened refused "$(told "$1")"
}

scene mptcp local "MPTCP at both ends"
mptcp() {
	[ -e /proc/sys/net/mptcp/enabled ] || { missing MPTCP && return; }
	way mptcp -m
	refused_somehow recv
}

scene md5 remote "a segment with an MD5 signature to a socket that wants one"
md5() {
	reader_up md5 "listening on|cannot listen"
	if grep -q "cannot listen" "$dir/rx.err"; then
		missing TCP_MD5SIG
		return
	fi
	sender_up -5
	push
	dropped() {
		(($(counters TcpExt TCPMD5Failure) > 0))
	}
	if wait_for 20 dropped; then
		happened dropped "a signature of what cannot be read is wrong"
	fi
	kill "$sender" "$receiver" 2>/dev/null
	wait "$sender" "$receiver"
	exec {commands}>&-
}

scene cut admin "a socket filter that cuts through the payload"
cut() {
	odd_up cut
	wait_line "$dir/rx.out" "^done" 60
	is "$(told attach)" 0 "cut: the filter is attached"
	local before
	before=$(sent_again)
	# The filter leaves less than 200 bytes of it each time
	push 1000
	passes_in_parts() {
		acked && (($(sent_again) >= before + 4))
	}
	saw passes_in_parts
	odd_down
	rest_verified
}

# How many segments the sender had to send again.
sent_again() {
	in_tx awk '/^Tcp: [0-9]/ { print $13 }' /proc/self/net/snmp
}

scene bpf_filter admin "a BPF program as the socket's filter, which reads the payload"
bpf_filter() {
	odd_up filter
	wait_line "$dir/rx.out" "^ready" 60
	push
	saw grep -q "^data" "$dir/rx.out"
	odd_down
	rest_verified
}

scene cgroup_bpf admin "a cgroup's BPF program, which reads the payload"
cgroup_bpf() {
	flow_up
	hazbpf /sys/fs/cgroup >"$dir/bpf.out" 2>&1 &
	local pid=$!
	wait_line "$dir/bpf.out" "^ready"
	passes grep -q "^data" "$dir/bpf.out"
	kill "$pid"
	wait "$pid"
	flow_down
}

# map WAY: the socket is in a sockmap, whose program passes on what arrives.
map() {
	needs_sockmap || return
	odd_up "$1"
	wait_line "$dir/rx.out" "^ready" 60
	push
	saw grep -q "^data" "$dir/rx.out"
	wait_line "$dir/rx.out" "^done" 60 || happened hang
	odd_down
	is "$(told bytes)" 0 "$current: no reader gets anything of it"
	happened dropped
}

needs_sockmap() {
	grep -q " sock_map_prog_update$\| sock_map_update_elem" /proc/kallsyms ||
		{ missing "BPF_STREAM_PARSER" && return 1; }
}

scene sockmap admin "sockmap: redirected to another connection"
sockmap() { map sockmap; }

scene sockmap_parser admin "sockmap: redirected, with a parser"
sockmap_parser() { map sockmap-parser; }

scene sockmap_ingress admin "sockmap: redirected to the readers of another socket"
sockmap_ingress() { map sockmap-ingress; }

scene sockmap_pass admin "sockmap: passed, after bpf_skb_pull_data()"
sockmap_pass() { map sockmap-pass; }

run_scenes "$@"
