"""How long `b12-cds serve` takes from its start, on a new database, until /ready says so, and with how much CPU time.

`python -m bench.start --times 5`. Before the first of them the code is compiled, as `make install` does.
"""

from __future__ import annotations

import argparse
import compileall
import statistics
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from bench.contenders import ROOT, Contender, Server, serving

_SERVICE = Contender("as shipped", (sys.executable, "-m", "cds_service.cli", "serve"), "")
_READY = 200


def until_ready(server: Server) -> float:
    """Seconds from its start until /ready says so."""
    listening = time.monotonic()
    while True:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("GET", "/ready")
        status = connection.getresponse().status
        connection.close()
        if status == _READY:
            return server.ready_seconds + time.monotonic() - listening
        time.sleep(0.01)


def main() -> None:
    """Run it, and print a row for each start."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    chosen = parser.parse_args()
    for package in ("cds_service", "hooks"):
        compileall.compile_dir(ROOT / package, quiet=1)
    print("| ready after, s | CPU of all processes, s |\n|--:|--:|")
    taken = []
    for _ in range(chosen.times):
        with tempfile.TemporaryDirectory() as folder, serving(_SERVICE, Path(folder)) as server:
            taken.append(until_ready(server))
            print(f"| {taken[-1]:.2f} | {server.cpu_seconds():.2f} |", flush=True)
    print(f"\nMedian: {statistics.median(taken):.2f} s")


if __name__ == "__main__":
    main()
