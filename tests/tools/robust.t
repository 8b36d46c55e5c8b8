#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-6.12 stock-latest ppdevmem
# soak: mainline
# timeout: 600
#
# All tools: what they say when something is missing, two of each at once, and
# nothing left behind when they are killed.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

tools="devmemcheck devmemls devmemsnoop devmemtop devmemleak devmemlat"

# What the kernel or the user may lack
sed 's/devmem/nodvmm/g' /sys/kernel/btf/vmlinux >"$tmp/nodevmem"
restrict=$(cat /proc/sys/kernel/kptr_restrict)
on_exit "echo $restrict >/proc/sys/kernel/kptr_restrict"
for tool in $tools; do
	fails "$tool without BTF" 1 "vmlinux: No such file.*CONFIG_DEBUG_INFO_BTF=y" \
		unshare -m sh -c "mount -t tmpfs none /sys/kernel/btf && exec $tool"
	fails "$tool on a kernel without device memory" 1 \
		"no device memory: it needs Linux 6.12 or later with CONFIG_NET_DEVMEM=y" \
		unshare -m sh -c "mount --bind $tmp/nodevmem /sys/kernel/btf/vmlinux && exec $tool"
	fails "$tool without CAP_BPF" 1 "CAP_BPF is missing, to load BPF programs: run it as root, or give it" \
		setpriv --bounding-set=-sys_admin,-bpf --inh-caps=-sys_admin,-bpf "$tool"
	fails "$tool without CAP_PERFMON" 1 "CAP_PERFMON is missing, to read the kernel's memory: run it as root" \
		setpriv --bounding-set=-sys_admin,-perfmon --inh-caps=-sys_admin,-perfmon "$tool"
done
if [ -d /sys/kernel/security ]; then
	for tool in $tools; do
		fails "$tool on a kernel that is locked down" 1 \
			"locked down for confidentiality.*boot it with lockdown=integrity" \
			unshare -m sh -c "mount -t tmpfs none /sys/kernel/security &&
				echo 'none integrity [confidentiality]' >/sys/kernel/security/lockdown && exec $tool"
	done
else
	skip "a kernel that is locked down" "this kernel has no securityfs"
fi
echo 2 >/proc/sys/kernel/kptr_restrict
for tool in devmemls devmemtop devmemleak; do
	fails "$tool without kernel symbols" 1 "CAP_SYSLOG, and sysctl kernel.kptr_restrict below 2" "$tool"
done
echo "$restrict" >/proc/sys/kernel/kptr_restrict
few=-all,+bpf,+perfmon,+syslog
check "devmemls with the capabilities that its page names" \
	setpriv --bounding-set="$few" --inh-caps="$few" devmemls

# Two of each at once
net_pair 4
steer 5201 1
bind
# (of what they bind: what the test before left may be freed just now)
devmemls -j -i dms0 >"$tmp/one" &
devmemls -j -i dms0 >"$tmp/two"
is $? 0 "of two devmemls at once the one that was waited for says something"
wait $!
is $? 0 "and so does the other"
jq_is "$tmp/one" '[.bindings[] | [.ifname, .queues]]' '[["dms0",[1]]]' "namely what is bound"
is "$(cat "$tmp/one")" "$(cat "$tmp/two")" "both say the same"
start_json snoop1 devmemsnoop -v -j -e token_get,token_put
snoop1=$started
start_json snoop2 devmemsnoop -v -j -e token_get,token_put
snoop2=$started
start_json lat1 devmemlat -v -j
lat1=$started
start_json lat2 devmemlat -v -j
lat2=$started
start_json top1 devmemtop -v -B -j 1
top1=$started
start_json top2 devmemtop -v -B -j 1
top2=$started
start_json leak1 devmemleak -v -j -t 0 --sample 600
leak1=$started
start_json leak2 devmemleak -v -j -t 0 --sample 600
leak2=$started
for watcher in snoop1 snoop2 lat1 lat2 top1 top2; do
	wait_line "$tmp/$watcher" ": watching"
done
wait_line "$tmp/leak1" "watching for"
wait_line "$tmp/leak2" "watching for"
wait_line "$tmp/top1.json" view
wait_line "$tmp/top2.json" view
reader reader --hold 3 5201
send 5201 100000
wait_line "$tmp/reader" " got "
kill -INT "$leak1" "$leak2"
wait "$leak1" "$leak2"
kill -9 "$(words reader fd 1)"
unbind
wait_for 120 no_bindings
kill -INT "$snoop1" "$snoop2" "$lat1" "$lat2" "$top1" "$top2"
wait "$snoop1" "$snoop2" "$lat1" "$lat2" "$top1" "$top2"
tokens=$(words reader got 4)
for n in 1 2; do
	is "$(grep -c token_get "$tmp/snoop$n.json")" "$tokens" "devmemsnoop $n of 2 saw all tokens"
	jq_is "$tmp/lat$n.json" 'select(.histogram == "hold") | .count' "$tokens" \
		"devmemlat $n of 2 saw all tokens"
	jq_is "$tmp/leak$n.json" '[.leaks[0] | .tokens, .stacks[0].tokens]' "[3,3]" \
		"devmemleak $n of 2 saw the holder"
	is "$(jq -c '.rows[].binding' "$tmp/top$n.json" | sort -u | wc -l)" 1 \
		"devmemtop $n of 2 saw the binding"
done
check "no BPF program is left of them" wait_for 60 none_left

# Killed at any moment: while they load, when they have attached, and as they end
running() {
	[ "$(basename "$(readlink "/proc/$started/exe")")" = "${tool%% *}" ]
}
# killed MOMENT COMMAND...: at the MOMENT that COMMAND waits for the tool is still
# there, and nothing of it afterwards.
killed() {
	local moment=$1 status=0
	shift
	# shellcheck disable=SC2086
	start killed $tool
	check "${tool%% *} comes to where it $moment" wait_for 120 "$@"
	kill -KILL "$started"
	wait "$started" || status=$?
	is "$status" 137 "${tool%% *} is killed there"
	check "nothing is left of ${tool%% *} when it $moment" wait_for 60 none_left
}
for tool in "devmemsnoop -v" "devmemtop -v -B -w socket" "devmemleak -v --sample 600" "devmemlat -v"; do
	says=": watching"
	[ "${tool%% *}" != devmemleak ] || says="watching for"
	killed "has begun" running
	killed "has loaded its first program" attached 1
	killed "watches" grep -q "$says" "$tmp/killed"
	# shellcheck disable=SC2086
	start killed $tool
	wait_line "$tmp/killed" "$says"
	kill -INT "$started"
	kill -KILL "$started"
	wait "$started"
	check "nothing is left of ${tool%% *} when it was killed as it ended" wait_for 60 none_left
done
done_testing
