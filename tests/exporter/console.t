#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# timeout: 1500
#
# The console page, as Prometheus makes it in the guest, opened in headless Chromium:
# it has the right numbers, and looks like docs/console.png.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

here=$PPDEVMEM_REPO/tests/exporter
out=$PPDEVMEM_REPO/build/out/console
rm -rf "$out"
mkdir -p "$out"

browse() {
	chromium-headless-shell --no-sandbox --disable-gpu --hide-scrollbars --virtual-time-budget=5000 "$@" \
		"file://$out/console.html" 2>"$out/chromium.log"
}

# text ID: what the element with this id says in the page.
text() {
	python3 -B "$here/dom.py" text "$out/dom.html" "$1"
}

check "Prometheus makes the page, in a guest" "$PPDEVMEM_REPO/scripts/vm" --timeout 1200 -- \
	"$here/console_scene.sh" "$out"
browse --dump-dom >"$out/dom.html"
is $? 0 "Chromium opens it"
is "$(grep -ciE '<script|src=|href="?http' "$out/console.html")" 0 "it has no script and fetches nothing"
is "$(text hosts)" "1 of 1" "one host"
is "$(text bindings)" 2 "two bindings"
is "$(text bound)" "24MiB" "their sizes"
iovs=$(sed -n 's/^devmem_iovs{.*state="user"} \([1-9].*\)/\1/p' "$out/console.metrics")
like "$iovs" '^1[0-9]{3}$' "iovs are with readers"
is "$(text held)" "$(awk -v n="$iovs" 'BEGIN { printf "%.4gMiB", n / 256 }')" "that much memory"
like "$(text alerts)" "DevmemHeldTooLong warning 127.0.0.1:9943 dms0" "the alert that fires"
python3 -B "$here/dom.py" rows "$out/dom.html" table >"$out/rows"
id=$(grep -o 'devmem_tokens{binding="[0-9]*",device="dms0"} 1500' "$out/console.metrics" | grep -o '[0-9]*' | head -n 1)
row=$(awk -F'\t' -v id="$id" '$3 == id' "$out/rows")
is "$(cut -f 2,4,5,6,9,10 <<<"$row")" "$(printf 'dms0\tudmabuf\t16MiB\t1\t1.5k\t1')" "the binding with the holder"
like "$(cut -f 11 <<<"$row")" '^([0-9]+m )?[0-9.]+s$' "since when it holds"
is "$(python3 -B "$here/dom.py" rows "$out/dom.html" drops | sed 1d | sort)" \
	"$(sed -n 's/^devmem_skb_drops_total{reason="\(.*\)"} /\1\t/p' "$out/console.metrics" | sort)" \
	"drops by reason"
like "$(python3 -B "$here/dom.py" rows "$out/dom.html" holds)" '300.0 s.*100.0 %' "the histogram adds up to all"
check "a screenshot" browse --window-size=1240,1000 --screenshot="$out/console.png"
# Other figures make other bars; without its style sheet it would be another page
others=$(python3 -B "$here/png.py" "$PPDEVMEM_REPO/docs/console.png" "$out/console.png")
check "which looks like docs/console.png (${others:-not one} of 100 tiles look otherwise)" \
	test "${others:-100}" -le 20
done_testing
