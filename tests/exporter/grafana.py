#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Look at a Grafana dashboard without Grafana.

    grafana.py check DASHBOARD       what Grafana needs to load and lay it out is there
    grafana.py ask DASHBOARD URL     ask the Prometheus at URL each query, as Grafana would

The second says which queries Prometheus refuses, and which have no answer.
"""

import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

WIDTH = 24
VARIABLES = {
    "$__rate_interval": "20s",
    "$instance": ".*",
    "$device": ".*",
    "$binding": ".*",
}


def expressions(dashboard: dict[str, Any]) -> list[str]:
    """Return what all panels ask."""
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def overlap(one: dict[str, int], two: dict[str, int]) -> bool:
    """Whether two places on the grid have a cell in common."""
    return (
        one["x"] < two["x"] + two["w"]
        and two["x"] < one["x"] + one["w"]
        and one["y"] < two["y"] + two["h"]
        and two["y"] < one["y"] + one["h"]
    )


def check(dashboard: dict[str, Any]) -> None:
    """Fail on what Grafana would not say until someone looks."""
    panels = dashboard["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids), "panel ids are unique"
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert {"datasource", "instance", "device", "binding"} <= variables, "variables"
    assert dashboard["uid"] and dashboard["title"] and dashboard["schemaVersion"] >= 36
    for i, panel in enumerate(panels):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH, f"{panel['title']} is on the grid"
        for other in panels[:i]:
            assert not overlap(place, other["gridPos"]), f"{panel['title']}, {other['title']}"
        if panel["type"] == "row":
            continue
        assert panel["targets"], f"{panel['title']} asks for something"
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}", panel["title"]
    print(f"{len(panels)} panels")


def ask(dashboard: dict[str, Any], url: str) -> None:
    """Say which queries fail and which have no answer."""
    for expr in expressions(dashboard):
        for name, value in VARIABLES.items():
            expr = expr.replace(name, value)
        query = urllib.parse.urlencode({"query": expr})
        try:
            with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=60) as answer:
                result = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            print(f"failed: {expr}: {error.read().decode()}")
            continue
        print(f"{'answered' if result else 'empty'}: {expr}")


def main() -> None:
    """Do what the first argument says."""
    dashboard = json.loads(Path(sys.argv[2]).read_text())
    if sys.argv[1] == "check":
        check(dashboard)
    else:
        ask(dashboard, sys.argv[3])


if __name__ == "__main__":
    main()
