#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kdump_scene.sh DIR BZIMAGE: in the guest that kdump.t crashes. First make the scene,
# leave in DIR what the tools say of it, load the kernel that is to take over, let
# something else be busy, and crash from a timer's interrupt. The other kernel boots with
# the same command; there, ask the same of /proc/vmcore, and of what makedumpfile makes of it.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/lib/net.sh"
. "$PPDEVMEM_REPO/tests/drgn/scene.sh"

# look NAME DUMP: leave what is said of it, and how it ended.
look() {
	drgn-devmem -c "$2" ls -j >"$out/$1" 2>"$out/$1.said"
	echo $? >"$out/$1.status"
	drgn-devmem -c "$2" leaks 0 >"$out/$1.leaks" 2>>"$out/$1.said"
}

out=$1
if [ -e /proc/vmcore ]; then
	look vmcore /proc/vmcore
	makedumpfile -c -d 31 /proc/vmcore /tmp/filtered >"$out/makedumpfile" 2>&1 || exit
	look filtered /tmp/filtered
	stat -c %s /proc/vmcore /tmp/filtered >"$out/sizes"
	exit 0
fi

scene_up && scene_remnants || exit
devmemls -j >"$out/devmemls"
echo "$leaker" >"$out/leaker"
remnants >"$out/remnants"
scene_traffic || exit
sync "$out"/*
python3 "$PPDEVMEM_REPO/tests/drgn/kexec.py" "$2" || exit
insmod "$PPDEVMEM_REPO/build/modules/$PPDEVMEM_FLAVOR/timer_panic.ko"
sleep 60
