#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: stock-6.12 stock-latest mainline ppdevmem debug
# timeout: 60
#
# What a command finds in the guest.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

is "$(findmnt -n -o FSTYPE /)" overlay "the root is something over the sysroot's image"
is "$(id -u)" 0 "the command is root"
is "$PWD" "$PPDEVMEM_REPO" "the current directory is kept"
check "the repository is visible" test -x scripts/vm
check "to other users, too" setpriv --reuid=1 --regid=1 --clear-groups test -x "$PWD/scripts/vm"
fails "the repository is read only" 1 "Read-only" touch scripts/written
for dir in build/out /tmp /run /var/tmp "$HOME" /usr; do
	check "$dir is writable" touch "$dir/guest.t.$$"
done
rm -f "build/out/guest.t.$$"
check "modules can be loaded" modprobe devmemsim
check "modules can be unloaded" modprobe -r devmemsim
for fs in sysfs proc tracefs debugfs bpf cgroup2 devpts devtmpfs; do
	check "$fs is mounted" findmnt -n -t "$fs"
done
check "kernel BTF is there" test -r /sys/kernel/btf/vmlinux
check "bpftrace works" bpftrace -e 'BEGIN { printf("%d\n", 6 * 7); exit(); }'
done_testing
