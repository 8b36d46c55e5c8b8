#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rxbench.sh devmem|host [PAYLOAD]: in the guest, make the network, with an MTU that
# lets a packet carry so many bytes, and run rxbench in it. Nothing of TCP's own timing
# may add to what is counted.

set -euo pipefail
. "$PPDEVMEM_REPO/tests/lib/net.sh"

net_pair 2
# IPv4's header, and TCP's with timestamps
mtu=$((${2:-1448} + 52))
ip -n rx link set dms0 mtu "$mtu"
ip -n tx link set dms1 mtu "$mtu"
steer 5201 1
in_tx sysctl -qw net.ipv4.tcp_slow_start_after_idle=0 net.ipv4.tcp_early_retrans=0
exec nsenter --net=/run/netns/rx rxbench "$@"
