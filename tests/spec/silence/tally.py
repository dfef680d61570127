"""What became of many trials, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context

from cds_service.knowledge.loader import load
from tests.spec.silence.exceptions import exception_classes, exception_of
from tests.spec.silence.scenes import Scene, scenes
from tests.spec.silence.trial import Service, Trial, trials
from tests.spec.silence.verdict import Verdict


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A trial that fell silent, or worse, and that no class of exceptions holds."""

    field: str
    kind: str
    verdict: str
    scene: str
    lost: str

    @classmethod
    def of(cls, trial: Trial) -> Fault:
        """What there is to say of the trial. `lost` names the rules that no longer speak, or what was raised."""
        corruption, lost = trial.corruption, trial.fault or " ".join(trial.lost)
        return cls(corruption.field, corruption.kind, trial.verdict, trial.scene.name, lost)


@dataclass(slots=True)
class Tally:
    """Counts: trials by collection of scenes and by verdict, exceptions by class; and the faults themselves."""

    scenes: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count the other's too."""
        self.scenes += other.scenes
        self.tried += other.tried
        self.verdicts += other.verdicts
        self.exceptions += other.exceptions
        self.faults += other.faults


def tally_of(every: int = 1, jobs: int = 1, names: Sequence[str] = ()) -> Iterator[Tally]:
    """One tally a scene with a card, of each `every`th trial; `names` keeps to scenes that have one of them."""
    chosen = [
        (scene, every, number % every)
        for number, scene in enumerate(scenes())
        if not names or scene.name in names or scene.name.partition("/")[0] in names
    ]
    if jobs == 1:
        yield from map(_tried, chosen)
        return
    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(_tried, chosen)


def _tried(task: tuple[Scene, int, int]) -> Tally:
    scene, every, first = task
    return counted(trials(scene, _service(), every, first))


def counted(tried: Iterable[Trial]) -> Tally:
    """The tally of some trials."""
    tally, classes = Tally(), exception_classes()
    for trial in tried:
        tally.scenes[trial.scene.source] = 1
        tally.tried[trial.scene.source] += 1
        tally.verdicts[trial.verdict] += 1
        if trial.verdict.is_safe:
            continue
        exception = exception_of(trial, classes)
        if exception is not None and trial.verdict is not Verdict.CRASHED:
            tally.exceptions[exception.id] += 1
        else:
            tally.faults.append(Fault.of(trial))
    return tally


_made: list[Service] = []


def _service() -> Service:
    """One for each process."""
    if not _made:
        _made.append(Service(load()))
    return _made[0]
