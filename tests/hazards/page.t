#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# timeout: 60
#
# docs/hazards.md has what each scene saw on each kernel, and nothing that hurts ours. The
# scenes themselves hold what they see on ours against it.

set -u
. "$PPDEVMEM_REPO/tests/lib/tap.sh"
page=$PPDEVMEM_REPO/docs/hazards.md
script=$PPDEVMEM_REPO/tests/hazards/page.py
copy=$(mktemp)
on_exit 'rm -f "$copy"'

# changed PROGRAM: a copy of the page after sed has had it in its hands, and changed it.
changed() {
	sed -E "$1" "$page" >"$copy"
	! cmp -s "$page" "$copy" || not_ok "sed '$1' changes something"
}

check "docs/hazards.md is whole, and nothing hurts ours" "$script" --check

changed '/`ways\/race`/d'
fails "a page that lacks a scene is not" 1 "ways/race: not tried on" "$script" --check --page "$copy"
changed 's/\| [^|]*\| `ways\/race`/| **leak** | `ways\/race`/'
fails "nor one with a bad cell for ours" 1 "ways/race: ours is hurt: .*leak" \
	"$script" --check --page "$copy"
changed 's/\| [^|]*\| [^|]*\| `ways\/race`/| not yet tried | fine | `ways\/race`/'
fails "nor one with a cell that nobody saw" 1 "ways/race: not tried on stock-latest" \
	"$script" --check --page "$copy"
changed '$a\| a way | admin | fine | fine | fine | `ways/none` |'
fails "nor one with a row that no scene is behind" 1 "not as page.py writes it" \
	"$script" --check --page "$copy"
changed 's/tests\/provider\/arch.t/tests\/provider\/none.t/'
fails "nor one that names another test" 1 "not as page.py writes it" "$script" --check --page "$copy"
done_testing
