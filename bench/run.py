"""Times the service against a floor that only parses, against whoever validates all, and against HealthChain.

Rounds of all contenders are interleaved, each over the same distinct patients. CPU time is that of a server's whole
process tree, so that the load, which comes from this machine too, is not in it. Read the ratios; the times belong to
the machine. `--page FILE` writes the tables and the plot into a page, between its marks.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import fetching
from bench.contenders import ANSWERED, FLOOR, FRONTED_FLOOR, NOTED, SIGNED, Server, contenders, serving
from bench.load import Sample, at_a_rate, measure
from bench.payloads import FOLIC_ACID, OTHER_DRUG, orders_of, requests_of
from bench.plot import plot

VIEW, SIGN = "b12-patient-view", "b12-order-sign"
FULL_LOAD = 0.7
START, END = "<!-- what make bench printed -->\n", "<!-- end of it -->\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    sizes: tuple[int, ...]
    patients: int
    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One contender on one kind of request: medians over the rounds, and CPU time as a multiple of the floor's."""

    label: str
    contender: str
    sample: Sample
    ratios: tuple[float, ...]

    def markdown(self) -> str:
        """A row of the table."""
        middle, low, high = statistics.median(self.ratios), min(self.ratios), max(self.ratios)
        ratio = f"{middle:.2f} ({low:.2f} to {high:.2f})" if self.contender != FLOOR.name else "1"
        times = f"{self.sample.cpu_ms:.3f} | {ratio} | {self.sample.per_second:.0f}"
        return f"| {self.label} | {self.contender} | {times} | {self.sample.p50_ms:.2f} | {self.sample.p99_ms:.2f} |"


def compare(label: str, service: str, bodies: Sequence[bytes], servers: Sequence[Server], plan: Plan) -> Iterator[Row]:
    """The rows of one kind of request."""
    samples: dict[str, list[Sample]] = {server.contender.name: [] for server in servers}
    for server in servers:
        measure(server, service, bodies[:10], 0.5)  # warm
    for number in range(plan.rounds):
        for place in range(len(servers)):
            server = servers[(place + number) % len(servers)]
            answered = bodies[: len(bodies) // 10] if server.contender.is_slow else bodies
            samples[server.contender.name].append(measure(server, service, answered, plan.seconds))
    for name, taken in samples.items():
        ratios = tuple(ours.cpu_ms / floor.cpu_ms for ours, floor in zip(taken, samples[FLOOR.name], strict=True))
        yield Row(label, name, _median(taken), ratios)


def _median(taken: Sequence[Sample]) -> Sample:
    return Sample(*(statistics.median(getattr(one, field) for one in taken) for field in Sample.__dataclass_fields__))


def run(plan: Plan, folder: Path) -> Iterator[tuple[str, list[Row]]]:
    """The tables of the page, each with the rows that the plot needs."""
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(contender, folder)) for contender in contenders()]
        rows = [
            row
            for size in plan.sizes
            for row in compare(str(size), VIEW, requests_of(size, plan.patients), servers, plan)
        ]
        yield _table("patient-view", "resources", rows), rows
        drugs = (("a drug that is none of ours", OTHER_DRUG), ("folic acid", FOLIC_ACID))
        signing = [s for s in servers if s.contender in (FLOOR, FRONTED_FLOOR, ANSWERED, NOTED, SIGNED)]
        rows = [
            row
            for label, drug in drugs
            for row in compare(label, SIGN, orders_of(200, plan.patients, drug), signing, plan)
        ]
        yield _table("order-sign, 200 resources", "two drafts of", rows), []
        noted = next(s for s in servers if s.contender is NOTED)
        yield "\n".join(_under_load(noted, plan)), []
        yield "\n".join(_costs(servers)), []
    lines = "| resources | slowest query ms | median ms | longest ms |\n|--:|--:|--:|--:|"
    yield "\n".join(["### Everything fetched from a FHIR server\n", lines, *fetching.rows(folder, 30)]), []


def _table(title: str, first: str, rows: Sequence[Row]) -> str:
    head = f"| {first} | request | CPU ms | of the floor | requests a second and core | p50 ms | p99 ms |"
    return "\n".join([f"### {title}\n", head, "|--:|---|--:|--:|--:|--:|--:|", *(row.markdown() for row in rows)])


def _under_load(server: Server, plan: Plan) -> Iterator[str]:
    yield f"### At {FULL_LOAD:.0%} of what one worker can do, {server.contender.name}\n"
    yield "| resources | requests a second | p50 ms | p99 ms | p99 / p50 |\n|--:|--:|--:|--:|--:|"
    for size in plan.sizes:
        bodies = requests_of(size, plan.patients)
        alone = measure(server, VIEW, bodies, plan.seconds)
        rate = FULL_LOAD * 1000 / max(alone.cpu_ms, alone.p50_ms)
        taken = at_a_rate(server, VIEW, bodies, rate, max(5.0, 2 * plan.seconds))
        ratio = taken.p99_ms / taken.p50_ms
        yield f"| {size} | {rate:.0f} | {taken.p50_ms:.2f} | {taken.p99_ms:.2f} | {ratio:.1f} |"


def _costs(servers: Sequence[Server]) -> Iterator[str]:
    yield "### Start and memory\n"
    yield "| server | seconds to the first connection | MB after the run, all processes |\n|---|--:|--:|"
    for server in servers:
        yield f"| {server.contender.name} | {server.ready_seconds:.1f} | {server.memory_mb():.0f} |"


def _introduction(plan: Plan) -> str:
    machine = f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}"
    notes = "\n".join(f"- **{contender.name}**: {contender.notes}" for contender in contenders())
    return (
        f"Measured on {datetime.now(UTC).date()} ({machine}): {plan.rounds} interleaved rounds, "
        f"{plan.patients} distinct patients.\n\n{notes}\n"
    )


def written(page: str, tables: str, start: str = START, end: str = END) -> str:
    """The page with the tables between these marks.

    Raises:
        ValueError: the marks are not there.
    """
    before, found, rest = page.partition(start)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"The page lacks the marks {start.strip()} and {end.strip()}.")
    return f"{before}{start}\n{tables}\n{end}{after}"


def main() -> None:
    """Run it and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 200, 2000], help="resources a request")
    parser.add_argument("--patients", type=int, default=100, help="distinct patients a size")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="the least time of a round, for each contender")
    parser.add_argument(
        "--page", type=Path, help="the Markdown page to write the tables into; its plot stands beside it"
    )
    chosen = parser.parse_args()
    plan = Plan(tuple(chosen.sizes), chosen.patients, chosen.rounds, chosen.seconds)
    if all(contender.name != "HealthChain" for contender in contenders()):
        print("HealthChain is left out: `make bench` installs it into var/bench/healthchain.", file=sys.stderr)
    parts = [_introduction(plan)]
    drawn: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for table, rows in run(plan, Path(folder)):
            print(f"\n{table}", flush=True)
            parts.append(table)
            drawn += rows
    if chosen.page:
        chosen.page.write_text(written(chosen.page.read_text("utf-8"), "\n\n".join(parts)), "utf-8")
        cost = {(row.contender, int(row.label)): row.sample.cpu_ms for row in drawn}
        chosen.page.with_suffix(".svg").write_text(plot(cost), "utf-8")


if __name__ == "__main__":
    main()
