#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem
# soak: debug
# timeout: 300
#
# Peeking makes tokens, as reading does, and no data goes. A socket has a limited
# number of them, charged to its reader.

set -u
. "$PPDEVMEM_REPO/tests/provider/common.sh"
bed 4
group=/sys/fs/cgroup/peek
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir "$group"
on_exit "rmdir $group"
limit=1048576
enobufs=105

# shellcheck disable=SC2016
start_rx sh -c 'echo $$ >"$1" && shift && exec "$@"' sh "$group/cgroup.procs" \
	tokenrace peek dms0 1 "$port" >"$dir/rx.out" 2>"$dir/rx.err"
receiver=$!
wait_line "$dir/rx.err" listening
send_start -n 1M 10.0.0.1
stopped() {
	grep -q '^State:.*T' "/proc/$receiver/status"
}
check "the peeker comes to an end" wait_for 240 stopped
# The table of so many tokens has 16,384 nodes of half a KiB and more
slab=$(sed -n 's/^slab //p' "$group/memory.stat")
check "its tokens are charged to its memory cgroup ($slab bytes)" test "$slab" -gt $((8 << 20))
kill -CONT "$receiver"
check "it gives them back" wait_line "$dir/rx.err" "done" 240
is "$(sed -n 's/^peek_errno //p' "$dir/rx.out")" "$enobufs" "it got ENOBUFS in the end"
is "$(sed -n 's/^read_errno //p' "$dir/rx.out")" "$enobufs" "a read gets no more either"
is "$(sed -n 's/^handed //p' "$dir/rx.out")" "$limit" "after $limit tokens"
is "$(sed -n 's/^returned //p' "$dir/rx.out")" "$limit" "all of which came back"
is "$(devmemls -j | jq -r '[.bindings[].iovs.user] | join(" ")')" 0 "no iov is in state user"
kill "$receiver"
ended "$receiver"
kill "$sender" 2>/dev/null
ended "$sender"
all_returned "after peeking"
done_testing
