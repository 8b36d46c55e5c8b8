#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug mainline stock-6.12
# slow: stock-6.12 debug
# timeout: 300
#
# Binds that must be refused: with mainline's errno where mainline has one, and
# by our provider with a reason. Nothing of a refused bind stays.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4

case $PPDEVMEM_FLAVOR in
ppdevmem | debug) ours=1 ;;
*) ours=0 ;;
esac

# refused WHAT ERRNO REASON BADBIND-ARGUMENT...: REASON, an extended regular
# expression, is what our provider says; others may say nothing.
refused() {
	local what=$1 errno=$2 reason=$3
	shift 3
	answer=$(in_rx badbind "$@")
	[ "$ours" = 1 ] || reason=
	like "$answer" "^$errno: .*$reason" "$what is refused with $errno"
	[ "$ours" = 0 ] || [ -z "$reason" ] || diag "$what: $answer"
}

# can_bind WHAT QUEUE: the queue is free again.
can_bind() {
	check "$1: queue $2 can be bound" in_rx devmemcat --bind-only -i dms0 -q "$2" -S 1M --count 1
}

refused "a closed file descriptor" EBADF "fd [0-9]+ is not an open" dms0 closed 1
refused "file descriptor -1" EBADF "is not an open" dms0 negative 1
refused "a file" EINVAL "fd [0-9]+ is not an open dma-buf" dms0 file 1
refused "a memfd" EINVAL "is not an open dma-buf" dms0 memfd 1
refused "no file descriptor" EINVAL "" dms0 none 1
refused "no list of queues" EINVAL "" dms0 udmabuf
refused "an empty list of queues" EINVAL "" dms0 udmabuf empty
refused "a queue without a number" EINVAL "" dms0 udmabuf noid
refused "a queue of no type" EINVAL "" dms0 udmabuf notype:1
refused "a transmit queue" EINVAL "" dms0 udmabuf tx:1
refused "a queue beyond the last" ERANGE "queue 4 .*the device has 4" dms0 udmabuf 4
refused "queue 4294967295" ERANGE "out of range" dms0 udmabuf 4294967295
refused "the same queue twice" EEXIST "queue 1 is already bound" dms0 udmabuf 1 1
refused "a good queue and one beyond" ERANGE "out of range" dms0 udmabuf 1 99
refused "a good queue and an empty one" EINVAL "" dms0 udmabuf 1 empty
can_bind "after all that" 1
refused "an interface that is not there" ENODEV "" "#4000" udmabuf 1

start_rx devmemcat --bind-only -i dms0 -q 2-3 -S 1M 2>"$dir/other.err"
other=$!
wait_line "$dir/other.err" "bound binding"
refused "a queue of another binding" EEXIST "queue 2 is already bound" dms0 udmabuf 2
refused "a free queue and one of another binding" EEXIST "queue 3 is" dms0 udmabuf 1 3
can_bind "after that" 1
fails "devmemcat says whose the queue is" 1 "queue 2 of dms0 belongs to binding [0-9]+" \
	in_rx devmemcat --bind-only -i dms0 -q 2 -S 1M
kill "$other"
ended "$other"
can_bind "after the other's end" 2-3

# A queue that AF_XDP has. To have it needs nothing of the driver.
start_rx xskhold dms0 1 2>"$dir/xsk.err"
xsk=$!
wait_line "$dir/xsk.err" "holding queue 1"
refused "a queue that AF_XDP has" EBUSY "queue 1 is in use by AF_XDP" dms0 udmabuf 1
refused "a free queue and one that AF_XDP has" EBUSY "queue 1 is in use" dms0 udmabuf 2 1
can_bind "beside it" 2
kill "$xsk"
ended "$xsk"
xsk_gone() {
	in_rx devmemcat --bind-only -i dms0 -q 1 -S 1M --count 1
}
check "after its end: queue 1 can be bound" wait_for 120 xsk_gone

# Without CAP_NET_ADMIN, though uid 0.
answer=$(in_rx setpriv --bounding-set -net_admin badbind dms0 udmabuf 1)
like "$answer" "^EPERM" "without CAP_NET_ADMIN it is refused with EPERM"
fails "devmemcat names the capability" 1 "CAP_NET_ADMIN" \
	in_rx setpriv --bounding-set -net_admin devmemcat --bind-only -i dms0 -q 1 -S 1M

# Header split. 6.12 leaves it to the driver, which has its own errno.
in_rx ethtool -G dms0 tcp-data-split off
errno=EINVAL
[ "$ours" = 1 ] || errno=ENODATA
refused "header split off" "$errno" tcp-data-split dms0 udmabuf 1
fails "devmemcat says how to turn it on" 1 "ethtool -G dms0 tcp-data-split on" \
	in_rx devmemcat --bind-only -i dms0 -q 1 -S 1M
in_rx ethtool -G dms0 tcp-data-split on
can_bind "with header split on again" 1

# Devices without queue management. Mainline warns about those without a parent.
if [ "$ours" = 1 ]; then
	ip -n rx link add dummy0 type dummy
	ip -n rx link set dummy0 up
	ip -n rx link add veth0 type veth peer name veth1
	for device in lo dummy0 veth0; do
		refused "$device" EOPNOTSUPP "cannot restart a single queue" "$device" udmabuf 0
	done
	fails "devmemcat blames the driver" 1 "driver of dummy0 has no queue management" \
		in_rx devmemcat --bind-only -i dummy0 -q 0 -S 1M
fi

# The driver fails. The queue goes on as it was.
fault=/sys/kernel/debug/devmemsim/dms0/queue1
driver_fails() { # KNOB ERRNO
	echo 1 >"$fault/$1"
	refused "a bind of two queues, of which one has $1" "$2" "queue 1 does not restart" \
		dms0 udmabuf 2 1
	is "$(cat "$fault/$1")" 0 "$1: the driver failed, once"
	transfer "after $1" 200000 10.0.0.1
}
driver_fails fail_mem_alloc ENOMEM
driver_fails fail_start EIO

# Nobody forces a driver into not mapping through the pool.
echo 1 >"$fault/../no_dma_map"
refused "a pool without PP_FLAG_DMA_MAP" EOPNOTSUPP "queue 1 does not restart" dms0 udmabuf 1
echo 0 >"$fault/../no_dma_map"
can_bind "with PP_FLAG_DMA_MAP again" 1

all_returned "after all of it"
done_testing
