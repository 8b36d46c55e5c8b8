#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug stock-6.12 stock-latest
# slow: debug stock-6.12 stock-latest
# timeout: 60
#
# Whoever is root in a user namespace of their own makes no devmemsim device and has
# no module loaded for one: its rings take memory that nobody accounts for.

set -u
. "$PPDEVMEM_REPO/tests/lib/tap.sh"

# own COMMAND...: as root of a new user namespace and a new network namespace.
own() {
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare --user --map-root-user --net "$@"
}

not_loaded() {
	[ ! -e /sys/module/devmemsim ]
}

check "root of a user namespace may change devices" own ip link set lo up

rmmod devmemsim 2>/dev/null
check "devmemsim is a module, and not loaded" not_loaded
fails "without it: refused" 2 "Unknown device type" own ip link add own0 type devmemsim
check "it was not loaded for that" not_loaded
modprobe devmemsim
fails "with it: refused, and told why" 2 "CAP_NET_ADMIN in the initial user namespace" \
	own ip link add own0 type devmemsim
check "who has that capability makes one" ip link add own0 type devmemsim
check "and removes it" ip link del own0
done_testing
