#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# soak: host
# timeout: 1800
#
# drgn on dumps of guests: what devmemls and drgn said while the kernel ran,
# drgn says of its dump, with its vmlinux and with nothing but the dump, and of what
# makedumpfile leaves of it. Then crash, the newest drgn, docs/post-mortem.md, and dumps
# that are broken.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/drgn/crash.sh"

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

for kernel in stock-latest mainline ppdevmem; do
	dumped "$kernel"
	case $? in
	0) ok "$kernel: a guest is dumped" ;;
	3) skip "$kernel" "it is not in the archive" && continue ;;
	*) not_ok "$kernel: a guest is dumped" && continue ;;
	esac
	want=$(said devmemls | still)
	like "$want" '"tokens":100' "$kernel: devmemls saw the readers"
	is "$(said devmem | still)" "$want" "$kernel: drgn said the same, live"
	is "$(drgn-devmem -c "$tmp/$kernel" ls -j | still)" "$want" \
		"$kernel: and the same of the dump, which is all it has"
	check "$kernel: there were small sockets" [ "$(said remnants)" -gt 500 ]
	check "$kernel: the dump's headers are as makedumpfile wants them" \
		tests/drgn/plain_elf.py "$tmp/$kernel"
	check "$kernel: the dump is filtered" \
		sh -c 'makedumpfile -c -d 31 "$1" "$1.filtered" >"$1.told" 2>&1' sh "$tmp/$kernel"
	# It takes the pages of a kernel that it does not know for what they are not.
	if [ "$kernel" = stock-latest ] && grep -q "kernel version is not supported" "$tmp/$kernel.told"; then
		skip "$kernel: what is left" "makedumpfile says it does not know this kernel"
	else
		is "$(drgn-devmem -c "$tmp/$kernel.filtered" ls -j 2>"$tmp/complaints" | still)" "$want" \
			"$kernel: and the same of what is left"
		is "$(cat "$tmp/complaints")" "" "$kernel: without a complaint"
	fi
	vmlinux=$(scripts/kernel "$kernel")/vmlinux
	# Debian's is a download of a gigabyte
	if [ "$kernel" != stock-latest ]; then
		is "$(drgn-devmem -c "$tmp/$kernel" -s "$vmlinux" ls -j | still)" "$want" \
			"$kernel: and the same with the kernel's debugging information"
	fi
	[ "$kernel" = ppdevmem ] || rm "$tmp/$kernel" "$tmp/$kernel.filtered"
done
[ -e "$tmp/ppdevmem" ] || done_testing

# Who leaked, from nothing but the dump
flavor=ppdevmem
dump=$tmp/ppdevmem
leaker=$(said leaker)
fails "the leak is found" 1 "tokens on 256 iovs for [0-9.]+ s.*devmemcat\[$leaker\] fd" \
	drgn-devmem -c "$dump" leaks 1
is "$(drgn-devmem -c "$dump" -p "$leaker" ls -j | jq -c '.bindings[0] | [.iovs.free, .exhausted > 0]')" \
	"[0,true]" "its binding is exhausted"
age=$(drgn-devmem -c "$dump" leaks 1 -j | jq '[.leaks[].seconds] | max')
check "and the reader has held it for a time one can believe" \
	jq -en "$age > 1 and $age < 600"

# crash with its extension. It takes more of a kernel to start in full, an exception stack
# for AMD's memory encryption for one, which ours has not.
crash_options=(--minimal)
for seen in "$dump" "$dump.filtered"; do
	is "$(in_crash devmem | squeezed)" "$(drgn_list)" \
		"crash lists the same of ${seen##*/}"
done
seen=$dump
crash_agrees

# As a command of the newest drgn, which finds it by its entry point
in_newest() {
	printf '%s\n' 'from drgn.commands import run_command' "run_command(prog, '$1')" |
		PYTHONPATH=tools/drgn tests/drgn/newest -m drgn -q -c "$dump"
}
said=$(in_newest "devmem ls -j" 2>"$tmp/complaints")
case $? in
0) is "$(still <<<"$said")" "$want" "and so does %devmem of the newest drgn" ;;
3) skip "%devmem of the newest drgn" "Debian's archive cannot be reached" ;;
*) not_ok "%devmem of the newest drgn" "$(cat "$tmp/complaints")" ;;
esac

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
output=$(drgn-devmem -c "$tmp/short" ls 2>&1)
is "$?" 1 "a dump that was cut off is an error"
like "$output" "^drgn-devmem: " "and says so"
if [[ $output == *Traceback* ]]; then
	not_ok "without a traceback" "$output"
else
	ok "without a traceback"
fi
fails "what is left of it is listed with its vmlinux, and that it is not all" 1 \
	"reads failed.*damaged or cut off" drgn-devmem -c "$tmp/short" -s "$vmlinux" ls
head -c 4096 /dev/urandom >"$tmp/noise"
fails "noise is no dump" 1 "is not a kernel's dump" drgn-devmem -c "$tmp/noise" ls
fails "a dump that is not there" 1 "no such dump: $tmp/none" drgn-devmem -c "$tmp/none" ls
fails "a vmlinux that is not there" 1 "no such file: $tmp/none" drgn-devmem -c "$dump" -s "$tmp/none" ls
fails "no types" 1 "no types of the kernel.*--btf" drgn-devmem -c "$dump" --btf /dev/null ls
fails "a vmlinux of something else is told" 0 "/bin/true has no types of this kernel" \
	drgn-devmem -c "$dump" -s /bin/true ls
done_testing
