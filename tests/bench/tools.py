# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what each tool costs the traffic that it watches, beside bpftrace.

Runs rxbench in an instruction counting guest: alone, under each tool that attaches to
something, and under a bpftrace script that does the same job. Prints the table, writes
build/bench/tools.json.
"""

from dataclasses import dataclass
from typing import Any

import benchlib
import receive

SCRIPT = benchlib.REPO / "tests" / "bench" / "tools.sh"
TIMEOUT = 3600


@dataclass(frozen=True)
class Pair:
    """A tool, and what it is measured beside."""

    tool: str
    rival: str | None = None  # no script does the same job

    def arms(self) -> list[str]:
        """Name what tools.sh is to run."""
        return [self.tool, *([f"bt:{self.rival}"] if self.rival else [])]


# By kernel. What attaches to nothing costs only when it runs.
PAIRS = {
    "ppdevmem": (
        Pair("devmemsnoop", "tests/bench/bpftrace_events.bt"),
        Pair("devmemlat", "tools/bpftrace/devmem_hold.bt"),
        Pair("devmemtop", "tools/bpftrace/devmem_tokens.bt"),
        Pair("devmemtop:socket", "tools/bpftrace/devmem_tokens.bt"),
        Pair("devmemleak", "tests/bench/bpftrace_leaks.bt"),
    ),
    "mainline": (
        Pair("devmemlat", "tools/bpftrace/devmem_hold_stock.bt"),
        Pair("devmemtop", "tools/bpftrace/devmem_tokens_stock.bt"),
        Pair("devmemtop:socket", "tools/bpftrace/devmem_tokens_stock.bt"),
        Pair("devmemleak:unsampled"),
    ),
}
ONCE = Pair("devmemls", "tools/bpftrace/devmem_holders.bt")


@dataclass(frozen=True)
class Cost:
    """What a watcher adds, and what is left of the throughput."""

    kernel: float  # instructions per event, in the traffic's way
    own: float  # instructions per event that the watcher itself ran
    throughput: float  # to that without, on one processor


def cost(alone: dict[str, Any], arm: dict[str, Any]) -> Cost:
    """Compare an arm with rxbench alone."""
    off = receive.phase_costs(alone["result"])
    on = receive.phase_costs(arm["result"])
    # Each packet's token is handed out and comes back.
    added = on["total"] - off["total"]
    own = arm["own"] / arm["result"]["tokens"]
    return Cost(added / 2, own / 2, off["total"] / (on["total"] + own))


def measure(flavor: str) -> dict[str, Any]:
    """Run all arms on a kernel."""
    pairs = PAIRS[flavor]
    arms = ["none"]
    for pair in pairs:
        arms += [arm for arm in pair.arms() if arm not in arms]
    if flavor == "ppdevmem":
        arms += [f"once:{arm}" for arm in (ONCE.tool, ONCE.rival)]
    benchlib.say(f"tools on {benchlib.TITLES[flavor]}: {', '.join(arms)}")
    output = benchlib.json_lines(benchlib.guest(flavor, [SCRIPT, *arms], TIMEOUT))
    lines = {line["arm"]: line for line in output}
    costs = {
        arm: cost(lines["none"], line).__dict__
        for arm, line in lines.items()
        if line.get("own") is not None
    }
    once = {arm[5:]: line["once"] for arm, line in lines.items() if "once" in line}
    return {"kernel": benchlib.kernel_version(flavor), "costs": costs, "once": once}


def show(result: dict[str, Any]) -> str:
    """Make the table."""
    head = [
        "kernel",
        "watched by",
        "in its way",
        "own",
        "in all",
        "throughput",
        "times the tool",
    ]
    rows = []
    for flavor, pairs in PAIRS.items():
        costs = result["kernels"][flavor]["costs"]
        for pair in pairs:
            tool = costs[pair.tool]
            for arm in pair.arms():
                c = costs[arm]
                total = c["kernel"] + c["own"]
                alone = tool["kernel"] + tool["own"]
                rows.append(
                    [
                        benchlib.TITLES[flavor],
                        arm.removeprefix("bt:").rsplit("/", 1)[-1],
                        benchlib.figure(c["kernel"]),
                        benchlib.figure(c["own"]),
                        benchlib.figure(total),
                        f"{c['throughput']:.3f}",
                        # (what costs nothing measures as noise around zero)
                        f"{total / alone:.2f}" if alone >= 1 else "-",
                    ]
                )
    return benchlib.table(head, rows)


def show_once(result: dict[str, Any]) -> str:
    """Say what a listing costs."""
    once = result["kernels"]["ppdevmem"]["once"]
    ours, rival = once[ONCE.tool] / 1e6, once[str(ONCE.rival)] / 1e6
    name = str(ONCE.rival).rsplit("/", 1)[-1]
    return (
        f"devmemls attaches to nothing; one run, from its start to its end, takes {ours:,.0f} "
        f"million instructions, and {name} {rival:,.0f} million ({rival / ours:.1f} times)."
    )


def markdown(result: dict[str, Any]) -> str:
    """Write the section of the report."""
    return f"""
## Tools

What a tool costs the receive path while it watches, beside a bpftrace script that does the same
job: instructions per event. An event is a token handed out or given back, two for each packet. "in
its way" is what the path itself gets longer by, "own" what the tool's process ran meanwhile,
"throughput" the rate of packets to that without a tool if all of it is on one processor; the
path does nothing but receive, which no application does, so it is the worst case.

{show(result)}

devmemtop is by binding, then by socket; devmemleak with --sample, "unsampled" without. By binding it
has no program on ours, whose kernel counts; elsewhere it counts where a read's tokens are handed
out, all of them at once, as the scripts for mainline do. devmemsnoop prints when, device, queue,
reader's pid and name of each event, which is most of its own cost.

{show_once(result)} Run it alone by `make bench-tools`.
"""


def main() -> int:
    """Run the bench."""
    result: dict[str, Any] = {
        "unit": "instructions per event",
        "kernels": {flavor: measure(flavor) for flavor in PAIRS},
    }
    result["markdown"] = markdown(result)
    benchlib.save("tools", result)
    print("Instructions per event:\n")
    print(show(result))
    print(f"\n{show_once(result)}")
    return 0


if __name__ == "__main__":
    benchlib.run(main)
