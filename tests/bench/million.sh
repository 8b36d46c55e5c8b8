#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# million.sh MODULES: in the guest, make a binding of a million iovs and keep
# it. No memory is behind them, so it is on a device that never receives.

. "$PPDEVMEM_REPO/tests/lib/net.sh"

insmod "$1/sgbuf.ko" || exit
insmod "$1/allocbench.ko" || exit
with-sgbuf 0x100000000000+0x80000000 0x200000000000+0x80000000 -- \
	devmemcat --bind-only -i allocbench -q 0 -d fd:3 >/tmp/million.log 2>&1 &
wait_line /tmp/million.log "bound binding"
