# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what a byte costs where a packet fills an iov, beside ordinary TCP.

Runs rxbench in an instruction counting guest with an MTU by which each packet carries
4,096 bytes into one iov, prints the table, writes build/bench/full_iov.json. Ends with
status 1 if a byte costs more than on the same queue unbound.
"""

from typing import Any

import benchlib
import receive

PAYLOAD = 4096

# What a byte may cost, of what it costs ordinary TCP.
BOUND = 1.0

Arm = dict[str, Any]


def per_byte(arm: Arm, used: bool) -> float:
    """Tell what a byte costs, up to the return of its token; or with a look at it, too."""
    cost: float = arm["total"] + (arm["use"] if used else 0)
    return cost / PAYLOAD


def show(arms: list[Arm]) -> str:
    """Make the table."""
    phases = ["driver and stack", "recvmsg", "token return", "per packet"]
    head = ["", *phases, "per byte", "to ordinary TCP", "per byte, read", "to ordinary TCP"]
    ordinary = arms[-1]
    rows = []
    for arm in arms:
        row = [arm["name"]]
        row += [benchlib.figure(arm[phase]) for phase in (*receive.PHASES, "total")]
        for used in (False, True):
            cost = per_byte(arm, used)
            row += [f"{cost:.4f}", f"{cost / per_byte(ordinary, used):.3f}"]
        rows.append(row)
    return benchlib.table(head, rows)


def markdown(result: dict[str, Any]) -> str:
    """Write the section of the report."""
    return f"""
## A payload that fills an iov

The same with an MTU of {PAYLOAD + 52}, so that each packet carries {PAYLOAD:,} bytes, into one iov:
instructions per packet, and per byte of payload. "read" is with a look at each word of the
payload where it is then: in the buffer that recvmsg copied it to, or in the dma-buf, between
the two `DMA_BUF_IOCTL_SYNC` that each message takes. Run it alone by `tests/bench/run full_iov`.

{show(result["arms"])}

A copy counts as one instruction for eight bytes here, so the {PAYLOAD:,} that ordinary TCP's
recvmsg copies and devmem's does not are {PAYLOAD // 8} instructions; on hardware they are mostly memory
traffic.
"""


def main() -> int:
    """Run the bench."""
    arms = [receive.measure(*arm, PAYLOAD) for arm in receive.ARMS]
    result: dict[str, Any] = {"unit": "instructions per packet", "payload": PAYLOAD, "arms": arms}
    result["markdown"] = markdown(result)
    benchlib.save("full_iov", result)
    print(f"Instructions per packet of {PAYLOAD} bytes of payload:\n")
    print(show(arms))
    ratio = per_byte(arms[0], False) / per_byte(arms[-1], False)
    verdict = "ok" if ratio <= BOUND else "TOO MUCH"
    print(f"\na byte costs {ratio:.3f} of ordinary TCP's (at most {BOUND}): {verdict}")
    return 0 if ratio <= BOUND else 1


if __name__ == "__main__":
    benchlib.run(main)
