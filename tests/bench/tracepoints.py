# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what the provider's tracepoints cost, off and on.

Off: the receive path against the same kernel built without them. On: each one
enabled alone in tracefs, by how much the action that it tells of gets dearer.
Prints the tables, writes build/bench/tracepoints.json. Ends with status 1 if
they cost the receive path more than the tolerance while they are off.
"""

from typing import Any

import benchlib
import receive

# What the tracepoints, off, may add to the receive path.
TOLERANCE = 0.001

# Where each event shows: the program and the phase that has it, and how many
# times a sample of that phase has it.
EVENTS = {
    "devmem_bind": ("allocbench", "bind", 1),
    "devmem_unbind": ("allocbench", "unbind", 1),
    "devmem_binding_free": ("allocbench", "unbind", 1),
    "devmem_queue_bind": ("allocbench", "bind", 1),
    "devmem_queue_unbind": ("allocbench", "unbind", 1),
    "devmem_iov_alloc": ("allocbench", "alloc", 64),
    "devmem_iov_release": ("allocbench", "release", 63),
    "devmem_exhausted": ("allocbench", "failure", 1),
    "devmem_pool_destroy": ("allocbench", "destroy", 1),
    "devmem_token_get": ("rxbench", "read", 60),
    "devmem_token_put": ("rxbench", "give", 60),
}
SCRIPT = benchlib.REPO / "tests" / "bench" / "events.sh"
TIMEOUT = 3600


def measure_off(traced: dict[str, float]) -> dict[str, Any]:
    """Compare the receive path with that of a kernel without tracepoints."""
    directory = benchlib.untraced_kernel()
    benchlib.say("receive path without tracepoints")
    without = receive.costs(benchlib.guest_on(directory, [receive.SCRIPT, "devmem"], TIMEOUT))
    return {"with": traced, "without": without, "growth": traced["total"] / without["total"] - 1}


def event_cost(name: str, lines: dict[str, dict[str, Any]]) -> float:
    """Tell by how many instructions an event makes its action dearer."""
    program, phase, times = EVENTS[name]
    off = benchlib.typical(lines[f"{program} none"][phase])
    on = benchlib.typical(lines[f"{program} {name}"][phase])
    return (on - off) / times


def measure_on() -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
    """Enable one event after the other; return their costs, and what was measured."""
    modules = benchlib.modules("ppdevmem")
    benchlib.say("each tracepoint on")
    runs = [f"{EVENTS[name][0]}:{name}" for name in EVENTS]
    command: benchlib.Words = [SCRIPT, modules, "rxbench:none", "allocbench:none", *runs]
    output = benchlib.json_lines(benchlib.guest("ppdevmem", command, TIMEOUT))
    lines = {f"{line['program']} {line['event']}": line["result"] for line in output}
    for line in lines.values():
        benchlib.check_clock(line)
    return {name: event_cost(name, lines) for name in EVENTS}, lines


def show_off(off: dict[str, Any]) -> str:
    """Make the table of the receive path, off against without."""
    head = ["instructions per packet", "driver and stack", "recvmsg", "token return", "total"]
    rows = []
    for name in ("with", "without"):
        figures = [f"{off[name][phase]:,.1f}" for phase in (*receive.PHASES, "total")]
        rows.append([f"{name} tracepoints", *figures])
    return benchlib.table(head, rows)


def show_on(events: dict[str, float]) -> str:
    """Make the table of costs per event."""
    rows = [[name, benchlib.figure(cost)] for name, cost in events.items()]
    return benchlib.table(["tracepoint", "instructions per event"], rows)


def markdown(result: dict[str, Any]) -> str:
    """Write the section of the report."""
    return f"""
## Tracepoints

Off, on the receive path: the kernel against the same kernel built without the provider's
tracepoints.

{show_off(result["off"])}

They add {result["off"]["growth"]:.2%}.

On, one at a time, recording into the ftrace ring buffer: by how much the action that the
event tells of gets dearer.

{show_on(result["on"])}
"""


def main() -> int:
    """Run the bench."""
    events, lines = measure_on()
    traced = receive.phase_costs(lines["rxbench none"])
    off = measure_off(traced)
    ok = off["growth"] <= TOLERANCE
    result: dict[str, Any] = {"unit": "instructions", "off": off, "on": events}
    result["markdown"] = markdown(result)
    benchlib.save("tracepoints", result)
    print("Receive path with all tracepoints off:\n")
    print(show_off(off))
    print(
        f"\noff, they add {off['growth']:.2%} (at most {TOLERANCE:.1%}): {'ok' if ok else 'TOO MUCH'}"
    )
    print("\nEach one on, recording into the ftrace ring buffer:\n")
    print(show_on(events))
    return 0 if ok else 1


if __name__ == "__main__":
    benchlib.run(main)
