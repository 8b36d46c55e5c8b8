#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot a kernel in QEMU, run one command in it, report what became of it.

The inner half of scripts/vm, which documents the options: runs in the sysroot,
which is also what the guest boots from, by way of an image.
"""

import argparse
import json
import os
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import accel
import splat
import tsc

STATUS_SPLAT = 99
STATUS_TIMEOUT = 124
STATUS_BROKEN = 125

# A processor that is emulated moves strings byte by byte, which no real one does
# that claims to be fast at it. Without these claims the kernel moves words.
CPU = "max,erms=off,fsrm=off,fsrs=off,fsrc=off,fzrm=off"


@dataclass(frozen=True)
class Machine:
    """What QEMU plays."""

    qemu: str
    name: str
    cpu: str
    console: str


PC = Machine("qemu-system-x86_64", "q35", CPU, "ttyS0")
# Pointers that are signed as the architecture says cost an emulator half of its time.
ARM64 = Machine("qemu-system-aarch64", "virt", "max,pauth-impdef=on", "ttyAMA0")

# What the guest boots from, of the sysroot that this runs in, or of the foreign tree.
IMAGE = "guest.erofs"

END_OF_RUN = b"ppdevmem: end of run"

# Of a helper's arguments, the one that is its own name: see spawn().
HELPER_WORD = 3
# How long a helper may take to be gone, after it closed what it had open.
DYING_SECONDS = 5


class GuestError(Exception):
    """The guest could not be run; the message says why."""


class Timeout(Exception):
    """The time allowed is over."""


class NoReader(Exception):
    """Nobody reads the command's output any more."""


def say(message: str) -> None:
    """Print a message about the run itself."""
    print(f"vm: {message}", file=sys.stderr, flush=True)


def ending(child: subprocess.Popen[bytes]) -> str:
    """Return how a helper that ended did."""
    assert isinstance(child.args, list)
    # What setpriv runs
    name = Path(child.args[HELPER_WORD]).name
    if child.returncode >= 0:
        return f"{name} ended with status {child.returncode}"
    try:
        return f"{name} was ended by {signal.Signals(-child.returncode).name}"
    except ValueError:
        return f"{name} was ended by signal {-child.returncode}"


def spawn(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a helper that dies with this process, however that ends."""
    with open(log, "ab") as sink:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            # Not in our process group: Ctrl-C is for us to handle.
            start_new_session=True,
        )


class Qmp:
    """The control socket of QEMU, as far as it is needed here."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""
        self._pending: list[dict[str, Any]] = []
        self._receive()
        self.execute("qmp_capabilities")

    def fileno(self) -> int:
        """Return the file descriptor, for select."""
        return self._sock.fileno()

    def _receive(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            data = self._sock.recv(65536)
            if not data:
                raise ConnectionError("QEMU closed its control socket")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run a command and return its result."""
        request = {"execute": command, "arguments": arguments}
        self._sock.sendall(json.dumps(request).encode() + b"\n")
        while True:
            reply = self._receive()
            if "return" in reply:
                return reply["return"]
            if "error" in reply:
                raise GuestError(f"QEMU refused {command}: {reply['error']['desc']}")
            self._pending.append(reply)

    def events(self) -> list[str]:
        """Return the names of the events that have come; call when readable."""
        if not self._pending:
            self._pending.append(self._receive())
        while b"\n" in self._buffer:
            self._pending.append(self._receive())
        names = [message.get("event", "") for message in self._pending]
        self._pending.clear()
        return names


class Guest:
    """One boot, to run one command."""

    def __init__(self, args: argparse.Namespace, deadline: float, again: bool) -> None:
        self.args = args
        self.machine = ARM64 if args.foreign else PC
        self.repo = Path(os.environ["PPDEVMEM_REPO"])
        self.rundir = Path(tempfile.mkdtemp(prefix="vm.", dir="/run"))
        logs = self.repo / "build" / "vm"
        logs.mkdir(parents=True, exist_ok=True)
        self.console = logs / f"{args.flavor}-{os.getpid()}{'-again' if again else ''}.log"
        self.console.write_bytes(b"")
        self.helpers = self.rundir / "helpers.log"
        self.children: list[subprocess.Popen[bytes]] = []
        self.deadline = deadline
        # Whether its init ran, and how the command ended.
        self.begun = False
        # Who gets our standard input then: not a boot that dies before, it would be lost.
        self.fed: socket.socket | None = None
        self.status: int | None = None

    def close(self) -> None:
        """End every helper and remove the run's directory."""
        for child in reversed(self.children):
            child.kill()
            child.wait()
        shutil.rmtree(self.rundir, ignore_errors=True)

    def remaining(self) -> float:
        """Return the seconds left."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Timeout
        return left

    def _prepare(self) -> None:
        """Write what vm-init reads."""
        environment = {
            "PPDEVMEM_REPO": str(self.repo),
            "PPDEVMEM_BUILD": str(self.repo / "build" / ("arm64" if self.args.foreign else "")),
            "PPDEVMEM_CACHE": os.environ["PPDEVMEM_CACHE"],
            "PPDEVMEM_FLAVOR": self.args.flavor,
            "PPDEVMEM_MODULES": str(self.args.kernel_dir / "lib" / "modules"),
            "PPDEVMEM_CWD": os.getcwd(),
            "PPDEVMEM_COMMAND": shlex.join(self.args.command),
        }
        lines = [f"{k}={shlex.quote(v)}\n" for k, v in environment.items()]
        (self.rundir / "env").write_text("".join(lines))
        (self.rundir / "fstab").write_text(self._fstab())
        shutil.copy(self.repo / "scripts" / "vm-init", self.rundir / "init")
        (self.repo / "build" / "out").mkdir(exist_ok=True)

    def _fstab(self) -> str:
        """Return what vm-init mounts, in order."""
        # The sysroot with everything that is mounted there is at /boot, for as long as
        # this takes. What is under /tmp, /run or /root comes after them; root's home
        # would let nobody else to a repository in it.
        shared = (self.repo, Path(os.environ["PPDEVMEM_CACHE"]))
        rows: list[tuple[str, str | Path, str, str]] = [
            ("proc", "/proc", "proc", "defaults"),
            ("sys", "/sys", "sysfs", "defaults"),
            ("devpts", "/dev/pts", "devpts", "gid=5,mode=620,ptmxmode=666,X-mount.mkdir"),
            ("shm", "/dev/shm", "tmpfs", "X-mount.mkdir"),
            ("debug", "/sys/kernel/debug", "debugfs", "defaults"),
            ("trace", "/sys/kernel/tracing", "tracefs", "defaults"),
            ("bpf", "/sys/fs/bpf", "bpf", "defaults"),
            ("cgroup", "/sys/fs/cgroup", "cgroup2", "defaults"),
            ("tmp", "/tmp", "tmpfs", "mode=1777"),
            ("run", "/run", "tmpfs", "mode=755"),
            ("home", "/root", "tmpfs", "mode=755"),
        ]
        rows += [(f"/boot{path}", path, "none", "bind,X-mount.mkdir") for path in shared]
        rows += [
            ("out", self.repo / "build" / "out", "virtiofs", "defaults"),
            (f"/boot{self.args.kernel_dir}/lib/modules", "/usr/lib/modules", "none", "bind"),
        ]
        return "".join(
            " ".join(str(field).replace(" ", "\\040") for field in row) + "\n" for row in rows
        )

    def _check_children(self) -> None:
        if any(child.poll() is not None for child in self.children):
            raise GuestError(self.autopsy())

    def autopsy(self) -> str:
        """Return which helpers ended, how, and what all of them wrote.

        With QEMU its file servers end, and on a busy host may be seen to before it.
        """
        end = time.monotonic() + DYING_SECONDS
        while time.monotonic() < end and any(child.poll() is None for child in self.children):
            time.sleep(0.02)
        dead = [ending(child) for child in self.children if child.poll() is not None]
        wrote = ""
        if self.helpers.exists():
            wrote = self.helpers.read_text(errors="replace").strip()
        said = f", after saying:\n{wrote}" if wrote else " and said nothing"
        return (", ".join(dead) or "QEMU and its file servers still run") + said

    def _share(self, tag: str, directory: Path, *options: str) -> list[str]:
        """Serve a directory; return QEMU's options for it."""
        path = self.rundir / f"{tag}.fs"
        self.children.append(
            spawn(
                ["/usr/libexec/virtiofsd", "--sandbox", "none", "--log-level", "error"]
                + ["--shared-dir", str(directory), "--socket-path", str(path), *options],
                self.helpers,
            )
        )
        while not path.exists():
            self._check_children()
            self.remaining()
            time.sleep(0.01)
        chardev = f"socket,id={tag}fs,path={path}"
        return ["-chardev", chardev, "-device", f"vhost-user-fs-pci,chardev={tag}fs,tag={tag}"]

    def _append(self) -> str:
        words = [
            f"console={self.machine.console} loglevel=7 oops=panic panic=-1",
            # An emulated processor on a busy host is slow, not stuck.
            "rcupdate.rcu_cpu_stall_timeout=60",
        ]
        if self.machine is ARM64:
            # For arm64-init
            words += [f"vm_init={self.rundir}/init"]
        else:
            # Counting instructions, each is a nanosecond.
            tsc_khz = 1_000_000 if self.args.icount else tsc.khz()
            words += [
                f"root=root rootfstype=virtiofs ro init={self.rundir}/init",
                f"no_timer_check tsc=reliable tsc_early_khz={tsc_khz}",
            ]
        return " ".join(words + [self.args.append])

    def _qemu(self, shares: list[str], listeners: dict[str, socket.socket]) -> None:
        args = self.args
        machine = self.machine
        argv = [machine.qemu, "-nodefaults", "-no-user-config", "-display", "none"]
        # Instructions are counted by whoever emulates them.
        emulated = args.icount or args.foreign
        how = "tcg" if emulated else accel.choose(args.kernel_dir)[0]
        argv += ["-machine", f"{machine.name},memory-backend=mem"]
        argv += ["-cpu", machine.cpu, "-accel", how]
        argv += ["-smp", "1" if args.icount else str(args.cpus), "-m", str(args.mem)]
        argv += ["-object", f"memory-backend-memfd,id=mem,size={args.mem}M,share=on"]
        argv += ["-kernel", str(args.kernel_dir / "bzImage"), "-append", self._append()]
        argv += ["-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console"]
        # A guest that ends by itself is kept, so that it can be dumped.
        argv += ["-action", "reboot=shutdown,shutdown=pause"]
        argv += ["-device", "vmcoreinfo", "-device", "virtio-serial-pci"]
        image = (args.foreign or Path("/boot")) / IMAGE
        argv += ["-drive", f"file={image},format=raw,readonly=on,if=none,id=image"]
        argv += ["-device", "virtio-blk-pci,drive=image"]
        if args.foreign:
            argv += ["-initrd", str(args.kernel_dir / "initrd")]
        if args.icount:
            argv += ["-icount", "shift=0,sleep=off", "-seed", "1"]
        for name in listeners:
            argv += ["-chardev", f"socket,id={name},path={self.rundir}/{name}"]
            if name == "qmp":
                argv += ["-mon", "chardev=qmp,mode=control"]
            else:
                argv += ["-device", f"virtserialport,chardev={name},name={name}"]
        self.children.append(spawn(argv + shares, self.helpers))

    def _listen(self, name: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.rundir / name))
        listener.listen(1)
        listener.settimeout(0.1)
        return listener

    def _accept(self, listener: socket.socket) -> socket.socket:
        while True:
            try:
                connection, _ = listener.accept()
                connection.setblocking(True)
                return connection
            except TimeoutError:
                self._check_children()
                self.remaining()

    def run(self) -> None:
        """Boot, run the command, relay its output; sets status when it ended."""
        self._prepare()
        shares = self._share("root", Path("/"), "--readonly", "--cache", "always")
        shares += self._share("out", self.repo / "build" / "out", "--cache", "auto")
        names = ["ctl", "out", "err", "qmp"] + (["in"] if self.args.stdin else [])
        listeners = {name: self._listen(name) for name in names}
        self._qemu(shares, listeners)
        sockets = {name: self._accept(listener) for name, listener in listeners.items()}
        qmp = Qmp(sockets["qmp"])
        self.fed = sockets.pop("in", None)
        self._relay(sockets, qmp)

    def _relay(self, sockets: dict[str, socket.socket], qmp: Qmp) -> None:
        """Pass the output on until the guest is done or dead."""
        selector = selectors.DefaultSelector()
        for name, sock in sockets.items():
            selector.register(sock, selectors.EVENT_READ, name)
        sinks = {"out": 1, "err": 2}
        control = b""
        finished = False
        while True:
            # Once the guest is done, what is left is in the sockets already.
            events = selector.select(0 if finished else min(1.0, self.remaining()))
            if finished and not events:
                break
            for key, _ in events:
                name = key.data
                if name == "qmp":
                    if "SHUTDOWN" in qmp.events():
                        self._dump(qmp)
                        finished = True
                    continue
                data = sockets[name].recv(65536)
                if not data:
                    selector.unregister(sockets[name])
                elif name == "ctl":
                    control += data
                    *lines, control = control.split(b"\n")
                    finished |= self._control(lines, sockets["ctl"], qmp)
                else:
                    write_all(sinks[name], data)
            if not events:
                self._check_children()
        if self.status is not None:
            self._wait_for_console()

    def _control(self, lines: list[bytes], sock: socket.socket, qmp: Qmp) -> bool:
        """Act on what vm-init says; return whether it is done."""
        for line in lines:
            if line == b"begun":
                self.begun = True
                if self.fed:
                    threading.Thread(target=feed, args=(self.fed,), daemon=True).start()
            elif line.startswith(b"ended "):
                self.status = int(line.split()[1])
                self._dump(qmp)
                sock.sendall(b"go\n")
            elif line == b"finished":
                return True
        return False

    def _dump(self, qmp: Qmp) -> None:
        """Take the dump of the guest's memory, if one is wanted."""
        if self.args.vmcore is None or self.args.vmcore.exists():
            return
        partial = self.args.vmcore.with_name(self.args.vmcore.name + ".part")
        qmp.execute("dump-guest-memory", paging=False, protocol=f"file:{partial}")
        partial.rename(self.args.vmcore)

    def _wait_for_console(self) -> None:
        """Wait until the console log has all that the kernel said."""
        while END_OF_RUN not in self.console.read_bytes():
            self.remaining()
            self._check_children()
            time.sleep(0.02)

    def splat(self) -> list[str]:
        """Return the kernel's complaints on the console, with what follows them."""
        text = self.console.read_bytes().decode(errors="replace")
        return splat.find(text.replace("\r", "").split("\n"))


def feed(sock: socket.socket) -> None:
    """Pass our standard input on, until it ends or nobody wants it."""
    try:
        while data := os.read(0, 65536):
            sock.sendall(data)
    except OSError:
        pass
    sock.close()


def write_all(fd: int, data: bytes) -> None:
    """Write everything."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except BrokenPipeError as error:
        raise NoReader from error


def attempt(guest: Guest) -> int:
    """Run the guest and return the exit status for it."""
    status = STATUS_BROKEN
    try:
        guest.run()
        if guest.status is not None:
            status = guest.status
        else:
            say("the guest ended before the command did")
    except Timeout:
        say(f"no end after {guest.args.timeout} s, stopped; see --timeout")
        status = STATUS_TIMEOUT
    except GuestError as error:
        say(str(error))
    except ConnectionError as error:
        say(f"{error}: {guest.autopsy()}")
    finally:
        guest.close()
    found = guest.splat()
    if found:
        print("\n".join(found), file=sys.stderr)
        say(f"the kernel complained: status {STATUS_SPLAT}, not {status}")
        status = STATUS_SPLAT
    return status


def note_retry(guest: Guest) -> None:
    """Tell of a boot that is tried again, also to whoever counts them."""
    say(f"that was before init ran, so the boot is tried again; its console: {guest.console}")
    if counter := os.environ.get("PPDEVMEM_RETRIES"):
        with open(counter, "a", encoding="utf-8") as file:
            file.write(f"{guest.args.flavor}\n")


def run_guest(args: argparse.Namespace) -> int:
    """Boot, run the command and return the exit status.

    A boot that dies before init says nothing of the command, nor of the kernel unless
    that complained. QEMU is known to do that now and then, so it gets a second one.
    """
    deadline = time.monotonic() + args.timeout
    for again in (False, True):
        guest = Guest(args, deadline, again)
        status = attempt(guest)
        if status != STATUS_BROKEN or guest.begun or again:
            break
        note_retry(guest)
    if status == 0:
        guest.console.rename(guest.console.with_name(f"{args.flavor}-last.log"))
    else:
        say(f"console log: {guest.console}")
    return status


def positive(text: str) -> int:
    """Parse a number above zero."""
    value = int(text)
    if value <= 0:
        raise ValueError(text)
    return value


def parse() -> argparse.Namespace:
    """Parse what scripts/vm passes on."""
    parser = argparse.ArgumentParser(prog="vm")
    parser.add_argument("--kernel-dir", type=Path, required=True)
    parser.add_argument("--flavor", required=True)
    # What scripts/arm64 made, if the kernel is of that architecture
    parser.add_argument("--foreign", type=Path)
    parser.add_argument("--mem", type=positive, required=True)
    parser.add_argument("--cpus", type=positive, required=True)
    parser.add_argument("--timeout", type=positive, required=True)
    parser.add_argument("--icount", action="store_true")
    parser.add_argument("--stdin", action="store_true")
    parser.add_argument("--append", default="")
    parser.add_argument("--vmcore", type=Path)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    """End in order, so that the helpers end and the directory goes."""
    raise SystemExit(128 + number)


def main() -> int:
    """Run one command in a guest."""
    args = parse()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    if args.vmcore is not None:
        args.vmcore.unlink(missing_ok=True)
    try:
        return run_guest(args)
    except (NoReader, BrokenPipeError):
        return 128 + signal.SIGPIPE


if __name__ == "__main__":
    sys.exit(main())
