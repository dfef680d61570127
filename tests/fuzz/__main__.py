"""Search for an input that breaks a target: `python -m tests.fuzz TARGET SECONDS`; ends with what was tried."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import atheris

from tests.fuzz.mutate import changed_json

with atheris.instrument_imports(include=["cds_service", "hooks"]):
    from tests.fuzz.targets import ROOT, TARGETS

INPUT_SECONDS = 5  # the longest that any input may take, instrumented and beside other work


def main(name: str, seconds: str) -> None:
    """Search for so long, or until something is found: the input is then in var/fuzz/TARGET/, with the traceback."""
    target = TARGETS[name]
    folder = ROOT / "var" / "fuzz" / name
    seeds, corpus = folder / "seeds", folder / "corpus"
    shutil.rmtree(seeds, ignore_errors=True)
    seeds.mkdir(parents=True)
    corpus.mkdir(exist_ok=True)
    for place, seed in enumerate(target.seeds()):
        (seeds / str(place)).write_bytes(seed)
    for path in target.found(name):
        shutil.copy(path, seeds)
    options = {
        "max_total_time": seconds,
        "timeout": INPUT_SECONDS,
        "max_len": target.longest,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
        "report_slow_units": INPUT_SECONDS,
    }
    flags = [f"-{option}={value}" for option, value in options.items()]

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        changed = changed_json(data, seed, lambda text: atheris.Mutate(text, max(2 * len(text), 16)))
        return changed if len(changed) <= max_size else atheris.Mutate(data, max_size)

    def check(data: bytes) -> None:
        try:
            target.check(data)
        except BaseException:  # libFuzzer does not always get to writing it
            (folder / f"broken-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)
            raise

    check(next(iter(target.seeds())))  # what the first input loads does not count as its time
    custom = {"custom_mutator": mutate} if target.is_json else {}
    atheris.Setup([Path(sys.argv[0]).name, *flags, str(corpus), str(seeds)], check, **custom)
    atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in TARGETS:
        sys.exit(f"python -m tests.fuzz TARGET SECONDS; targets: {', '.join(TARGETS)}")
    main(*sys.argv[1:])
