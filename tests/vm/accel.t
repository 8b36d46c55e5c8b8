#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""When KVM is used. In place of QEMU runs a script that does what it does where KVM fails."""

import os
import tempfile
from pathlib import Path

import accel

PANIC = "[    0.9] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"


class Scene:
    """A QEMU of our own on PATH, a cache of our own, and test points."""

    def __init__(self, tmp: Path) -> None:
        self.tmp = tmp
        self.count = 0
        self.failed = 0
        self.device = tmp / "kvm-device"
        self.device.touch()
        os.environ["PATH"] = f"{tmp}:{os.environ['PATH']}"
        os.environ["PPDEVMEM_CACHE"] = str(tmp)

    def qemu(self, script: str) -> None:
        """Let QEMU be this; it notes that it was run."""
        path = self.tmp / "qemu-system-x86_64"
        path.write_text(f"#!/bin/sh\necho run >>{self.tmp}/runs\n{script}\n")
        path.chmod(0o755)

    def runs(self) -> int:
        """Return how often QEMU was run."""
        path = self.tmp / "runs"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def probe(self) -> str:
        """Ask anew."""
        return accel.probe(self.device, self.tmp / "bzImage")

    def is_(self, got: object, want: object, description: str) -> None:
        """Print a test point."""
        self.count += 1
        self.failed += got != want
        print(f"{'ok' if got == want else 'not ok'} {self.count} - {description}")
        if got != want:
            print(f"# got {got!r}, wanted {want!r}")


def check(scene: Scene) -> None:
    """Try the ways in which KVM may be there."""
    scene.qemu(f'echo "{PANIC}"')
    scene.is_(scene.probe(), "", "a kernel that gets as far as its root file system proves it")
    scene.qemu('echo "failed to initialize kvm: Permission denied"; exit 1')
    why = "a kernel that was booted with it did not come up: "
    scene.is_(
        scene.probe(),
        f"{why}failed to initialize kvm: Permission denied",
        "what QEMU said is why it is not used",
    )
    scene.qemu('echo "[    0.0] Linux version 6.12"; kill -SEGV $$')
    scene.is_(
        scene.probe(), f"{why}[    0.0] Linux version 6.12", "a kernel that only begins is none"
    )
    scene.qemu("exit 1")
    scene.is_(scene.probe(), f"{why}QEMU said nothing", "nor is one that says nothing")
    accel.PROBE_SECONDS = 0.2
    scene.qemu("exec sleep 1000")
    scene.is_(
        scene.probe(),
        "a kernel that was booted with it was not up after 0.2 s",
        "nor one that hangs",
    )
    absent = scene.tmp / "absent"
    before = scene.runs()
    scene.is_(accel.probe(absent, absent), f"there is no {absent}", "without the device")
    scene.is_(scene.runs(), before, "nothing is tried")

    accel.DEVICE = scene.device
    scene.qemu(f'echo "{PANIC}"')
    scene.is_(accel.choose(scene.tmp), ("kvm", ""), "where it works it is used")
    scene.qemu("exit 1")
    scene.is_(accel.choose(scene.tmp), ("kvm", ""), "and not asked again")
    (scene.tmp / "kvm").write_text("another boot\n\n")
    scene.is_(accel.choose(scene.tmp)[0], "tcg", "until the machine boots again")
    scene.qemu(f'echo "{PANIC}"')
    scene.is_(accel.choose(scene.tmp), ("tcg", f"{why}QEMU said nothing"), "nor is a no")


def main() -> None:
    """Run all in a directory that goes away."""
    with tempfile.TemporaryDirectory() as tmp:
        scene = Scene(Path(tmp))
        check(scene)
    print(f"1..{scene.count}")
    raise SystemExit(scene.failed > 0)


if __name__ == "__main__":
    main()
