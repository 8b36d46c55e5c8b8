#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kdump_scene.sh DIR BZIMAGE: in the guest that kdump.t crashes. First make the scene,
# leave in DIR what the tools say of it, load the kernel that is to take over, and
# crash. It boots with the same command; there, ask the same of /proc/vmcore.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/lib/net.sh"
. "$PPDEVMEM_REPO/tests/drgn/scene.sh"

if [ -e /proc/vmcore ]; then
	drgn-devmem -c /proc/vmcore ls -j >"$1/vmcore" && drgn-devmem -c /proc/vmcore leaks 0 >"$1/leaks"
	# Status 1: a leak is found
	[ $? = 1 ]
	exit
fi

scene_up || exit
devmemls -j >"$1/devmemls"
echo "$leaker" >"$1/leaker"
sync "$1"/*
python3 "$PPDEVMEM_REPO/tests/drgn/kexec.py" "$2" || exit
echo c >/proc/sysrq-trigger
