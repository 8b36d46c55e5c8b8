#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 600
#
# A guest that never came up is no failed test: how QEMU ended is told, the boot is tried
# again once, and the summary counts it. In place of QEMU runs one that dies.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

tmp=$(mktemp -d)
on_exit 'rm -rf "$tmp"'

# The guest's init never runs: a QEMU that starts paused is killed in its boot.
mkdir "$tmp/bin"
cat >"$tmp/bin/qemu-system-x86_64" <<-END
	#!/bin/sh
	echo boot >>$tmp/boots
	[ "\$(wc -l <$tmp/boots)" -le "\$(cat $tmp/deaths)" ] || exec /usr/bin/qemu-system-x86_64 "\$@"
	echo "no accelerator today" >&2
	(sleep 0.5 && kill -SEGV \$\$) &
	exec /usr/bin/qemu-system-x86_64 -S "\$@"
END
chmod +x "$tmp/bin/qemu-system-x86_64"
export PATH=$tmp/bin:$PATH
# The boots here are none of the run that this is part of.
unset PPDEVMEM_RETRIES

# dies TIMES COMMAND...: that often QEMU does, before it runs. Its output is in out and err.
dies() {
	echo "$1" >"$tmp/deaths"
	rm -f "$tmp/boots"
	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
}

dies 1 "$PPDEVMEM_REPO/scripts/vm" -- sh -c 'echo up; exit 7'
is "$? $(cat "$tmp/out")" "7 up" "a boot that dies before init is tried again"
like "$(cat "$tmp/err")" "qemu-system-x86_64 was ended by SIGSEGV, after saying:.no accelerator today" \
	"how QEMU ended is told, and what it wrote"
like "$(cat "$tmp/err")" "before init ran, so the boot is tried again" "and what is done about it"
dies 9 "$PPDEVMEM_REPO/scripts/vm" -- true
is "$? $(wc -l <"$tmp/boots")" "125 2" "once"

# What tests/run makes of it, in a clone with one test.
repo=$tmp/clone
mkdir -p "$repo/tests/unit"
cp -r "$PPDEVMEM_REPO"/{scripts,kernel} "$repo/"
cp -r "$PPDEVMEM_REPO"/tests/{run,lib} "$repo/tests/"
printf '#!/bin/sh\n# kernels: ppdevmem\necho "ok 1 - in the guest"\necho "1..1"\n' >"$repo/tests/unit/one.t"
chmod +x "$repo/tests/unit/one.t"
dies 1 "$repo/tests/run"
like "$? $(cat "$tmp/out" "$tmp/err")" "^0 .*"$'\n'"1 passed, 0 failed, 0 skipped" \
	"no test fails for it"
like "$(cat "$tmp/out")" $'\nboots tried again: 1 \\(ppdevmem\\)\n' "the summary counts it"
dies 9 "$repo/tests/run"
is "$? $(tail -n 1 "$tmp/out")" "1 0 passed, 2 failed, 0 skipped" "no guest at all fails the run"
like "$(cat "$tmp/out")" "ppdevmem: no guest: status 125.*SIGSEGV" "says how it ended"
like "$(cat "$tmp/out")" "1 test files were not run: unit/one.t" "and names what was not run"
done_testing
