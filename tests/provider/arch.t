#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 600
#
# The provider is for 64 bits. Kconfig says so, rather than the compiler.

set -u
. "$PPDEVMEM_REPO/tests/lib/tap.sh"
cd "$PPDEVMEM_REPO" || exit

tree=$(scripts/kernel tree) || exit
tmp=$(mktemp -d)
on_exit 'rm -rf "$tmp"'

# configured ARCH SYMBOL: what a kernel that wants device memory gets for it.
configured() {
	local out=$tmp/$1
	mkdir -p "$out"
	printf 'CONFIG_%s=y\n' X86_MCE NET INET NETDEVICES NET_CORE VETH \
		DMABUF_HEAPS NET_DEVMEM PP_DEVMEM >"$out/.config"
	make -s -C "$tree" O="$out" ARCH="$1" olddefconfig >"$out/log" 2>&1 || cat "$out/log" >&2
	sed -n "s/^CONFIG_$2=//p" "$out/.config"
}

is "$(configured x86_64 PP_DEVMEM)" y "64 bits have the provider"
is "$(configured i386 NET_DEVMEM)" y "32 bits have device memory"
is "$(configured i386 PP_DEVMEM)" "" "but not this provider of it"
done_testing
