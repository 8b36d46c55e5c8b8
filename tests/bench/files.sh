#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# files.sh MODULES SOCKETS HOLDERS FILES...: in the guest, with --icount. What
# devmemls and 'ss -tanp' take on a host of so many sockets and holders, with more and
# more open files; and what it takes to list each of a million iovs. Prints one JSON
# object for each: {"what":..., "files":..., "ns":..., "kib":...}

set -euo pipefail
. "$PPDEVMEM_REPO/tests/lib/net.sh"

# told WHAT FILES: with what 'spent' printed
told() {
	jq -c --arg what "$1" --argjson files "$2" '{what: $what, files: $files} + .'
}

modules=$1
sockets=$2
holders=$3
shift 3

net_pair 2
steer 5201 1
in_rx sysctl -qw net.ipv4.ip_local_port_range="1024 65535"
in_tx sysctl -qw net.ipv4.ip_local_port_range="1024 65535"
tmp=$(mktemp -d)
mkfifo "$tmp/want" "$tmp/ready"
start_rx crowd "$sockets" "$holders" <"$tmp/want" >"$tmp/ready"
exec 3>"$tmp/want" 4<"$tmp/ready"
for want; do
	echo "$want" >&3
	read -r _ files <&4
	found=$(in_rx devmemls -j | jq '.bindings[0].holders | length')
	[ "$found" = "$holders" ] || { echo "files.sh: $found holders" >&2 && exit 1; }
	in_rx spent devmemls -j | told devmemls "$files"
	in_rx spent ss -tanp | told ss "$files"
done
exec 3>&-
wait

"$PPDEVMEM_REPO/tests/bench/million.sh" "$modules"
spent devmemls -j --iovs | told iovs 0
