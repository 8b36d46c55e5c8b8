#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest: make the network and run rxbench in it. Nothing of TCP's own
# timing may add to what is counted.

set -euo pipefail
. "$PPDEVMEM_REPO/tests/lib/net.sh"

net_pair 2
steer 5201 1
in_tx sysctl -qw net.ipv4.tcp_slow_start_after_idle=0 net.ipv4.tcp_early_retrans=0
exec nsenter --net=/run/netns/rx rxbench "$@"
