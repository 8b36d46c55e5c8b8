# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Debian's archive and the Linux source in it. Runs in the sysroot, whose apt
# it uses with state of its own in the cache, so that the sysroot stays as made.

# Where apt has its state, and what else it is told.
apt_state=$cache/apt
apt_options=()

# for_arm64: from here on apt knows that architecture's packages as well.
for_arm64() {
	apt_state=$cache/apt/arm64
	apt_options=(-o APT::Architectures::=amd64 -o APT::Architectures::=arm64
		-o Acquire::Languages=none)
}

apt_get() {
	apt-get -q -o Dir::State::Lists="$apt_state/lists" -o Dir::Cache="$apt_state/cache" \
		-o APT::Sandbox::User=root "${apt_options[@]}" "$@"
}

# fresh FILE: FILE is less than a week old.
fresh() {
	[ -n "$(find "$1" -mtime -7 2>/dev/null)" ]
}

# apt_lists: have lists to resolve names with. An old list is better than none,
# so that a warm cache works without a network.
apt_lists() {
	local stamp=$apt_state/stamp
	! fresh "$stamp" || return 0
	mkdir -p "$apt_state/lists/partial" "$apt_state/cache/archives/partial"
	if step "apt: package lists" apt_get update; then
		touch "$stamp"
	else
		[ -e "$stamp" ] || die "cannot read Debian's package lists; is there a network?"
		note "using the package lists of $(date -r "$stamp" +%F)"
	fi
}

# resolved NAME COMMAND...: the output of COMMAND, which asks apt; remembered
# for a week, because asking takes a second and the answer changes rarely.
resolved() {
	local file=$apt_state/resolved-$1 answer
	shift
	if ! fresh "$file"; then
		mkdir -p "$apt_state"
		apt_lists
		answer=$("$@")
		if [ -n "$answer" ]; then
			printf '%s\n' "$answer" >"$file.$$"
			mv "$file.$$" "$file"
		fi
	fi
	[ ! -e "$file" ] || cat "$file"
}

# archive: where this apt has Debian from; other releases are there as well.
archive() {
	local uri
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: trixie' | head -n 1)
	[ -n "$uri" ] || die "apt here knows no 'trixie', so not where Debian is"
	echo "$uri"
}

_source_candidate() {
	apt_get -o Dir::State::status=/dev/null -s -t trixie install --no-install-recommends \
		linux-source-6.12 | sed -n 's/^Inst linux-source-6.12 (\([^ ]*\).*/\1/p'
}

# source_version: the Debian version of linux-source-6.12 to build.
source_version() {
	local version=${PPDEVMEM_LINUX_VERSION:-}
	[ -n "$version" ] || version=$(resolved linux-source-6.12 _source_candidate)
	[ -n "$version" ] || die "Debian's archive has no package linux-source-6.12"
	echo "$version"
}

# source_versions: every version of it that the archive has.
source_versions() {
	apt_lists
	apt-cache -o Dir::State::Lists="$cache/apt/lists" -o Dir::Cache="$cache/apt/cache" \
		-o Dir::State::status=/dev/null madison linux-source-6.12 |
		awk '{ print $3 }' | sort -Vu
}

_source_deb() {
	local tmp
	tmp=$(mktemp -d "$cache/src/.deb.XXXXXX")
	(cd "$tmp" && apt_get download "linux-source-6.12=$1")
	mv "$tmp"/*.deb "$cache/src/linux-source-$1.deb"
	rmdir "$tmp"
}

# source_deb VERSION: the package file; sets $deb.
source_deb() {
	deb=$cache/src/linux-source-$1.deb
	[ ! -e "$deb" ] || return 0
	mkdir -p "$cache/src"
	rm -rf "$cache"/src/.deb.*
	apt_lists
	step "download linux-source-6.12 $1" _source_deb "$1"
}

# source_tar VERSION TARARG...: unpack from the package's tar file.
source_tar() {
	local deb=$cache/src/linux-source-$1.deb
	shift
	dpkg-deb --fsys-tarfile "$deb" | tar -xO ./usr/src/linux-source-6.12.tar.xz |
		xz -dc -T0 | tar -x --strip-components=1 "$@"
}

_source_unpack() {
	local new=$cache/src/.linux-$1.new
	rm -rf "$new"
	mkdir "$new"
	source_tar "$1" -C "$new"
	mv -T "$new" "$cache/src/linux-$1"
	rm "$deb"
}

# source_tree VERSION: the whole pristine tree; sets $pristine.
source_tree() {
	pristine=$cache/src/linux-$1
	[ ! -e "$pristine" ] || return 0
	lock "source-$1"
	[ ! -e "$pristine" ] || return 0
	source_deb "$1"
	step "unpack Linux $1" _source_unpack "$1"
}

# series: the patches, in order, as paths.
series() {
	[ -e "$repo/kernel/series" ] || return 0
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' -e "s|^|$repo/kernel/patches/|" "$repo/kernel/series"
}

# patched_files: what the series touches, new files included.
patched_files() {
	local patches
	mapfile -t patches < <(series)
	[ ${#patches[@]} -gt 0 ] || return 0
	sed -n 's|^[-+][-+][-+] [ab]/\([^[:space:]]*\).*|\1|p' "${patches[@]}" | sort -u
}

# apply_series DIR VERSION: apply the series to the tree in DIR, or say exactly
# what does not fit.
apply_series() {
	local patch out
	while read -r patch; do
		[ -e "$patch" ] || die "kernel/series names ${patch##*/}, which is not in kernel/patches"
		if ! out=$(patch -d "$1" -p1 --fuzz=1 --forward --batch --no-backup-if-mismatch \
			--reject-file=- <"$patch" 2>&1); then
			printf '%s\n' "$out" >&2
			note "kernel/patches/${patch##*/} does not apply to Linux $2; the rejected hunks are above"
			return 1
		fi
	done < <(series)
}

overlay_dirs=(include net drivers Documentation)

# delta DIR PRISTINE VERSION: fill DIR with every file in which our tree differs
# from the pristine one: the overlay, and the patched files.
delta() {
	local dir path
	mkdir -p "$1"
	patched_files | while read -r path; do
		[ -e "$2/$path" ] || continue
		mkdir -p "$1/${path%/*}"
		cp "$2/$path" "$1/$path"
	done
	apply_series "$1" "$3"
	for dir in "${overlay_dirs[@]}"; do
		[ -d "$repo/kernel/$dir" ] || continue
		while read -r path; do
			[ ! -e "$2/$path" ] ||
				die "kernel/$path would replace a file of Linux $3; change it by a patch instead"
			mkdir -p "$1/${path%/*}"
			cp "$repo/kernel/$path" "$1/$path"
		done < <(cd "$repo/kernel" && find "$dir" -type f ! -name '*.o' ! -name '*.ko' \
			! -name '*.mod*' ! -name '.*')
	done
}
