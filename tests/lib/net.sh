# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The network that tests run on: two namespaces, rx and tx, with a devmemsim
# pair between them, dms0 (10.0.0.1, fd00::1) in rx and dms1 (10.0.0.2,
# fd00::2) in tx. Header split is on at dms0, and what no rule steers goes to
# its queue 0, so that the others are free for device memory.

# shellcheck source=tests/lib/wait.sh
. "${BASH_SOURCE[0]%/*}/wait.sh"

# net_pair [QUEUES]: make it, with so many queues (default 4). Fails if it cannot. To start
# a program takes debug half a second, so they are few.
net_pair() {
	local queues=${1:-4}
	modprobe devmemsim &&
		ip netns add rx &&
		ip netns add tx &&
		# iproute2 does not know the type, so it cannot describe the peer
		ip -batch - <<-END &&
			link add dms0 numrxqueues $queues numtxqueues $queues type devmemsim
			link set dms0p netns tx name dms1
			link set dms0 netns rx
		END
		ip -n rx -batch - <<-END &&
			addr add 10.0.0.1/24 dev dms0
			addr add fd00::1/64 dev dms0 nodad
			link set lo up
		END
		in_rx ethtool -G dms0 tcp-data-split on &&
		in_rx ethtool -X dms0 equal 1 &&
		ip -n rx link set dms0 up &&
		ip -n tx -batch - <<-END
			addr add 10.0.0.2/24 dev dms1
			addr add fd00::2/64 dev dms1 nodad
			link set dms1 up
		END
}

# net_teardown: remove what net_pair made, as far as it is still there.
net_teardown() {
	ip -n rx link del dms0 2>/dev/null || :
	ip netns del rx 2>/dev/null || :
	ip netns del tx 2>/dev/null || :
}

# steer PORT QUEUE: TCP to PORT, of both families, goes to QUEUE of dms0.
steer() {
	in_rx ethtool -N dms0 flow-type tcp4 dst-port "$1" action "$2" >/dev/null &&
		in_rx ethtool -N dms0 flow-type tcp6 dst-port "$1" action "$2" >/dev/null
}

# in_rx COMMAND..., in_tx COMMAND...: run it there. Unlike 'ip netns exec' they
# leave /sys as it is.
in_rx() {
	nsenter --net=/run/netns/rx "$@"
}

in_tx() {
	nsenter --net=/run/netns/tx "$@"
}

# start_rx COMMAND..., start_tx COMMAND...: run it there in the background; $! is
# its process, which it would not be after 'in_rx COMMAND &'.
start_rx() {
	nsenter --net=/run/netns/rx "$@" &
}

start_tx() {
	nsenter --net=/run/netns/tx "$@" &
}

# A skb that was read may wait in the list of deferred frees of another CPU until
# that CPU receives something. So let each receive something, before asking
# whether all memory came back. On a busy machine an echo may take a while.
poke_cpus() {
	local cpu
	for cpu in $(seq 0 $(($(nproc) - 1))); do
		taskset -c "$cpu" ping -q -c 1 -w 30 127.0.0.1 >/dev/null
	done
}
