# SPDX-License-Identifier: GPL-2.0-or-later
"""
Device memory of page pools, for drgn
=====================================

A page pool on device memory (a dma-buf that was bound to receive queues) has no
pages but I/O vectors, and where a skb's frag, a pool's ring or a socket's token
would have a ``struct page *`` it has an iov's address with the lowest bit set.
The helpers here take such words apart, on a live kernel and in a dump:

>>> from drgn_devmem import *
>>> netmem_is_net_iov(0xffff888004c41241)
True
>>> for binding in for_each_devmem_binding(prog):
...     print(binding.id, binding.dev.name)

They are written for drgn objects. For everything at once, and fast, there is
:class:`Devmem`.
"""

VERSION = "0.1"

from .helpers import *  # noqa: E402,F401,F403
from .helpers import __all__ as _helpers_all  # noqa: E402
from .iovs import Devmem, Iov, Word  # noqa: E402
from .layout import LayoutError  # noqa: E402
from .target import TargetError, load_types  # noqa: E402

__all__ = [
    "Devmem",
    "Iov",
    "LayoutError",
    "TargetError",
    "VERSION",
    "Word",
    "load_types",
    *_helpers_all,
]
