# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether guests may run on the processor itself (KVM) or have to be emulated (TCG).

That /dev/kvm is there does not say that it works: a machine that is itself a guest may have
one that starts no processor, or one that hangs. So a kernel is booted with it, once for
each boot of this machine, up to the point where it finds no root file system.
"""

import os
import subprocess
from pathlib import Path

DEVICE = Path("/dev/kvm")
# For what takes a second where it works.
PROBE_SECONDS = 20.0
_PROOF = "Unable to mount root fs"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def choose(kernel_dir: Path) -> tuple[str, str]:
    """Return QEMU's name of the way, and why it is not KVM if it is not.

    What was found is in the cache, below the machine's boot.
    """
    boot = _BOOT_ID.read_text().strip()
    found = Path(os.environ["PPDEVMEM_CACHE"]) / "kvm"
    try:
        known, _, why = found.read_text().strip().partition("\n")
    except FileNotFoundError:
        known = why = ""
    if known != boot:
        why = probe(DEVICE, kernel_dir / "bzImage")
        part = found.with_name(f".kvm.{os.getpid()}")
        part.write_text(f"{boot}\n{why}\n")
        part.rename(found)
    return ("tcg", why) if why else ("kvm", "")


def probe(device: Path, kernel: Path) -> str:
    """Return why KVM does not work here, or nothing if it does."""
    if not device.exists():
        return f"there is no {device}"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"{device} is not ours to use"
    argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"]
    argv += ["-machine", "q35", "-accel", "kvm", "-cpu", "max", "-smp", "2", "-m", "512"]
    argv += ["-no-reboot", "-serial", "stdio"]
    argv += ["-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
    try:
        qemu = subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"a kernel that was booted with it was not up after {PROBE_SECONDS:g} s"
    said = qemu.stdout.decode(errors="replace").strip().splitlines()
    if any(_PROOF in line for line in said):
        return ""
    last = said[-1].strip() if said else "QEMU said nothing"
    return f"a kernel that was booted with it did not come up: {last}"


def sentence(way: str, why: str) -> str:
    """Return what to tell about it."""
    return "guests run with KVM" if way == "kvm" else f"guests are emulated: {why}"
