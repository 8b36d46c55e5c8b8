#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-6.12 stock-latest
# slow: stock-6.12 stock-latest
# timeout: 600
#
# What there is, on a host that does not stand still, or is large, or whose tools somebody
# has taken over.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

net_pair 4
steer 5201 1
bind
reader reader --hold 5 5201
send 5201 100000
wait_line "$tmp/reader" " got "

# More open files than the kernel looks at in one go
start files "$PPDEVMEM_REPO/tests/tools/manyfiles.py" 1200000
wait_line "$tmp/files" open
devmemls -j >"$tmp/ls"
is "$?" 0 "more than a million open files"
jq_is "$tmp/ls" "[.bindings[].holders[].tokens]" "[5]" "and the holder among them"
pkill -9 -f manyfiles.py

# A thread with a table of files of its own
start_in rx threads "$PPDEVMEM_REPO/tests/tools/reader.py" --hold 2 --unshare 5202
wait_line "$tmp/threads" listening
steer 5202 1
send 5202 100000
wait_line "$tmp/threads" " got "
devmemls -j >"$tmp/ls"
jq_is "$tmp/ls" '[.bindings[].holders[] | select(.tokens == 2) | .tasks | length]' "[1]" \
	"a process is listed once, whatever its threads share"
kill -9 "$(words threads fd 1)"

# Memory for what is listed does not grow with what is listed
peak() {
	python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=open("'"$tmp/document"'", "w"), check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)' "$@"
}
without=$(peak devmemls -j)
with=$(peak devmemls -j --iovs)
check "a document is not kept in memory: $without, $with" \
	[ $((with - without)) -lt "$(stat -c %s "$tmp/document")" ]

# Only programs write what programs remember
start exporter devmem_exporter --port 9944
wait_line "$tmp/exporter" "serving"
is "$(bpftool -j map list | jq -c '[.[] | select(.name == "inventor.bss") | .frozen]')" "[1,1]" \
	"the memory of the exporter's programs cannot be written"
kill -9 "$started"

# A binding that goes away between two looks at it. The third program that devmemls runs
# is the first that looks at a binding; it is stopped before that.
kill -9 "$(words reader fd 1)"
strace -f -e trace=bpf -o "$tmp/calls" devmemls >"$tmp/ls"
third=$(awk '/bpf\(/ { n++ } /BPF_PROG_TEST_RUN|BPF_PROG_RUN/ && ++runs == 3 { print n; exit }' "$tmp/calls")
start stopped sh -c 'exec strace -f -o "$1/trace" -e trace=bpf -e "inject=bpf:signal=STOP:when=$2" \
	timeout 120 devmemls -j --iovs >"$1/stopped.json"' sh "$tmp" "$third"
check "devmemls is stopped as it looks" wait_line "$tmp/trace" "stopped by SIGSTOP" 120
unbind
none_but_stopped() {
	poke_cpus
	[ "$(devmemls -j | jq -c .bindings)" = "[]" ]
}
check "the binding goes away" wait_for 120 none_but_stopped
pkill -CONT -x devmemls
wait "$started"
is "$?" 0 "devmemls ends, though the binding went away while it looked"
jq_is "$tmp/stopped.json" .bindings "[]" "and does not list it"
done_testing
