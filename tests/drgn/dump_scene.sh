#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest whose memory dump.t looks at: make the scene, and say on stdout
# what the tools say of it while the kernel runs.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/lib/net.sh"
. "$PPDEVMEM_REPO/tests/drgn/scene.sh"

scene_up && scene_remnants || exit
echo "remnants $(remnants)"
echo "leaker $leaker"
echo "devmemls $(devmemls -j)"
echo "devmem $(drgn-devmem ls -j)"
