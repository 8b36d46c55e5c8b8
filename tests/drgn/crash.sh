# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of tools/crash share. crash is loaded with "$vmlinux" and "$seen", the dump,
# started as "${crash_options[@]}" say; what drgn says of the same comes from "$dump".
# Needs tests/lib/tap.sh; makes $tmp, which has room for dumps.

cd "$PPDEVMEM_REPO" || exit
export PATH="$PPDEVMEM_REPO/tools/drgn:$PATH" PYTHONDONTWRITEBYTECODE=1
tmp=$(mktemp -d "$PPDEVMEM_REPO/build/dump.XXXXXX")
on_exit 'rm -rf "$tmp"'

# in_crash COMMAND...
in_crash() {
	printf '%s\n' "extend $PPDEVMEM_REPO/build/lib/crash/devmem.so" "$@" quit |
		TERM=dumb crash -s "${crash_options[@]}" "$vmlinux" "$seen" 2>&1 |
		grep -vE '^(|NOTE: minimal mode .*|.*shared object loaded)$'
}

# Without the columns' widths
squeezed() {
	tr -s ' ' | sed 's/^ //'
}

# What crash lists it lists as drgn does, but for the kind: it knows one.
drgn_list() {
	drgn-devmem -c "$dump" ls | squeezed | sed -E 's/^(ID|[0-9]+) (KIND|rx) /\1 /'
}

hex() {
	printf %x "$(jq "$1" "$tmp/$2")"
}

# part N: what the Nth command of crash printed; 'devmem -f 0' stands between them.
part() {
	awk -v n="$1" '$0 == "null" { n--; next } n == 1' "$tmp/crash"
}

# crash_agrees: of a word, a binding, a socket and a skb of the scene crash says what drgn does.
crash_agrees() {
	local word binding skb frags='frag [0-9]+: .* of binding [0-9]+'
	drgn-devmem -c "$dump" iovs -j >"$tmp/iovs"
	drgn-devmem -c "$dump" sock -j >"$tmp/socks"
	# Not in jq, whose numbers have 53 bits
	word=0x$(printf %x $((0x$(hex '[.iovs[] | select(.state == "user")][0].address' iovs) | 1)))
	binding=$(jq .iovs[0].binding "$tmp/iovs")
	skb=0x$(hex '[.sockets[].unread.skbs[]][0]' socks)
	in_crash "devmem -f $word" "devmem -f 0" "devmem -i $binding" "devmem -f 0" \
		"devmem -t $(hex '[.sockets[] | select(.tokens == 100)][0].address' socks)" \
		"devmem -f 0" "devmem -s $skb" "devmem -f 0" \
		"devmem -f 123456789abcdef1" "devmem -f 406" "devmem -i 99" "devmem -s 10" >"$tmp/crash"
	is "$(part 1)" "$(drgn-devmem -c "$dump" frag "$word" | sed 's/^[^ ]*  //; s/, page pool.*//')" \
		"it decodes a word to the same iov"
	is "$(part 2 | awk '{ print substr($7, 1, length($7) - 1) }' | sort | uniq -c)" \
		"$(jq -r ".iovs[] | select(.binding == $binding).state" "$tmp/iovs" | sort | uniq -c)" \
		"a binding's iovs are in the same states"
	is "$(part 3 | grep -c '^token .*: user,')" 100 "a socket has its tokens"
	is "$(part 4 | grep -oE "$frags")" "$(drgn-devmem -c "$dump" skb "$skb" | grep -oE "$frags")" \
		"the frags of a skb are the same"
	like "$(part 5 | tr '\n' ' ')" \
		"gone .*reserved .*there is no binding 99 .*there is no skb at 0x10 .*[1-9][0-9]* reads failed" \
		"what is garbage is told, and does no harm"
}
