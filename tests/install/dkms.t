#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 1800
#
# DKMS builds the devmemsim of the package for Debian 13's kernel, and leaves Debian 12's own
# alone, which has no device memory.

. "$PPDEVMEM_REPO/tests/install/common.sh"

"$PPDEVMEM_REPO/packaging/deb" >"$tmp/debs" || {
	not_ok "the packages are built"
	done_testing
}

# with_headers CODENAME: its tree, with DKMS and a kernel's headers, and the package installed.
with_headers() {
	local clean
	clean=$("$PPDEVMEM_REPO/packaging/root" "$1" dkms linux-headers-cloud-amd64) || exit
	over "$1" "$clean" || exit
	cp "$(grep "/$1/devmemsim-dkms_" "$tmp/debs")" "$root/devmemsim-dkms.deb"
	check "$1: apt takes it" inside sh -c 'apt-get -qq install --no-install-recommends /*.deb'
	release=$(basename "$root"/lib/modules/*-cloud-amd64)
}

with_headers trixie
like "$(inside dkms status)" "devmemsim/.*: installed" "it is built for $release"
like "$(inside modinfo -k "$release" -F description devmemsim)" "." "and is a module"
check "what is removed is gone" inside sh -c 'apt-get -qq purge devmemsim-dkms'
is "$(find "$root/lib/modules/$release/" "$root/usr/src" -name 'devmemsim*')" "" "with the module"

with_headers bookworm
like "$(inside dkms status)" "^devmemsim/[^,]*: added$" "it is not built for $release"
done_testing
