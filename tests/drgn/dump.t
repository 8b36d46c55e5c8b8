#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# unproven: host
# timeout: 3600
#
# drgn on dumps of guests: what devmemls and drgn said while the kernel ran,
# drgn says of its dump, with its vmlinux and with nothing but the dump. Then
# dumps that are broken, and the commands of docs/post-mortem.md.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
cd "$PPDEVMEM_REPO" || exit
export PATH="$PPDEVMEM_REPO/tools/drgn:$PATH" PYTHONDONTWRITEBYTECODE=1

tmp=$(mktemp -d "$PPDEVMEM_REPO/build/dump.XXXXXX")
on_exit 'rm -rf "$tmp"'

# Without what goes on while one looks: ages, and a starved queue's attempts
still() {
	jq -cS 'del(.bindings[].holders[].oldest_seconds) |
		del(.bindings[] | select(.iovs.free == 0) | .exhausted)'
}

said() {
	sed -n "s/^$1 //p" "$tmp/$flavor.said"
}

# dumped FLAVOR: run the scene, leave a dump.
dumped() {
	flavor=$1
	scripts/vm --kernel "$flavor" --mem 768 --timeout 1500 --vmcore "$tmp/$flavor" \
		-- tests/drgn/dump_scene.sh >"$tmp/$flavor.said"
}

for kernel in mainline ppdevmem; do
	if ! dumped "$kernel"; then
		not_ok "$kernel: a guest is dumped"
		continue
	fi
	ok "$kernel: a guest is dumped"
	want=$(said devmemls | still)
	like "$want" '"tokens":100' "$kernel: devmemls saw the readers"
	is "$(said devmem | still)" "$want" "$kernel: drgn said the same, live"
	is "$(devmem -c "$tmp/$kernel" ls -j | still)" "$want" \
		"$kernel: and the same of the dump, which is all it has"
	vmlinux=$(scripts/kernel "$kernel")/vmlinux
	if [ -e "$vmlinux" ]; then
		is "$(devmem -c "$tmp/$kernel" -s "$vmlinux" ls -j | still)" "$want" \
			"$kernel: and the same with the kernel's debugging information"
	else
		skip "$kernel: with debugging information" "Debian's is a large download"
	fi
	[ "$kernel" = ppdevmem ] || rm "$tmp/$kernel"
done

# Who leaked, from nothing but the dump
flavor=ppdevmem
dump=$tmp/ppdevmem
leaker=$(said leaker)
fails "the leak is found" 1 "tokens on 256 iovs for [0-9.]+ s.*devmemcat\[$leaker\] fd" \
	devmem -c "$dump" leaks 1
is "$(devmem -c "$dump" -p "$leaker" ls -j | jq -c '.bindings[0] | [.iovs.free, .exhausted > 0]')" \
	"[0,true]" "its binding is exhausted"
age=$(devmem -c "$dump" leaks 1 -j | jq '[.leaks[].seconds] | max')
check "and the reader has held it for a time one can believe" \
	jq -en "$age > 1 and $age < 600"

# The page that tells how
ln -s "$dump" "$tmp/vmcore"
ln -s "$vmlinux" "$tmp/vmlinux"
while read -r word text; do
	case $word in
	ok) ok "docs/post-mortem.md: $text" ;;
	not) not_ok "docs/post-mortem.md: $text" ;;
	*) diag "$word $text" ;;
	esac
done < <(cd "$tmp" && PYTHONPATH=$PPDEVMEM_REPO/tools/drgn \
	python3 "$PPDEVMEM_REPO/tests/drgn/replay.py" "$PPDEVMEM_REPO/docs/post-mortem.md" 2>&1 ||
	echo "not it ended early")

# Broken ones
head -c 20000000 "$dump" >"$tmp/short"
output=$(devmem -c "$tmp/short" ls 2>&1)
is "$?" 1 "a dump that was cut off is an error"
like "$output" "^devmem: " "and says so"
if [[ $output == *Traceback* ]]; then
	not_ok "without a traceback" "$output"
else
	ok "without a traceback"
fi
head -c 4096 /dev/urandom >"$tmp/noise"
fails "noise is no dump" 1 "is not a kernel's dump" devmem -c "$tmp/noise" ls
fails "a dump that is not there" 1 "no such dump: $tmp/none" devmem -c "$tmp/none" ls
fails "a vmlinux that is not there" 1 "no such file: $tmp/none" devmem -c "$dump" -s "$tmp/none" ls
fails "no types" 1 "no types of the kernel.*--btf" devmem -c "$dump" --btf /dev/null ls
fails "a vmlinux of something else is told" 0 "/bin/true has no types of this kernel" \
	devmem -c "$dump" -s /bin/true ls
done_testing
