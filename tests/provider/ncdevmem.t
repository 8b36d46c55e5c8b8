#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12
# slow: stock-6.12
# timeout: 600
#
# The kernel's own client for device memory, unchanged, against our provider
# and, as the control, against mainline's. Before it receives it tries what must
# be refused (no queues, header split off, taking a bound queue away) and ends
# with an error if one of these works.

set -u
. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/lib/net.sh"

dir=$(mktemp -d)
on_exit net_teardown
net_pair 8
port=5201
bytes=$((4 << 20))

# ncdevmem sets the device up by 'sudo ethtool ...': we are root already.
printf '#!/bin/sh\nexec "$@"\n' >"$dir/sudo"
chmod +x "$dir/sudo"
PATH=$dir:$PATH

# Its pattern: 1 to 6 and 0, over and over.
pattern() {
	yes $'\x01\x02\x03\x04\x05\x06' | tr '\n' '\0' | head -c "$1"
}

receive() { # ADDRESS SENDER...: its stdin is the stream
	local address=$1 receiver
	shift
	start_rx stdbuf -oL ncdevmem -l -s "$address" -f dms0 -p "$port" -t 1 -q 2 -v 7 \
		>"$dir/out" 2>"$dir/err" </dev/null
	receiver=$!
	wait_line "$dir/err" "Waiting or connection" || return
	in_tx "$@" || return
	wait "$receiver"
}

dump() { # what a failed one said at its end
	tail -n 5 "$dir/err" "$dir/out" >&2
}

validated() { # NAME
	local total
	total=$(sed -n 's/.*total_received=\([0-9]*\)$/\1/p' "$dir/err" | tail -n 1)
	is "$total" "$bytes" "$1: all bytes came in device memory"
	check "$1: frags were validated" grep -q "Validated buffer" "$dir/out"
	check "$1: none was bad" test -z "$(grep "Failed validation" "$dir/err")"
}

for address in 10.0.0.1 fd00::1; do
	: >"$dir/err"
	pattern "$bytes" | receive "$address" devmemcat "$address" "$port" -
	status=$?
	is "$status" 0 "ncdevmem receives on $address" || dump
	validated "$address"
done

done_testing
