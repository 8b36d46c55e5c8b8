# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the tools print for people
-------------------------------
"""

import sys
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from .bindings import Binding
from .document import holders_of, pool_id, task_entries
from .iovs import Devmem, Iov, Word

__all__ = (
    "PLACES",
    "explain",
    "print_inventory",
    "print_iovs",
    "print_leaks",
    "print_skb",
    "print_socks",
    "print_words",
)


def _bytes(size: int) -> str:
    units = 0
    while size >= 1024 and not size % 1024 and units < 4:
        size //= 1024
        units += 1
    return f"{size}{'BKMGT'[units]}"


def _age(seconds: Optional[float]) -> str:
    return "an unknown time" if seconds is None else f"{seconds:.1f} s"


def _or_dash(value: Optional[Any]) -> str:
    return "-" if value is None else str(value)


_HOWS = {
    "fd": "",
    "in_flight": "in flight in a unix socket of ",
    "registered": "registered with io_uring of ",
    "unaccepted": "not accepted yet, listener of ",
}


def _tasks(tasks: Sequence[Dict[str, Any]]) -> str:
    if not tasks:
        return "held by nobody that can be reached"
    return ", ".join(f"{_HOWS[t['how']]}{t['comm']}[{t['pid']}] fd {t['fd']}" for t in tasks)


def _table(rows: Sequence[Sequence[str]], left: Sequence[int]) -> List[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


_INVENTORY = "ID KIND IFNAME QUEUES DMABUF SIZE IOVS FREE POOL USER HIGH EXHAUSTED STATE".split()


def _inventory_row(binding: Dict[str, Any]) -> List[str]:
    dmabuf, iovs = binding["dmabuf"], binding["iovs"]
    size = dmabuf["size"] if dmabuf else None
    if binding["kind"] == "io_uring":
        size = iovs["total"] * binding["iov_size"]
    return [
        _or_dash(binding["id"]),
        binding["kind"],
        _or_dash(binding["ifname"]),
        ",".join(map(str, binding["queues"])) or "-",
        f"{dmabuf['exporter']}:{dmabuf['inode']}" if dmabuf else "-",
        "-" if size is None else _bytes(size),
        *(_or_dash(iovs[key]) for key in ("total", "free", "pool", "user")),
        _or_dash(binding["high_water"]),
        _or_dash(binding["exhausted"]),
        "unbound" if binding["unbound"] else "bound",
    ]


def print_inventory(document: Dict[str, Any]) -> None:
    """:param document: Inventory of :func:`.document.inventory()`."""
    rows = [_INVENTORY, *map(_inventory_row, document["bindings"])]
    for binding, line in zip([None, *document["bindings"]], _table(rows, (1, 2, 3, 4))):
        print(line)
        for holder in binding["holders"] if binding else ():
            print(f"    {_held(binding['kind'], holder)}; {_tasks(holder['tasks'])}")


def _held(kind: str, holder: Dict[str, Any]) -> str:
    iovs, size = f"{holder['iovs']} iovs", _bytes(holder["bytes"])
    if kind == "io_uring":
        return f"ring: {holder['tokens']} buffers, {iovs}, {size}"
    if kind == "tx":
        return (
            f"{holder['local']} -> {holder['remote']}: {holder['tokens']} frags, {iovs}, "
            f"{size} not acknowledged"
        )
    return (
        f"{holder['local']} <- {holder['remote']}: {holder['tokens']} tokens, {iovs}, "
        f"{size}, the oldest for {_age(holder['oldest_seconds'])}"
    )


_IOV = "%7s %8d %#018x %#12x %#18x %-6s %-8s %5d %6d %s\n"


def _iov_fields(binding: Binding, iov: Iov) -> Tuple[Any, ...]:
    index, address, offset, dma, state, place, _, refs, tokens, held = iov
    return (
        "-" if binding.id is None else binding.id,
        index,
        address | 1,
        offset,
        dma,
        state or "-",
        place or "-",
        0 if state == "free" else refs,
        tokens,
        "-" if held is None else f"{held:.1f}",
    )


def print_iovs(blocks: Iterable[Tuple[Binding, Sequence[Iov]]]) -> None:
    """:param blocks: Iovs in the order to be printed, with their binding."""
    print(
        f"{'BINDING':>7} {'INDEX':>8} {'WORD':18} {'OFFSET':>12} {'DMA':>18} "
        f"{'STATE':6} {'PLACE':8} {'REFS':>5} {'TOKENS':>6} HELD"
    )
    for binding, iovs in blocks:
        sys.stdout.write("".join([_IOV % _iov_fields(binding, iov) for iov in iovs]))


def print_words(devmem: Devmem, words: Sequence[Word]) -> None:
    """
    :param devmem: The kernel's device memory.
    :param words: Words that were decoded.
    """
    for word in words:
        print(f"{word.word:#018x}  {_describe(devmem, word)}")


def _describe(devmem: Devmem, word: Word) -> str:
    note = f" ({word.note})" if word.note else ""
    pool = pool_id(devmem, word.pool)
    of_pool = f", page pool {pool}" if pool is not None else ""
    if word.kind == "page":
        other = f", page pool at {word.pool:#x}" if word.pool and not of_pool else ""
        return f"page, pfn {word.pfn:#x}{of_pool}{other}{note}"
    if word.iov is None or word.binding is None:
        return f"{word.kind}{note}"
    iov = word.iov
    where = f" ({iov.place})" if iov.place else ""
    state = iov.state or "in no socket's queue"
    if word.binding.kind == "tx" and iov.tokens:
        state = "being sent"
    return (
        f"iov {iov.index} of {word.binding.name}: {state}{where}, "
        f"offset {iov.offset:#x}, dma {iov.dma:#x}, "
        f"refs {iov.refs if iov.state != 'free' else 0}, tokens {iov.tokens}"
        f"{of_pool}{note}"
    )


def print_skb(skb: Dict[str, Any], indent: str = "") -> None:
    """
    :param skb: Object of :func:`.document.skb_entry()`.
    :param indent: What to put before each line.
    """
    print(
        f"{indent}skb {skb['address']:#x}: {skb['len']} bytes, "
        f"{skb['data_len']} of them in frags"
    )
    for i, frag in enumerate(skb["frags"]):
        iov = frag["iov"]
        what = frag["kind"]
        if iov:
            what = f"iov {iov['index']} of {frag['of']}, {iov['state'] or 'not queued'}"
        elif frag["pfn"] is not None:
            what = f"page, pfn {frag['pfn']:#x}"
        print(
            f"{indent}  frag {i}: {frag['word']:#018x} +{frag['offset']} "
            f"{frag['size']} bytes: {what}"
        )
    for part in skb["parts"]:
        print_skb(part, indent + "  ")


def print_socks(entries: Sequence[Dict[str, Any]]) -> None:
    """:param entries: Objects of :func:`.document.sock_entry()`."""
    for sock in entries:
        unread = sock["unread"]
        print(f"{sock['local']} <- {sock['remote']}  sock {sock['address']:#x}")
        if sock["tokens"]:
            print(
                f"    {sock['tokens']} tokens, on iovs of binding "
                f"{', '.join(map(str, sock['bindings']))}, the oldest for "
                f"{_age(sock['oldest_seconds'])}"
            )
        for what, part in (("unread", unread), ("not acknowledged", sock["sending"])):
            if part["skbs"]:
                print(
                    f"    {part['bytes']} bytes {what}, in {len(part['skbs'])} skbs with "
                    f"{part['iovs']} iovs"
                )
        print(f"    {_tasks(sock['tasks'])}")


def print_leaks(entries: Sequence[Dict[str, Any]], seconds: float) -> None:
    """
    :param entries: Objects of :meth:`.findings.Finding.entry()`.
    :param seconds: From when on something was a leak.
    """
    if not entries:
        print(f"nothing is held longer than {seconds:g} s, unbound, lost or stalled")
    for leak in entries:
        age = ""
        if leak["kind"] in ("held", "stalled", "unknown"):
            age = f" for {'at least ' if leak['at_least'] else ''}{_age(leak['seconds'])}"
        print(f"{leak['of']}: {leak['kind']}: {leak['what']}{age}")
        if leak["local"]:
            print(f"    {leak['local']} <- {leak['remote']}: {_tasks(leak['tasks'])}")


#: Where an iov in state ``pool`` can be, and how to say so.
PLACES = {
    "cache": "A page pool has it in its allocation cache, ready for the driver.",
    "ring": "A page pool has it in its ring: it came back from the stack and waits "
    "to be used again.",
    "frag": "A page pool is cutting it into pieces for the driver; some may be out already.",
    "skb": "It is in a skb of a socket's receive queue that nobody has read yet.",
    "gro": "It is in a packet that waits to be merged with others of its flow (GRO).",
    "backlog": "It is in a packet that waits in a CPU's input queue.",
    "deferred": "It is in a packet that is no longer needed and waits for another CPU to free "
    "it, which that does when it receives something.",
    "out": "A page pool gave it out: it is posted to the hardware, or in a packet that is in "
    "none of the queues looked at (caches, rings, GRO, input queues, deferred frees, "
    "receive queues of TCP sockets).",
}

_STATES = {
    "free": "It is free: it lies in its binding's free list, and whoever still has "
    "this word may not use it.",
    "user": "User space has it: a reader got it with MSG_SOCK_DEVMEM and has not "
    "given it back with SO_DEVMEM_DONTNEED.",
    **PLACES,
}

#: What is said otherwise of other kinds of memory.
_OTHER_STATES = {
    ("io_uring", "free"): "It is free: it lies in its area's free list, and no packet may be "
    "made of it until a page pool takes it.",
    ("io_uring", "user"): "User space has it: the ring reported it with a completion, and "
    "it was not given back by the refill queue.",
    ("tx", "user"): "A socket sends it, and the other end has not acknowledged that: it is in "
    "a packet of its write or retransmit queue, which keeps the binding, too.",
    ("tx", None): "It is in no socket's write or retransmit queue: nothing is sent of it, or "
    "a packet that is elsewhere has it.",
}

_KINDS = {
    "null": ["It is no pointer at all."],
    "reserved": [
        "It is the placeholder of sk->sk_user_frags for a token that a reader is "
        "about to get: no memory stands behind it yet."
    ],
    "gone": [
        "Its lowest bit is set: it is no page.",
        "No binding, bound or held, has an iov at that address, nor has io_uring. Either its binding "
        "was freed after this word was stored, or the word is garbage. What stands "
        "at the address now is something else: do not follow it.",
    ],
}


def explain(devmem: Devmem, word: Word) -> List[str]:
    """
    Say what a word is and how one gets from it to its holder.

    :param devmem: The kernel's device memory.
    :param word: A word that was decoded.
    :return: Lines.
    """
    lines = [f"{word.word:#018x}:"]
    if word.kind in _KINDS:
        lines += _KINDS[word.kind]
    elif word.kind == "page":
        lines += _explain_page(devmem, word)
    elif word.iov and word.binding:
        lines += _explain_iov(devmem, word, word.iov, word.binding)
    else:
        lines.append(f"It is garbage: {word.note}.")
    return lines[:1] + [f"  {line}" for line in lines[1:]]


def _explain_page(devmem: Devmem, word: Word) -> List[str]:
    pool = f"page pool at {word.pool:#x}" if word.pool else "no page pool"
    return [
        "Its lowest bit is clear: it is an ordinary struct page.",
        f"Its page frame is {word.pfn:#x}; {pool} has it.",
    ]


def _explain_iov(devmem: Devmem, word: Word, iov: Iov, binding: Binding) -> List[str]:
    tagged = word.word & 1
    device = binding.device.name if binding.device else "a device that is gone"
    state = "unbound, but still held" if binding.unbound else "bound"
    if binding.kind == "tx":
        state += ", to send from"
    memory = "area" if binding.kind == "io_uring" else "dma-buf"
    place = iov.place or iov.state
    lines = [
        (
            "Its lowest bit (PP_DEVMEM, NET_IOV) is set: it is no page, but an iov."
            if tagged
            else "It is the address of an iov, but without the tag that a frag has."
        ),
        f"Without the bit it is a {devmem.layout.iov_type}, number {iov.index} of "
        f"{binding.name} ({state}).",
        f"Its memory is {binding.iov_size} bytes at offset {iov.offset:#x} of the "
        f"{memory}; {device} reaches it at DMA address {iov.dma:#x}.",
        _OTHER_STATES.get((binding.kind, place)) or _STATES[place or "free"],
    ]
    pool = pool_id(devmem, iov.pool)
    if pool is not None:
        lines.append(f"Its page pool has id {pool}. References on it: {iov.refs}.")
    return lines + _explain_holders(devmem, iov)


def _explain_holders(devmem: Devmem, iov: Iov) -> List[str]:
    lines = []
    for holding in holders_of(devmem, iov):
        who = _tasks(task_entries(holding.tasks))
        sock = holding.sock
        tokens = [t for t, at in holding.tokens.items() if at == iov.address]
        if sock is None:
            lines.append(f"The ring has it {len(tokens)} times (user_refs): {who}.")
        elif holding.unacknowledged is not None:
            lines.append(
                f"{len(tokens)} frags of what socket {sock.local} -> {sock.remote} sends: {who}."
            )
        else:
            lines.append(
                f"Token {', '.join(map(str, tokens))} of socket {sock.local} <- "
                f"{sock.remote}, entry of its sk->sk_user_frags: {who}."
            )
    if iov.tokens and not lines:
        lines.append(f"{iov.tokens} tokens are on it, but no socket has them: lost.")
    if iov.held is not None:
        lines.append(f"There have been tokens on it for {_age(iov.held)}.")
    return lines
