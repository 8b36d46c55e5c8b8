# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what a received packet costs: our provider, mainline's, ordinary TCP.

Runs rxbench in an instruction counting guest, prints the table, writes
build/bench/receive.json. Ends with status 1 if ours costs more of mainline's than
the bound.
"""

from typing import Any

import benchlib
import plot

# What is compared: name, kernel, where rxbench receives.
ARMS = (
    ("ours", "ppdevmem", "devmem"),
    ("mainline", "mainline", "devmem"),
    ("ordinary TCP", "ppdevmem", "host"),
)
PHASES = ("stack", "read", "give")

# What all of a packet may cost, of what it costs the mainline twin.
BOUND = 0.95

# What fits with an MTU of 1500.
PAYLOAD = 1448
SCRIPT = benchlib.REPO / "tests" / "bench" / "rxbench.sh"
TIMEOUT = 1200


def phase_costs(sample: dict[str, Any]) -> dict[str, float]:
    """Turn what rxbench measured into instructions per packet."""
    benchlib.check_clock(sample)
    result = {
        phase: (benchlib.typical(sample[phase]) - sample["empty"]) / sample["packets"]
        for phase in PHASES
    }
    if not sample["tokens"]:
        result["give"] = 0.0
    result["total"] = sum(result.values())
    result["use"] = (benchlib.typical(sample["use"]) - sample["empty"]) / sample["packets"]
    result["payload"] = sample["bytes"] / sample["packets"]
    return result


def costs(output: str) -> dict[str, float]:
    """Turn what rxbench prints into instructions per packet."""
    (sample,) = benchlib.json_lines(output)
    return phase_costs(sample)


def to_twin(ours: dict[str, float], twin: dict[str, float]) -> float:
    """Tell what a packet costs, of what it costs the twin."""
    return ours["total"] / twin["total"]


def measure(name: str, flavor: str, memory: str, payload: int = PAYLOAD) -> dict[str, Any]:
    """Run one arm."""
    benchlib.say(f"receive path, {payload} bytes in a packet: {name}")
    output = benchlib.guest(flavor, [SCRIPT, memory, str(payload)], TIMEOUT)
    return {"name": name, "kernel": benchlib.kernel_version(flavor), **costs(output)}


def show(result: dict[str, Any]) -> str:
    """Make the table: instructions per packet."""
    head = ["", "driver and stack", "recvmsg", "token return", "total", "to ours"]
    ours = result["arms"][0]["total"]
    rows = []
    for arm in result["arms"]:
        figures = [benchlib.figure(arm[phase]) for phase in (*PHASES, "total")]
        rows.append([arm["name"], *figures, f"{arm['total'] / ours:.3f}"])
    return benchlib.table(head, rows)


def draw(arms: list[dict[str, Any]]) -> str:
    """Plot the parts of a packet's cost."""
    bars = [plot.Bar(arm["name"], [arm[phase] for phase in PHASES]) for arm in arms]
    parts = ["driver and stack", "recvmsg", "token return"]
    return plot.stacked("Receiving one packet", "instructions", parts, bars)


def markdown(result: dict[str, Any]) -> str:
    """Write the section of the report."""
    return f"""
## Receive path

TCP over devmemsim, {result["arms"][0]["payload"]:.0f} bytes of payload in each packet, 60 packets
at a time; instructions per packet. "driver and stack" is from the driver's poll to the
socket, acknowledgments included, and with it the copy that devmemsim makes in place of
hardware. "ordinary TCP" is a queue of the same device and kernel that is not bound.

{show(result)}

![Instructions per packet, by part](bench-receive.svg)
"""


def main() -> int:
    """Run the bench."""
    arms = [measure(*arm) for arm in ARMS]
    result: dict[str, Any] = {"unit": "instructions per packet", "arms": arms}
    result["markdown"] = markdown(result)
    result["plots"] = {"bench-receive.svg": draw(arms)}
    benchlib.save("receive", result)
    print(f"Instructions per packet of {arms[0]['payload']:.0f} bytes of payload:\n")
    print(show(result))
    ratio = to_twin(arms[0], arms[1])
    verdict = "ok" if ratio <= BOUND else "TOO MUCH"
    print(f"\nours is {ratio:.3f} of mainline (at most {BOUND}): {verdict}")
    return 0 if ratio <= BOUND else 1


if __name__ == "__main__":
    benchlib.run(main)
