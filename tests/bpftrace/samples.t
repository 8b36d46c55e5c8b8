#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
#
# What samples.py makes of a sample: what passes, what does not, and when it makes
# everything happen again. With a bpftrace, a bpftool and a load that play theirs.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

stage=$(mktemp -d)
on_exit 'rm -rf "$stage"'
mkdir -p "$stage/bin" "$stage/tests/bpftrace"

cat >"$stage/page.md" <<-'END'
	# A page

	## Puts by binding

	```sh
	bpftrace -e 'kprobe:net_devmem_token_put { @ = count(); }'
	```

	Kernels: ppdevmem. bpftrace: 0.23.

	```console
	Attaching 1 probe...
	binding 9 puts 512 left 0
	```
END
cat >"$stage/bin/bpftrace" <<-'END'
	#!/bin/sh
	[ "$1" != --version ] || exec echo "bpftrace v0.23.2"
	$2
	cat "$STAGE/output"
END
cat >"$stage/bin/bpftool" <<-'END'
	#!/bin/sh
	echo "[{\"id\":1},{\"id\":2,\"recursion_misses\":$(cat "$STAGE/misses")}]"
END
cat >"$stage/tests/bpftrace/load" <<-'END'
	#!/bin/sh
	[ "$1" = run ] || exit 0
	echo >>"$STAGE/loads"
	[ "$(wc -l <"$STAGE/loads")" -gt "$(cat "$STAGE/busy")" ] ||
		echo "$(($(cat "$STAGE/misses") + 512))" >"$STAGE/misses"
END
chmod +x "$stage/bin"/* "$stage/tests/bpftrace/load"

# samples BUSY LINE...: run the page's sample; the first BUSY loads meet a busy
# program, and bpftrace prints the lines.
samples() {
	echo "$1" >"$stage/busy"
	echo 512 >"$stage/misses"
	rm -f "$stage/loads"
	shift
	printf '%s\n' "$@" >"$stage/output"
	env STAGE="$stage" PATH="$stage/bin:$PATH" PPDEVMEM_REPO="$stage" PPDEVMEM_FLAVOR=ppdevmem \
		python3 -B "$PPDEVMEM_REPO/tests/bpftrace/samples.py" "$stage/page.md" 2>&1
}

loads() {
	wc -l <"$stage/loads"
}

probe="Attaching 1 probe..."
check "what is shown comes out, with other numbers" samples 0 "$probe" "binding 12 puts 513 left 0"
is "$(loads)" 1 "one load was enough"
check "so it does with programs that were busy" samples 2 "$probe" "binding 9 puts 512 left 0"
is "$(loads)" 3 "it is loaded again until none was"
check "and with one that always is" samples 99 "$probe" "binding 9 puts 512 left 0"
is "$(loads)" 5 "which has an end"

fails "a line that does not come" 1 "not ok 1 .*nothing looks like: binding 9" samples 0 "$probe"
fails "a number where zero is shown" 1 "nothing looks like: binding 9" \
	samples 0 "$probe" "binding 9 puts 512 left 4"
fails "zero where a number is shown" 1 "nothing looks like: binding 9" \
	samples 0 "$probe" "binding 9 puts 0 left 0"
fails "what bpftrace complains about" 1 "complained: ERROR: lost" \
	samples 0 "$probe" "binding 9 puts 512 left 0" "ERROR: lost it"
done_testing
