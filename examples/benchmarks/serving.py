"""How many pictures a second does `autotl serve` label, with batching and without, and does it keep its limits?

    python examples/benchmarks/serving.py runs/flowers data/flowers [--clients 1 8 32] [--seconds 5] [--batch 1 16]

For each batch size a server is started on this machine, and so many clients send it pictures, each the next one as
soon as it has its answer. Clients and server share the processors. Then come a body without end, a picture of too
many pixels, more requests than there is room for, and a SIGTERM while requests are in flight.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BOUNDARY = "between"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@dataclass
class Load:
    """What a crowd of clients met with."""

    statuses: Counter[int | str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        """Return the time that so large a share of the answers took at most, in milliseconds."""
        ordered = sorted(self.seconds) or [float("nan")]
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def server(source: Path, *options: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server on a free port; give its process and its address."""
    command = [sys.executable, "-m", "autotl", "serve", str(source), "--port", "0", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        found = next(filter(None, (re.search(r"http://([\d.:]+)", line) for line in process.stdout)), None)
        if found is None:
            raise SystemExit("The server did not start.")
        try:
            yield process, found[1]
        finally:
            process.kill()


def form(content: bytes) -> bytes:
    """Return one picture as a browser sends it."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="p.jpg"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def crowd(address: str, bodies: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Have so many clients ask for so long, one request after the other each."""
    made, until = Load(), time.monotonic() + seconds

    def client(first: int) -> None:
        connection = http.client.HTTPConnection(address, timeout=60)
        for place in range(first, sys.maxsize, clients):
            if time.monotonic() >= until:
                break
            began = time.perf_counter()
            try:
                connection.request("POST", "/predict?top=1", bodies[place % len(bodies)], HEADERS)
                answer = connection.getresponse()
                answer.read()
                made.statuses[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                made.statuses[type(error).__name__] += 1
                connection.close()
            made.seconds.append(time.perf_counter() - began)
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def throughput(options: argparse.Namespace, bodies: Sequence[bytes]) -> None:
    """Print pictures a second and how long an answer takes, for each batch size and crowd."""
    print(f"{'batch':>5}  {'clients':>7}  {'pictures/s':>10}  {'median ms':>9}  {'99% ms':>7}  {'errors':>6}")
    for batch in options.batch:
        with server(options.model, "--batch", batch, "--queue", 2 * max(options.clients)) as (_, address):
            crowd(address, bodies, 4, 0.5)  # the first requests load what is loaded once
            for clients in options.clients:
                began = time.perf_counter()
                load = crowd(address, bodies, clients, options.seconds)
                rate = load.statuses[200] / (time.perf_counter() - began)
                errors = sum(load.statuses.values()) - load.statuses[200]
                times = f"{load.quantile(0.5):>9.0f}  {load.quantile(0.99):>7.0f}"
                print(f"{batch:>5}  {clients:>7}  {rate:>10.0f}  {times}  {errors:>6}", flush=True)


def limits(options: argparse.Namespace, bodies: Sequence[bytes]) -> None:
    """Print what becomes of requests that are too large, too many, or too late."""
    with server(options.model, "--queue", 2, "--max-upload", 2) as (process, address):
        before = memory(process.pid)
        print(f"endless body:     {endless(address)}, {memory(process.pid) - before:+.0f} MB of memory")
        print(f"too many pixels:  {one(address, form(bomb()))}")
        statuses = crowd(address, bodies, 32, 2).statuses
        others = sum(statuses.values()) - statuses[200] - statuses[503]
        print(f"32 clients, room for 2: {statuses[200]} x 200, {statuses[503]} x 503, {others} others")
        stop_in_flight(process, address, bodies[0])


def stop_in_flight(process: subprocess.Popen[str], address: str, body: bytes) -> None:
    """Send SIGTERM between the head and the body of a request, and print what came of it."""
    late = http.client.HTTPConnection(address, timeout=60)
    late.putrequest("POST", "/predict")
    for name, value in {**HEADERS, "Content-Length": str(len(body))}.items():
        late.putheader(name, value)
    late.endheaders(body[:100])
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    refused = one(address, body)
    late.send(body[100:])
    answered = late.getresponse().status
    late.close()
    print(f"SIGTERM in flight: {answered}, a new request {refused}, exit code {process.wait(60)}")


def endless(address: str) -> str:
    """Send chunks until an answer comes, 1 GB at most."""
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.putrequest("POST", "/predict")
    for name, value in {**HEADERS, "Transfer-Encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    part, sent = form(b"")[:80] + b"x" * 65536, 0
    chunk = f"{len(part):x}\r\n".encode() + part + b"\r\n"
    while sent < 10**9 and not readable(connection):
        connection.sock.sendall(chunk)
        sent += len(part)
    answer = connection.getresponse()
    told = json.loads(answer.read())["error"]
    connection.close()
    return f"{answer.status} after {sent / 10**6:.0f} MB ({told})"


def readable(connection: http.client.HTTPConnection) -> bool:
    """Return whether an answer has come."""
    return bool(select.select([connection.sock], [], [], 0)[0])


def one(address: str, body: bytes) -> str:
    """Return the status of one request, and what is wrong with it."""
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request("POST", "/predict", body, HEADERS)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        return f"{answer.status} {told.get('error', '')}".strip()
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()


def bomb() -> bytes:
    """Return a small file of 100 million pixels."""
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    return file.getvalue()


def memory(pid: int) -> float:
    """Return the memory of a process in MB."""
    import psutil

    return float(psutil.Process(pid).memory_info().rss / 10**6)


def pictures(folder: Path, count: int = 64) -> list[bytes]:
    """Return requests, each with a JPEG of the folder."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        raise SystemExit(f"There is no JPEG in {folder}.")
    return [form(file.read_bytes()) for file in files[:: max(1, len(files) // count)][:count]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="RUN|MODEL")
    parser.add_argument("pictures", type=Path, metavar="DATA", help="a folder of JPEGs")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32], metavar="N")
    parser.add_argument("--seconds", type=float, default=5, help="for each line of the table")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16], metavar="N")
    options = parser.parse_args()
    bodies = pictures(options.pictures)
    size = sum(map(len, bodies)) / len(bodies) / 1000
    print(f"{len(bodies)} pictures of {size:.0f} kB; {os.cpu_count()} CPUs, shared with the clients")
    throughput(options, bodies)
    limits(options, bodies)


if __name__ == "__main__":
    main()
