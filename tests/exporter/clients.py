#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of the exporter on the loopback address, good and bad.

    clients.py parallel TOTAL AT_ONCE   scrape; say how many pages were whole
    clients.py silent N                 open up to N connections, send nothing; say when all are cut off
    clients.py drip                     send a header byte by byte; say when it is cut off
    clients.py malformed                send nonsense of several kinds; say what comes back
    clients.py activate                 hand one socket to two exporters, one after the other

Everything ends by itself, but for silent.
"""

import asyncio
import socket
import subprocess
import sys

ADDRESS = ("127.0.0.1", 9943)
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
NONSENSE = (
    b"\r\n\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /metrics HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    b"GET /metrics HTTP/1.1\r\n\r\n",  # 1.1 asks for a Host
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 20000 + b"\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nabc",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: ;;;,,,q=,=;q=x\r\n\r\n",
    b"GET /%00%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\0" * 4096,
)


async def ask(request: bytes) -> bytes:
    """Send, and return all that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection(*ADDRESS)
    try:
        writer.write(request)
        await writer.drain()
        if b"\r\n\r\n" not in request:
            writer.write_eof()
        return await reader.read(-1)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def is_whole(answer: bytes) -> bool:
    """Whether it is a page with all the bytes that it promises."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 200") and f"Content-Length: {len(body)}".encode() in head


async def parallel(total: int, at_once: int) -> None:
    """Scrape TOTAL times, AT_ONCE at a time."""
    places = asyncio.Semaphore(at_once)

    async def one() -> bool:
        async with places:
            return is_whole(await ask(REQUEST))

    whole = await asyncio.gather(*(one() for _ in range(total)))
    print(f"{sum(whole)} of {total} whole")


async def silent(num: int) -> None:
    """Open connections and leave them alone. They are cut off in time."""
    connections = [await asyncio.open_connection(*ADDRESS) for _ in range(num)]
    print(f"{num} open", flush=True)
    ends = (reader.read(-1) for reader, _ in connections)
    await asyncio.gather(*ends, return_exceptions=True)
    print("all cut off", flush=True)
    await asyncio.Event().wait()


async def drip() -> None:
    """Send a byte a second: never idle, never done."""
    reader, writer = await asyncio.open_connection(*ADDRESS)
    end = asyncio.ensure_future(reader.read(-1))
    writer.write(b"GET /metrics HTTP/1.1\r\nX: ")
    for _ in range(3600):
        done, _ = await asyncio.wait([end], timeout=1)
        if done:
            break
        writer.write(b"a")
    print("cut off" if end.done() else "never cut off", flush=True)


async def malformed() -> None:
    """One after the other; the first line of what comes back."""
    for nonsense in NONSENSE:
        answer = await asyncio.wait_for(ask(nonsense), 60)
        print(answer.split(b"\r\n")[0].decode(errors="replace") or "closed")


def activate() -> None:
    """Do as systemd does: the socket outlives the one that serves on it."""
    served = 0
    with socket.create_server(ADDRESS) as listener:
        fd = listener.fileno()
        hand_over = f"exec 3<&{fd}; LISTEN_PID=$$ LISTEN_FDS=1 exec devmem_exporter"
        for _ in range(2):
            with subprocess.Popen(["sh", "-c", hand_over], pass_fds=(fd,)) as exporter:
                served += is_whole(asyncio.run(ask(REQUEST)))
                exporter.terminate()
    print(f"{served} served")


def main() -> None:
    """Do what the first argument says."""
    what, *args = sys.argv[1:]
    numbers = [int(arg) for arg in args]
    if what == "parallel":
        asyncio.run(parallel(*numbers))
    elif what == "silent":
        asyncio.run(silent(*numbers))
    elif what == "drip":
        asyncio.run(drip())
    elif what == "activate":
        activate()
    else:
        asyncio.run(malformed())


if __name__ == "__main__":
    main()
