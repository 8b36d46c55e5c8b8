# SPDX-License-Identifier: GPL-2.0-or-later
"""
The drgn-devmem command
-----------------------
"""

import argparse
import json
import logging
import os
import sys
from typing import Any, Callable, Iterator, List, Optional, Sequence, Set, Tuple, Union

import drgn
from drgn import Program

from . import VERSION, text
from .bindings import Binding
from .document import inventory, iov_entry, skb_entry, sock_entry, word_entry
from .findings import find_leaks
from .iovs import Devmem, Holding, Iov
from .layout import LayoutError
from .sockets import Sock
from .target import TargetError, open_target

__all__ = ("CommandError", "main", "parse", "run")

_FOUND = 1
_FAILED = 1
_USAGE = 2

_EXAMPLES = """\
examples:
  drgn-devmem ls                            what is bound where, and who holds it
  drgn-devmem -c vmcore -s vmlinux ls       the same, of a dump
  drgn-devmem iovs --state user             iovs that readers hold
  drgn-devmem frag 0xffff88800a001241       what a word from a frag is
  drgn-devmem explain 0xffff88800a001241    the same, and how one gets to its holder
  drgn-devmem leaks 60                      what has been held for a minute

Exit status: 0 done, 1 something was found or failed, 2 wrong usage.
"""


class CommandError(Exception):
    """What was asked for cannot be answered; says why."""


def _word(argument: str) -> int:
    try:
        value = int(argument, 0)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 64:
        raise argparse.ArgumentTypeError(
            f"'{argument}' is no 64-bit word, write it as in 0xffff88800a001241"
        )
    return value


def _seconds(argument: str) -> float:
    try:
        value = float(argument)
    except ValueError:
        value = -1.0
    if value < 0:
        raise argparse.ArgumentTypeError(f"'{argument}' is no number of seconds")
    return value


def _print_json(document: Any) -> None:
    json.dump(document, sys.stdout, separators=(",", ":"))
    print()


def _selected(devmem: Devmem, args: argparse.Namespace) -> List[Binding]:
    """Bindings that were asked for."""
    names = {device.name for device in devmem.devices.values()}
    if args.ifname is not None and args.ifname not in names:
        raise CommandError(f"no network device '{args.ifname}' in any namespace")
    if args.binding is not None and all(b.id != args.binding for b in devmem.bindings):
        raise CommandError(f"no binding {args.binding}")

    def wanted(binding: Binding) -> bool:
        device = binding.device
        return (
            (args.binding is None or binding.id == args.binding)
            and (args.ifname is None or bool(device and device.name == args.ifname))
            and (args.pid is None or bool(_held_by(devmem, binding, args.pid)))
        )

    return [binding for binding in devmem.bindings if wanted(binding)]


def _has(pid: int, what: Union[Sock, Holding]) -> bool:
    return any(task.pid == pid for task in what.tasks)


def _held_by(devmem: Devmem, binding: Binding, pid: int) -> Set[int]:
    """Addresses of the binding's iovs that a process holds."""
    holdings = (h for h in devmem.holdings if h.binding is binding and _has(pid, h))
    return set().union(*(holding.iovs for holding in holdings))


def _selected_socks(devmem: Devmem, args: argparse.Namespace) -> List[Sock]:
    # What is unread is no process's that one could tell from its holdings
    by_binding = argparse.Namespace(**{**vars(args), "pid": None})
    chosen = {binding.address for binding in _selected(devmem, by_binding)}
    bound = args.binding is not None or args.ifname is not None

    def wanted(sock: Sock) -> bool:
        if args.pid is not None and not _has(args.pid, sock):
            return False
        words = list(sock.tokens.values())
        skbs = sock.unread + sock.sending
        words += [frag.word for skb in skbs for frag in skb.all_frags()]
        bindings = (devmem.binding_of(word & ~1) for word in words)
        return not bound or any(b and b.address in chosen for b in bindings)

    return [sock for sock in devmem.sockets.all if wanted(sock)]


def _ls(devmem: Devmem, args: argparse.Namespace) -> int:
    document = inventory(devmem, _selected(devmem, args))
    if args.json:
        _print_json(document)
    else:
        text.print_inventory(document)
    return 0


def _iov_rows(devmem: Devmem, args: argparse.Namespace) -> Iterator[Tuple[Binding, List[Iov]]]:
    """A million iovs: as they come, a block at a time."""
    for binding in _selected(devmem, args):
        held = None if args.pid is None else _held_by(devmem, binding, args.pid)
        for block in devmem.iov_blocks(binding):
            yield binding, [
                iov
                for iov in block.rows()
                if args.state in (None, iov.state, iov.place)
                and (held is None or iov.address in held)
            ]


def _iovs(devmem: Devmem, args: argparse.Namespace) -> int:
    blocks = _iov_rows(devmem, args)
    if not args.json:
        text.print_iovs(blocks)
        return 0
    sys.stdout.write(f'{{"layout":{json.dumps(devmem.layout.name)},"iovs":[')
    encode = json.JSONEncoder(separators=(",", ":")).encode
    separator = ""
    for binding, iovs in blocks:
        if iovs:
            entries = [iov_entry(binding, iov) for iov in iovs]
            sys.stdout.write(separator + encode(entries)[1:-1])
            separator = ","
    print("]}")
    return 0


def _frag(devmem: Devmem, args: argparse.Namespace) -> int:
    words = [devmem.decode(word) for word in args.word]
    if args.json:
        entries = [word_entry(devmem, word) for word in words]
        _print_json({"layout": devmem.layout.name, "words": entries})
    else:
        text.print_words(devmem, words)
    return 0


def _skb(devmem: Devmem, args: argparse.Namespace) -> int:
    skb = devmem.sockets.skbs.skb(args.address)
    if skb is None:
        raise CommandError(f"there is no skb at {args.address:#x}")
    document = skb_entry(devmem, skb)
    if args.json:
        _print_json({"layout": devmem.layout.name, "skb": document})
    else:
        text.print_skb(document)
    return 0


def _sock(devmem: Devmem, args: argparse.Namespace) -> int:
    entries = [sock_entry(devmem, sock) for sock in _selected_socks(devmem, args)]
    if args.json:
        _print_json({"layout": devmem.layout.name, "sockets": entries})
    else:
        text.print_socks(entries)
    return 0


def _leaks(devmem: Devmem, args: argparse.Namespace) -> int:
    chosen = {binding.address for binding in _selected(devmem, args)}
    findings = [f for f in find_leaks(devmem, args.seconds) if f.binding.address in chosen]
    if args.pid is not None:
        # What has no holder is not this process's
        findings = [f for f in findings if f.holding and _has(args.pid, f.holding)]
    entries = [finding.entry() for finding in findings]
    if args.json:
        _print_json({"layout": devmem.layout.name, "leaks": entries})
    else:
        text.print_leaks(entries, args.seconds)
    return _FOUND if any(finding.is_leak for finding in findings) else 0


def _explain(devmem: Devmem, args: argparse.Namespace) -> int:
    for word in args.word:
        lines = text.explain(devmem, devmem.decode(word))
        if args.json:
            _print_json({"word": word, "text": lines})
        else:
            print("\n".join(lines))
    return 0


def _add_output(parser: argparse.ArgumentParser, default: Any) -> None:
    """What may stand before a command, and after it, where people look for it."""

    def add(*names: str, **how: Any) -> None:
        parser.add_argument(*names, default=default, **how)

    add("-j", "--json", action="store_true", help="print JSON")
    add("-v", "--verbose", action="store_true", help="say what was chosen, and why")
    add("-i", dest="ifname", metavar="IFNAME", help="only this device")
    add("-b", dest="binding", metavar="BINDING", type=int, help="only this binding")
    add(
        "-p",
        dest="pid",
        metavar="PID",
        type=int,
        help="only what this process holds (ls: bindings that it holds iovs of)",
    )


_Run = Callable[[Devmem, argparse.Namespace], int]


def _add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: _Run, summary: str, lists: bool = True) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(run=run, lists=lists)
        _add_output(command, argparse.SUPPRESS)
        return command

    add("ls", _ls, "list bindings, how full they are, and who holds them")
    iovs = add("iovs", _iovs, "list iovs, one by one")
    states = ("free", "pool", "user", *text.PLACES)
    iovs.add_argument("--state", choices=states, help="only those in this state")
    frag = add("frag", _frag, "decode words from frags, rings or tokens", False)
    frag.add_argument("word", type=_word, nargs="+", metavar="WORD")
    skb = add("skb", _skb, "show a skb and decode its frags", False)
    skb.add_argument("address", type=_word, metavar="ADDRESS")
    add("sock", _sock, "list sockets with tokens or unread iovs")
    leaks = add("leaks", _leaks, "find memory that does not come back")
    leaks.add_argument(
        "seconds",
        type=_seconds,
        nargs="?",
        default=10.0,
        metavar="SECONDS",
        help="how long a reader may hold a token (default 10); a kernel that does not tell "
        "since when one is out is watched for so long",
    )
    explain = add("explain", _explain, "say in words what a word is, and who has it", False)
    explain.add_argument("word", type=_word, nargs="+", metavar="WORD")


def _make_parser(target: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="drgn-devmem",
        description="See into device memory of page pools, live or in a dump.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if target:
        parser.add_argument("-c", "--core", metavar="DUMP", help="look at a dump, not this kernel")
        parser.add_argument(
            "-s",
            "--symbols",
            metavar="VMLINUX",
            action="append",
            default=[],
            help="file with the kernel's debugging information",
        )
        parser.add_argument(
            "--btf",
            metavar="FILE",
            help="take types from this BTF, symbols from kallsyms",
        )
        parser.add_argument("--vmcoreinfo", metavar="FILE", help="note for a dump that has none")
        parser.add_argument(
            "-V",
            "--version",
            action="version",
            version=f"drgn-devmem (ppdevmem) {VERSION}, drgn {drgn.__version__}",
        )
    _add_output(parser, None)
    _add_commands(parser)
    return parser


def parse(argv: Optional[Sequence[str]], target: bool = True) -> argparse.Namespace:
    """
    Parse a command line.

    :param argv: Arguments, ``None`` for those of the process.
    :param target: With options for what kernel to open.
    :return: What :func:`run()` takes.
    :raises SystemExit: after it was said what is wrong, or what there is
    """
    parser = _make_parser(target)
    args = parser.parse_args(argv)
    for option, value in (("-i", args.ifname), ("-b", args.binding), ("-p", args.pid)):
        if value is not None and not args.lists:
            parser.error(f"{option} is for commands that list something: ls, iovs, sock, leaks")
    return args


def run(prog: Program, args: argparse.Namespace) -> int:
    """
    Run a command.

    :param prog: Kernel to look at.
    :param args: What :func:`parse()` returned.
    :return: Exit status.
    :raises LayoutError: if the kernel has no device memory
    :raises CommandError: if there is no answer
    """
    devmem = Devmem(prog)
    if args.verbose:
        _say(f"layout {devmem.layout.name}: {devmem.layout.origin}")
    status: int = args.run(devmem, args)
    memory = devmem.memory
    if memory.faults or memory.inconsistent:
        why = "the dump is damaged or cut off" if memory.faults else "it stopped during a change"
        if memory.live:
            why = "the kernel changed meanwhile"
        _say(
            f"{memory.faults} reads failed and {memory.inconsistent} structures made no sense "
            f"({why}): what is listed may be incomplete"
        )
        status = status if memory.live else _FAILED
    return status


def _say(message: str) -> None:
    print(f"drgn-devmem: {message}", file=sys.stderr)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """
    Run the command line.

    :param argv: Arguments, ``None`` for those of the process.
    :return: Exit status.
    """
    args = parse(argv)
    logging.basicConfig(format="drgn-devmem: %(message)s")
    # What drgn does not find is ours to report, once we know what that means
    logging.getLogger("drgn").setLevel(logging.CRITICAL)
    logging.getLogger("devmem").setLevel(logging.INFO if args.verbose else logging.WARNING)
    try:
        prog = open_target(args.core, args.symbols, args.vmcoreinfo, args.btf)
        return run(prog, args)
    except (TargetError, LayoutError, CommandError) as e:
        _say(str(e))
        return _FAILED
    except BrokenPipeError:
        # Whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 0
