# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For tests that install something in a clean Debian: layers over trees that stay as they are.

# shellcheck source=tests/lib/tap.sh
. "$PPDEVMEM_REPO/tests/lib/tap.sh"

tmp=$(mktemp -d)
mounted=()
cleanup() {
	local dir
	for dir in "${mounted[@]}"; do
		umount -R "$dir"
	done
	rm -rf --one-file-system "$tmp"
}
on_exit cleanup

# inside COMMAND...: in the root of this round.
inside() {
	chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# A layer over the clean tree, for what is changed.
over() {
	root=$tmp/$1
	mkdir -p "$root" "$tmp/$1.layer" "$tmp/$1.work"
	mount -t overlay overlay \
		-o "lowerdir=$2,upperdir=$tmp/$1.layer,workdir=$tmp/$1.work" "$root" || return
	mounted=("$root" "${mounted[@]}")
	mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" &&
		cp -L --remove-destination /etc/resolv.conf "$root/etc/resolv.conf"
}

# An overlay cannot lie on an overlay.
mount -t tmpfs tmpfs "$tmp"
mounted=("$tmp")
