# SPDX-License-Identifier: GPL-2.0-or-later
"""Find kernel splats in console output.

The one list of what counts as a kernel complaint: used for the console log of
a whole run by scripts/vm, and for each test by the harness in the guest.
"""

import re

# After the timestamp, and the level that /dev/kmsg readers leave out.
_STAMP = r"^(?:<\d+>)?(?:\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? )?"

_COMPLAINTS = (
    r"-+\[ cut here \]-+",
    r"WARNING: ",
    r"(?:watchdog: |kfence: |\[ )?BUG: ",
    r"kernel BUG at ",
    r"Kernel panic - not syncing",
    r"Oops: ",
    r"general protection fault",
    r"(?:traps: )?double fault",
    r"Unable to handle kernel",
    r"INFO: (?:possible|inconsistent|trying to register|task \S+ blocked|task hung)",
    r"(?:rcu: )?INFO: rcu\S* (?:self-)?detected",
    r"rcu: .*kthread starved",
    r"possible (?:circular|recursive) locking",
    r"refcount_t: ",
    r"UBSAN: ",
    r"ODEBUG: ",
    r"unreferenced object 0x",
    r"list_(?:add|del)(?: |_)corruption",
    r"unregister_netdevice: waiting for \S+ to become free",
    r"page_pool: .*\bBUG\b",
)

_SPLAT = re.compile(_STAMP + "(?:" + "|".join(_COMPLAINTS) + ")")

# Complaints that are known and not ours: (pattern, reason). Each needs a reason
# that names why it cannot be avoided. There is none.
ALLOWED: tuple[tuple[str, str], ...] = ()

_SHOWN_LINES = 70


def is_splat(line: str) -> bool:
    """Return whether a console line begins a complaint of the kernel."""
    if not _SPLAT.search(line):
        return False
    return not any(re.search(pattern, line) for pattern, _ in ALLOWED)


def find(lines: list[str]) -> list[str]:
    """Return the first splat with what follows it, and the later ones' first lines.

    Empty when there is none.
    """
    hits = [i for i, line in enumerate(lines) if is_splat(line)]
    if not hits:
        return []
    end = hits[0] + _SHOWN_LINES
    shown = lines[hits[0] : end]
    later = [lines[i] for i in hits if i >= end]
    if later:
        shown.append(f"... and {len(later)} more:")
        shown += later[:10]
    return shown
