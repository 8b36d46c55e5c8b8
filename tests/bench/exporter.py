# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what devmem_exporter costs that watches all the time, and a scrape of it.

Runs rxbench in an instruction counting guest without the exporter and with it, ours and
mainline, and scrapes it on a host of more and more bindings. Prints the tables, writes
build/bench/exporter.json. Ends with status 1 if the receive path gets dearer than the
bounds.
"""

from typing import Any

import benchlib
import plot
import receive

# By how much the receive path may get dearer.
BOUNDS = {"ppdevmem": 0.01, "mainline": 0.05}

PATH_SCRIPT = benchlib.REPO / "tests" / "bench" / "exporter.sh"
SCRAPE_SCRIPT = benchlib.REPO / "tests" / "bench" / "scrape.sh"
TIMEOUT = 3600

# Prometheus comes so often; a processor runs so many instructions meanwhile if it is a slow one.
INTERVAL = 15
INSTRUCTIONS_PER_SECOND = 1e9

ALONE, WATCHED, EACH = "none", "devmem_exporter", "devmem_exporter --histograms"


def measure(flavor: str) -> dict[str, Any]:
    """Run all arms on a kernel."""
    benchlib.say(f"the exporter on {benchlib.TITLES[flavor]}")
    lines = benchlib.json_lines(benchlib.guest(flavor, [PATH_SCRIPT], TIMEOUT))
    arms = {
        line["arm"]: {**receive.phase_costs(line["result"]), "scrape": line["scrape"]}
        for line in lines
    }
    return {"kernel": benchlib.kernel_version(flavor), "arms": arms}


def growth(kernel: dict[str, Any], name: str) -> float:
    """Tell by how much an arm makes the receive path dearer."""
    arms = kernel["arms"]
    return float(arms[name]["total"] / arms[ALONE]["total"] - 1)


def own_share(kernel: dict[str, Any], name: str) -> float:
    """Tell what part of a processor a scrape and a walk take, in each interval."""
    return float(kernel["arms"][name]["scrape"] / (INTERVAL * INSTRUCTIONS_PER_SECOND))


def measure_scrapes() -> list[dict[str, Any]]:
    """Scrape as bindings, queues, iovs and tokens grow."""
    benchlib.say("scrapes of more and more")
    return benchlib.json_lines(benchlib.guest("ppdevmem", [SCRAPE_SCRIPT], TIMEOUT))


def show(kernels: dict[str, Any]) -> str:
    """Make the table of the receive path."""
    head = [
        "kernel",
        "watched by",
        "instructions per packet",
        "dearer by",
        "scrape and walk",
        "share",
    ]
    rows = []
    for flavor, kernel in kernels.items():
        for name in (ALONE, WATCHED, EACH):
            arm = kernel["arms"][name]
            row = [benchlib.TITLES[flavor], name, benchlib.figure(arm["total"])]
            row.append(f"{growth(kernel, name):.2%}")
            row.append(f"{arm['scrape']:,}")
            row.append(f"{own_share(kernel, name):.4%}")
            rows.append(row)
    return benchlib.table(head, rows)


def show_scrapes(scenes: list[dict[str, Any]]) -> str:
    """Make the table of scrapes."""
    head = ["bindings", "queues", "iovs", "tokens", "series", "bytes", "instructions"]
    keys = ("bindings", "queues", "iovs", "tokens", "series", "bytes", "ns")
    return benchlib.table(head, [[f"{scene[key]:,}" for key in keys] for scene in scenes])


def draw(scenes: list[dict[str, Any]]) -> str:
    """Plot the cost of a scrape over the number of bindings."""
    points = [
        (s["bindings"], s["ns"]) for s in scenes if s["scene"] == "bindings" and s["bindings"]
    ]
    ticks = {float(x): str(x) for x, _ in points}
    line = plot.Line("a scrape", points)
    return plot.log_log("Scraping devmem_exporter", "bindings", "instructions", [line], ticks)


def markdown(result: dict[str, Any]) -> str:
    """Write the section of the report."""
    return f"""
## The exporter

What devmem_exporter adds to the receive path that it watches all the time, in instructions per
packet; and what a scrape and the look at all holders take that come every {INTERVAL} seconds,
in instructions and as a share of a processor that runs a thousand million in a second.

{show(result["kernels"])}

Without `--histograms` it looks at no token on ours, whose kernel counts them; on mainline at each
read that hands some out, some 15 packets here, and at nothing that comes back. An application that
reads packets one by one pays for each of them there.

A scrape grows with bindings, and not with what is in them (ours; a binding has one queue, if not
said otherwise):

{show_scrapes(result["scrapes"])}

![Instructions per scrape over the number of bindings](bench-scrape.svg)

Run it alone by `tests/bench/run exporter`.
"""


def main() -> int:
    """Run the bench."""
    kernels = {flavor: measure(flavor) for flavor in BOUNDS}
    scrapes = measure_scrapes()
    result: dict[str, Any] = {"unit": "instructions", "kernels": kernels, "scrapes": scrapes}
    result["markdown"] = markdown(result)
    result["plots"] = {"bench-scrape.svg": draw(scrapes)}
    benchlib.save("exporter", result)
    print(show(kernels))
    print()
    print(show_scrapes(scrapes))
    print()
    dear = False
    for flavor, bound in BOUNDS.items():
        added = growth(kernels[flavor], WATCHED) + own_share(kernels[flavor], WATCHED)
        dear |= added > bound
        verdict = "ok" if added <= bound else "TOO MUCH"
        print(f"{benchlib.TITLES[flavor]}: {added:.2%} in all (at most {bound:.0%}): {verdict}")
    return 1 if dear else 0


if __name__ == "__main__":
    benchlib.run(main)
