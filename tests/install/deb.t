#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 1800
#
# The packages, in a clean Debian 13 and a clean Debian 12 that have nothing of what built
# them: they install with what the archive has, the programs start, nothing is enabled, and
# after a purge nothing is left. So does 'make install' put its files where it is told.

. "$PPDEVMEM_REPO/tests/install/common.sh"
tools="devmemcheck devmemlat devmemleak devmemls devmemsnoop devmemtop"

"$PPDEVMEM_REPO/packaging/deb" >"$tmp/debs" || {
	not_ok "the packages are built"
	done_testing
}
# The drgn of Debian 12 is too old for the helpers.
declare -A names=([trixie]="devmem-exporter ppdevmem-crash ppdevmem-tools python3-drgn-devmem"
	[bookworm]="devmem-exporter ppdevmem-crash ppdevmem-tools")
for codename in trixie bookworm; do
	mapfile -t debs < <(grep -F "/$codename/" "$tmp/debs" | grep -v -e -dbgsym_ -e -dkms_)
	is "$(basename -a "${debs[@]}" | cut -d _ -f 1 | paste -sd ' ')" "${names[$codename]}" \
		"$codename: the packages"
	clean=$("$PPDEVMEM_REPO/packaging/root" "$codename" systemd) || exit
	over "$codename" "$clean" || exit
	inside sh -c 'find / -xdev -not -type d | sort' >"$tmp/before"
	mkdir "$root/debs"
	cp "${debs[@]}" "$root/debs"
	check "$codename: apt takes them with what the archive has" \
		inside sh -c 'apt-get -qq update && apt-get -qq install --no-install-recommends /debs/*.deb'
	for tool in $tools devmem_exporter devmemcat; do
		like "$(inside "$tool" --help 2>&1)" "^Usage: $tool|^usage: $tool" "$codename: $tool starts"
	done
	[ "$codename" = bookworm ] ||
		like "$(inside drgn-devmem --version 2>&1)" "$(cat "$PPDEVMEM_REPO/VERSION")" \
			"$codename: drgn-devmem starts"
	is "$(inside systemctl is-enabled devmem-exporter.service)" disabled \
		"$codename: the service is enabled by nobody"
	check "$codename: crash finds its extension where it looks" \
		test -e "$root/usr/lib/crash/extensions/devmem.so"
	for tool in $tools devmem_exporter devmemcat; do
		check "$codename: $tool has a man page" test -e "$root/usr/share/man/man8/$tool.8.gz"
	done
	check "$codename: they are purged" inside sh -c "apt-get -qq purge --autoremove \
		${names[$codename]}"
	rm -r "$root/debs"
	inside sh -c 'find / -xdev -not -type d | sort' |
		grep -Ev '^/(var/(cache|lib/(apt|dpkg)|log)|etc/resolv.conf|etc/ld.so.cache)' >"$tmp/after"
	is "$(comm -13 "$tmp/before" "$tmp/after" | grep -i -e devmem -e drgn)" "" "$codename: nothing is left"
done

# From source
DESTDIR=$tmp/dest PREFIX=/usr "$PPDEVMEM_REPO/scripts/install" >"$tmp/said"
like "$(cat "$tmp/said")" "installed [0-9]+ files" "scripts/install says what it did"
for tool in $tools; do
	check "$tool is below DESTDIR" test -x "$tmp/dest/usr/sbin/$tool"
done
like "$(cat "$tmp/dest/usr/lib/systemd/system/devmem-exporter.service")" \
	"ExecStart=/usr/sbin/devmem_exporter" "the unit starts what was installed"
DESTDIR=$tmp/dest PREFIX=/usr "$PPDEVMEM_REPO/scripts/install" >"$tmp/said"
like "$(cat "$tmp/said")" "installed [0-9]+ files" "and again, over itself"
mkdir -p "$tmp/dest/usr/share/other"
DESTDIR=$tmp/dest PREFIX=/usr "$PPDEVMEM_REPO/scripts/install" --remove >"$tmp/said"
is "$(find "$tmp/dest" ! -type d)" "" "--remove leaves no file"
is "$(find "$tmp/dest" -mindepth 1 -type d | sort | tr '\n' ' ')" \
	"$tmp/dest/usr $tmp/dest/usr/share $tmp/dest/usr/share/other " "and no directory but another's"

# Completion, by the options that --help lists
# shellcheck disable=SC2016 # expands there
is "$(bash -c '. /usr/share/bash-completion/bash_completion
	. "$PPDEVMEM_REPO/packaging/bash-completion"
	COMP_WORDS=(devmemls --js) COMP_CWORD=1 COMP_LINE="devmemls --js" COMP_POINT=13
	_ppdevmem devmemls
	echo "${COMPREPLY[*]}"')" --json "bash completes an option of devmemls"

# As a Python project
cp -rL "$PPDEVMEM_REPO/tools/drgn" "$tmp/project"
python3 -m venv --system-site-packages "$tmp/venv"
check "pip installs the helpers" "$tmp/venv/bin/pip" -q install --no-build-isolation "$tmp/project"
like "$("$tmp/venv/bin/drgn-devmem" --version)" "$(cat "$PPDEVMEM_REPO/VERSION")" "as a command"
check "pip removes them" "$tmp/venv/bin/pip" -q uninstall -y drgn-devmem
check "and the command is gone" test ! -e "$tmp/venv/bin/drgn-devmem"
done_testing
