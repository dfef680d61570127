"""docs/transcript.md: the whole way of a card on a HAPI FHIR server, as it is typed and answered: `make transcript`.

What differs from one run to the next is written the same way: ids of the server, addresses, the version of the
knowledge. It is made on the day of the stories.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from textwrap import fill
from urllib.parse import urlsplit
from uuid import uuid4

from tests.conformance.server import ROOT, STORY_DAY, Running, running

PAGE = ROOT / "docs" / "transcript.md"
_CARD = re.compile(r"(?s)╭─.*?─╯")
SHOWN_FHIR = "http://127.0.0.1:8081/fhir"
METFORMIN, MILD, LEBER = "metformin-neuropathy-untested", "mild-deficiency-neuropathy", "leber-optic-neuropathy"
HEAD = f"""# From a patient to a card, and back

Made by `make transcript` on a HAPI FHIR server (`make hapi`), and held current by the integration tests; never edited.
It is made on {STORY_DAY}, the day of the stories (`B12_TODAY={STORY_DAY}`); ids are numbered in the order in which they
appear. The service runs beside it:

```console
$ B12_FHIR_ORIGINS=http://127.0.0.1:8081 B12_FHIR_ALLOW_HTTP_LOCALHOST=true b12-cds serve
```
"""


@dataclass(frozen=True)
class Step:
    """A heading, a sentence, and what is typed; each line is the words after `b12-cds`."""

    heading: str
    says: str
    typed: tuple[tuple[str, ...], ...]


def _fire(hook: str, patient: str, *more: str) -> tuple[str, ...]:
    return ("fire", hook, "--fhir", SHOWN_FHIR, "--patient", patient, *more)


STEPS = (
    Step(
        "Load",
        "Three made-up patients go onto the server, under ids that it chooses.",
        (("load", SHOWN_FHIR, *(f"fixtures/{name}" for name in (METFORMIN, MILD, LEBER))),),
    ),
    Step(
        "Fire, and see the card",
        "Somebody opens a chart. The service's templates are put to the server, and the answers sent as prefetch.",
        (_fire("patient-view", METFORMIN),),
    ),
    Step(
        "Apply a suggestion, and report back",
        "The clinician takes the first suggestion and signs the order; the EHR tells the service. Each card has an id "
        "of its own, so the hook is fired once more for it.",
        (_fire("patient-view", METFORMIN, "--apply", "1.1", "--sign", "--feedback", "accepted"),),
    ),
    Step(
        "Fire again",
        "The test is ordered, so there is nothing left to say; and it is the same where nothing is sent as prefetch, "
        "and the service reads from the server itself.",
        (_fire("patient-view", METFORMIN), _fire("patient-view", METFORMIN, "--prefetch", "none")),
    ),
    Step(
        "Change an order",
        "A draft on the server is changed by the suggestion, and the card is gone.",
        (_fire("order-select", LEBER, "--apply", "1.1"), _fire("order-select", LEBER)),
    ),
    Step(
        "Order twice, and take one away",
        "A treatment is drafted, and the same is signed. When the draft is to be signed too, the card offers to remove "
        "it.",
        (
            _fire("patient-view", MILD, "--apply", "1.1"),
            _fire("patient-view", MILD, "--apply", "1.1", "--sign"),
            _fire("order-sign", MILD, "--apply", "1.1"),
        ),
    ),
    Step(
        "Set a card aside",
        "The reason is one of those that the card offers.",
        (
            _fire(
                "order-sign",
                MILD,
                *("--order", "cyanocobalamin 2000 mcg tablet, 1 tablet daily"),
                *("--feedback", "overridden", "--reason", "known-diagnosis", "--comment", "A second brand is wanted"),
            ),
        ),
    ),
    Step("What clinicians did", "Counted for each rule; what they wrote is counted, and not shown.", (("feedback",),)),
    Step("Clean up", "All that was loaded or applied goes away, and nothing else.", (("load", SHOWN_FHIR, "--clean"),)),
)  # fmt: skip


class _Normaliser:
    """Writes the ids of one run as 1, 2, 3, in the order in which they appear."""

    def __init__(self, fhir: str, tag: str) -> None:
        self._fhir, self._tag = fhir, tag
        self._numbers: dict[str, str] = {}
        self._shown: set[str] = set()

    def __call__(self, text: str) -> str:
        text = text.replace(self._fhir, SHOWN_FHIR).replace(self._tag, "demo")
        text = re.sub(r"(?m)(?<=│ )(\d{3,})( +)(?= *│$)", self._in_table, text)
        text = re.sub(r"\b([A-Z][A-Za-z]+/)(\d+)\b", lambda found: found[1] + self._number(found[2]), text)
        text = re.sub(r"\b(\d+\.\d+\.\d+)\+[0-9a-f]{8}\b", r"\1+xxxxxxxx", text)
        text = _CARD.sub(self._once, text)
        return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())

    def _once(self, card: re.Match[str]) -> str:
        """A card that stands further up already is not shown again."""
        if card[0] in self._shown:
            return "(the same card as above)"
        self._shown.add(card[0])
        return card[0]

    def _number(self, server_id: str) -> str:
        return self._numbers.setdefault(server_id, str(len(self._numbers) + 1))

    def _in_table(self, found: re.Match[str]) -> str:
        return self._number(found[1]).ljust(len(found[0]))


def transcript(fhir: str) -> str:
    """The page, made on the FHIR server at this address; what was put there is taken away, whatever happens."""
    tag = f"transcript-{uuid4().hex[:12]}"
    normal = _Normaliser(fhir, tag)
    place = urlsplit(fhir)
    settings = {
        "B12_WORKERS": "1",
        "B12_FHIR_ORIGINS": f"{place.scheme}://{place.netloc}",
        "B12_FHIR_ALLOW_HTTP_LOCALHOST": "true",
        "B12_DEADLINE_SECONDS": "60",
    }
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), **settings) as service:
        try:
            parts = [_written(step, fhir, tag, service, normal) for step in STEPS]
        except BaseException:
            _typed(("load", SHOWN_FHIR, "--clean"), fhir, tag, service)
            raise
    return "\n".join([HEAD, *parts])


def _written(step: Step, fhir: str, tag: str, service: Running, normal: _Normaliser) -> str:
    answers = []
    for words in step.typed:
        done = _typed(words, fhir, tag, service)
        if done.returncode:
            raise RuntimeError(f"b12-cds {join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        answers.append(f"$ b12-cds {join(words)}\n{normal(done.stdout)}")
    shown = "\n\n".join(answers)
    return f"## {step.heading}\n{fill(step.says, 120)}\n\n```console\n{shown}\n```\n"


def _typed(words: tuple[str, ...], fhir: str, tag: str, service: Running) -> subprocess.CompletedProcess[str]:
    """What is typed, at the addresses of this run and under a tag that nobody else has."""
    meant = [word.replace(SHOWN_FHIR, fhir) for word in words]
    if words[0] in ("load", "fire"):
        meant += ["--tag", tag]
    if words[0] == "fire":
        meant += ["--url", service.url]
    ours = {"B12_TODAY": STORY_DAY, "COLUMNS": "100", "B12_DATABASE_URL": f"sqlite:///{service.database}"}
    return subprocess.run(
        [sys.executable, "-m", "cds_service.cli", *meant],
        cwd=ROOT,
        env=os.environ | ours,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


if __name__ == "__main__":
    PAGE.write_text(transcript(sys.argv[1].rstrip("/")), encoding="utf-8")
