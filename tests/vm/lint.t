#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# timeout: 300
#
# Every checker of scripts/lint finds what it is there for.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

tmp=$(mktemp -d)
on_exit 'rm -rf "$tmp"'
cp -r "$PPDEVMEM_REPO/scripts" "$tmp/"
cd "$tmp" || exit
mkdir -p kernel/net user

printf '// SPDX-License-Identifier: GPL-2.0\nint f(void);\nint f(void)\n{\n    return 1;\n}\n' \
	>kernel/net/style.c
cat >kernel/net/doc.c <<'END'
// SPDX-License-Identifier: GPL-2.0
/**
 * f() - Do something.
 * @absent: A parameter that is not there.
 */
int f(int present)
{
	return present;
}
END
printf '// SPDX-License-Identifier: GPL-2.0-or-later\nint main(void)\n{\n\tif(1)\n\t\treturn 1;\n}\n' >user/style.c
# shellcheck disable=SC2016
printf '#!/bin/bash\necho $1\n' >user/bad.sh
printf 'x = {  "a":1 }\n' >user/black.py
printf 'x: int = "one"\n' >user/wrong.py
printf '#!/bin/bash\necho "$1"\n' >user/good.sh

fails "checkpatch looks at kernel code" 1 "LEADING_SPACE.*not ok   kernel style" \
	scripts/lint kernel/net/style.c
fails "kernel-doc looks at kernel code" 1 "absent.*not ok   kernel-doc" \
	scripts/lint kernel/net/doc.c
fails "checkpatch looks at user space code" 1 "SPACING.*not ok   user space style" \
	scripts/lint user/style.c
fails "shellcheck looks at shell scripts" 1 "SC2086.*not ok   shellcheck" \
	scripts/lint user/bad.sh
fails "black looks at Python" 1 "not ok   black" scripts/lint user/black.py
fails "mypy looks at Python" 1 "Incompatible types.*not ok   mypy" scripts/lint user/wrong.py
check "what is right passes" scripts/lint user/good.sh
done_testing
