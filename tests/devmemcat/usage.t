#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem
# timeout: 60
#
# devmemcat's command line: what it does not understand ends with status 2, what
# cannot be with status 1, and either says what to do.

set -u
. "$PPDEVMEM_REPO/tests/lib/tap.sh"

fails "-h explains" 0 "Receive TCP into device memory" devmemcat -h
fails "-V tells the version" 0 "^devmemcat " devmemcat -V
fails "no arguments" 2 "HOST and PORT" devmemcat
fails "a receiver without device" 2 "needs -i IFACE and -q QUEUES" devmemcat -l 5201
fails "a receiver without port" 2 "which PORT" devmemcat -l -i lo -q 1
fails "a sender with device" 2 "are for receivers" devmemcat -i lo -q 1 10.0.0.1 5201
fails "bind-only with a port" 2 "neither -l nor a port" devmemcat --bind-only -i lo -q 1 -l 5201
fails "an unknown option" 2 "unrecognized option" devmemcat --nonsense
fails "too many arguments" 2 "what is 'more'" devmemcat localhost 1 more

fails "io_uring on two queues" 2 "takes one queue" devmemcat -l --zcrx -i lo -q 1-2 5201
fails "io_uring with a dma-buf" 2 "goes with none of" devmemcat -l --zcrx -i lo -q 1 -d heap 5201
fails "sending from no device" 2 "--tx needs -i IFACE" devmemcat --tx 10.0.0.1 5201
fails "sending from what is not there" 1 "no interface nope" devmemcat --tx -i nope 10.0.0.1 5201
fails "parking nowhere" 2 "'flight' or 'ring', not 'car'" \
	devmemcat -l -i lo -q 1 --park car 5201
for queues in x '1,,' 1- 2-1 -1 1-300 1x; do
	fails "queues '$queues'" 2 "-q: " devmemcat -l -i lo "-q$queues" 5201
done
for size in 0 -1 1T 1MM M; do
	fails "size '$size'" 2 "-S: '$size' is not a size" devmemcat -l -i lo -q 0 "-S$size" 5201
done
fails "a number that is none" 2 "--hold: 'many' is not a number" \
	devmemcat -l -i lo -q 0 --hold many 5201

fails "an interface that is not there" 1 "no interface nope" devmemcat -l -i nope -q 1 5201
fails "io_uring where the kernel cannot" 1 "(cannot take queue 0 of lo for|io_uring: ).*" \
	devmemcat -l --zcrx -i lo -q 0 5201
fails "memory that is not there" 1 "no such memory" devmemcat -l -i lo -q 0 -d gold 5201
fails "a heap that is not there" 1 "/dev/dma_heap/gold: No such file.*CONFIG_DMABUF_HEAPS" \
	devmemcat -l -i lo -q 0 -d heap:gold 5201
fails "a udmabuf of half a page" 1 "whole pages" devmemcat -l -i lo -q 0 -S 2048 5201
fails "a udmabuf beyond the limit" 1 "limit of [0-9]+ MiB: raise" \
	devmemcat -l -i lo -q 0 -S 1G 5201
fails "an inherited descriptor that is not open" 1 "33 is not open" \
	devmemcat -l -i lo -q 0 -d fd:33 5201
fails "an inherited descriptor of a file" 1 "/dev/null is not a dma-buf" \
	devmemcat -l -i lo -q 0 -d fd:0 5201 </dev/null
fails "nobody listens" 1 "cannot connect to 127.0.0.1 port 1: Connection refused" \
	devmemcat 127.0.0.1 1
fails "a host that is none" 1 "no.such.host port 1: " devmemcat no.such.host 1
done_testing
