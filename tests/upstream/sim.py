#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel's own driver tests leave out, in their manner and with their library.

Runs in their directory.
"""

import base64
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, os.getcwd())
# pylint: disable=wrong-import-position
from lib.py import (  # type: ignore[import-not-found]
    EthtoolFamily,
    NetDrvEpEnv,
    bkg,
    cmd,
    defer,
    ethtool,
    ksft_eq,
    ksft_exit,
    ksft_ge,
    ksft_run,
    rand_port,
    wait_port_listen,
)


def counter(cfg: Any, name: str) -> int:
    """The sum of a counter over the queues."""
    lines = ethtool(f"-S {cfg.ifname}").stdout.splitlines()
    return sum(int(line.split()[1]) for line in lines if line.split(":")[0].endswith(f"_{name}"))


def receive(cfg: Any, size: int) -> int:
    """Receive so many bytes in one segment; how many packets were split?"""
    port = rand_port()
    before = counter(cfg, "split_packets")
    with bkg(f"socat -u TCP6-LISTEN:{port} OPEN:/dev/null", exit_wait=True):
        wait_port_listen(port)
        data = f"head -c {size} /dev/zero | socat -b {size} -u - TCP6:{cfg.baddr}:{port}"
        cmd(data, shell=True, host=cfg.remote)
    return counter(cfg, "split_packets") - before


def hds_thresh(cfg: Any) -> None:
    """Packets that are not longer than the threshold stay whole."""
    header = {"header": {"dev-index": cfg.ifindex}}
    ethnl = EthtoolFamily()
    ethnl.rings_set(header | {"tcp-data-split": "enabled", "hds-thresh": 1000})
    defer(ethnl.rings_set, header | {"tcp-data-split": "unknown", "hds-thresh": 0})
    ksft_eq(receive(cfg, 500), 0, "500 bytes below a threshold of 1000")
    ksft_eq(receive(cfg, 1200), 1, "1200 bytes above it")
    ethnl.rings_set(header | {"hds-thresh": 0})
    ksft_eq(receive(cfg, 500), 1, "500 bytes without a threshold")


def tx_stream(cfg: Any) -> None:
    """A stream from device memory arrives as it was, in packets as large as they go."""
    port = rand_port()
    # ncdevmem sends a line at a time, and segments are cut from lines of this length.
    lines = [base64.b64encode(os.urandom(30000)) + b"\n" for _ in range(20)]
    with tempfile.TemporaryDirectory() as name:
        sent, got = Path(name) / "sent", Path(name) / "got"
        sent.write_bytes(b"".join(lines))
        before = counter(cfg, "netmem")
        listen = f"socat -u TCP6-LISTEN:{port} OPEN:{got},creat"
        with bkg(listen, host=cfg.remote, exit_wait=True):
            wait_port_listen(port, host=cfg.remote)
            send = f"./ncdevmem -f {cfg.ifname} -s {cfg.remote_addr} -p {port} <{sent}"
            cmd(send, shell=True)
        ksft_eq(got.read_bytes() == sent.read_bytes(), True, "what arrived is what was sent")
        packets = sent.stat().st_size // 1500
        ksft_ge(counter(cfg, "netmem") - before, packets, "packets from device memory")


def main() -> None:
    """Run the cases."""
    with NetDrvEpEnv(__file__) as cfg:
        ksft_run([hds_thresh, tx_stream], args=(cfg,))
    ksft_exit()


if __name__ == "__main__":
    main()
