# SPDX-License-Identifier: GPL-2.0-or-later
"""drgn_list.py METHOD DUMP VMLINUX: list all iovs of a dump in one of three ways.

Prints a JSON object: CPU seconds to open the dump and to list, how many iovs,
and a checksum of what was listed, which must be the same for each way.
"""

import json
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "drgn"))

from drgn import Program, cast  # noqa: E402
from drgn.helpers.linux.xarray import xa_for_each  # noqa: E402
from drgn_devmem.iovs import Devmem  # noqa: E402
from drgn_devmem.target import open_target  # noqa: E402

# index, offset in the dma-buf, DMA address, page pool, references, tokens
Row = tuple[int, int, int, int, int, int]


def bulk(prog: Program) -> Iterator[Row]:
    """With the helpers of tools/drgn."""
    devmem = Devmem(prog)
    for binding in devmem.bindings:
        for block in devmem.iov_blocks(binding):
            yield from zip(
                block.index, block.offset, block.dma, block.pool, block.refs, block.tokens
            )


def plain(prog: Program) -> Iterator[Row]:
    """As one writes it in drgn: one object at a time."""
    for _, entry in xa_for_each(prog["net_devmem_dmabuf_bindings"].address_of_()):
        binding = cast("struct net_devmem_dmabuf_binding *", entry)
        for i in range(binding.num_iovs.value_()):
            iov = binding.iovs[i]
            area = iov.niov.owner
            first = (iov.address_of_() - area.iovs) * 4096
            yield (
                i,
                (area.base_virtual + first).value_(),
                (area.base_dma_addr + first).value_(),
                iov.niov.pp.value_(),
                iov.niov.pp_ref_count.counter.value_(),
                iov.user_tokens.counter.value_(),
            )


def careful(prog: Program) -> Iterator[Row]:
    """One object at a time, but each read once, and what they share kept."""
    for _, entry in xa_for_each(prog["net_devmem_dmabuf_bindings"].address_of_()):
        binding = cast("struct net_devmem_dmabuf_binding *", entry).read_()
        iovs = binding.iovs.read_()
        areas = {}
        for i in range(binding.num_iovs.value_()):
            iov = iovs[i].read_()
            owner = iov.niov.owner.value_()
            if owner not in areas:
                area = iov.niov.owner[0].read_()
                start = (area.iovs - binding.iovs).value_()
                areas[owner] = start, area.base_virtual.value_(), area.base_dma_addr.value_()
            start, offset, dma = areas[owner]
            yield (
                i,
                offset + (i - start) * 4096,
                dma + (i - start) * 4096,
                iov.niov.pp.value_(),
                iov.niov.pp_ref_count.counter.value_(),
                iov.user_tokens.counter.value_(),
            )


def main() -> None:
    """List, and say how long it took."""
    method, dump, vmlinux = sys.argv[1:]
    methods = {"bulk": bulk, "plain": plain, "careful": careful}
    start = time.process_time()
    prog = open_target(dump, [vmlinux])
    opened = time.process_time()
    rows = list(methods[method](prog))
    listed = time.process_time()
    text = "\n".join(map(repr, rows))
    result = {
        "open": opened - start,
        "list": listed - opened,
        "iovs": len(rows),
        "checksum": zlib.crc32(text.encode()),
    }
    print(json.dumps(result))


main()
