#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest: make a network with a queue for each thread, and run smpbench in it.

set -euo pipefail
. "$PPDEVMEM_REPO/tests/lib/net.sh"

net_pair 5
for queue in 1 2 3 4; do
	steer $((5200 + queue)) "$queue"
done
in_tx sysctl -qw net.ipv4.tcp_slow_start_after_idle=0 net.ipv4.tcp_early_retrans=0
exec nsenter --net=/run/netns/rx smpbench "$@"
