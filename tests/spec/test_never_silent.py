"""The machine that spoils every piece of input: it spoils each, sees each way of falling silent, and finds none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from tests.spec.silence.corruptions import GONE, Corruption, corruptions, spoiled
from tests.spec.silence.exceptions import exception_classes, exception_of
from tests.spec.silence.fetches import FhirServer, faults, holding, without_prefetch
from tests.spec.silence.page import PAGE, reasons
from tests.spec.silence.scenes import Scene, scenes
from tests.spec.silence.tally import Fault, Tally, counted, tally_of
from tests.spec.silence.trial import Discrepancy, Service, Trial, trials
from tests.spec.silence.verdict import Concern, Told, Verdict, judge

WARNING, INFO = 2, 1
_SAMPLED = 211  # one trial in so many: a prime, so that no kind of corruption is always passed over
LOW = Concern(WARNING, frozenset({"B12-DX-01"}), frozenset({"start-oral-b12"}))


def told(status: str = "deficient", *doubts: str, **concerns: Concern) -> Told:
    return Told(status, concerns, frozenset(doubts), frozenset())


@pytest.fixture(scope="module")
def service(knowledge: Knowledge) -> Service:
    return Service(knowledge)


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A low B12 and a neuropathy: a warning."""
    return next(scene for scene in scenes() if scene.name == "V-T-04")


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (told(diagnosis=LOW), Verdict.SAME),
        (told(diagnosis=Concern(3, LOW.rules, LOW.recommends)), Verdict.LOUDER),
        (told(diagnosis=LOW, data=Concern(INFO, frozenset({"B12-DATA-01"}), frozenset())), Verdict.LOUDER),
        (told("unknown", "- Observation/1: not used", diagnosis=LOW), Verdict.CANNOT_TELL),
        (told("unlikely", "- Observation/1: not used"), Verdict.CANNOT_TELL),
        (told(diagnosis=Concern(WARNING, frozenset({"B12-DX-04"}), LOW.recommends)), Verdict.SAME_CONCERN),
        (told(diagnosis=Concern(WARNING, frozenset({"B12-DX-04"}), frozenset())), Verdict.QUIETER),
        (told(diagnosis=Concern(INFO, LOW.rules, LOW.recommends)), Verdict.QUIETER),
        (told("unknown"), Verdict.SILENT),
        (told("unlikely"), Verdict.REASSURED),
        (told("unlikely", diagnosis=LOW), Verdict.REASSURED),
    ],
)
def test_what_became_of_the_cards_is_seen(after: Told, verdict: Verdict) -> None:
    assert judge(told(diagnosis=LOW), after) is verdict


def test_only_what_may_reassure_falsely_is_a_fault() -> None:
    unsafe = {verdict for verdict in Verdict if not verdict.is_safe}
    assert unsafe == {Verdict.QUIETER, Verdict.SILENT, Verdict.REASSURED, Verdict.CRASHED}


def test_every_piece_of_a_request_is_spoiled(scene: Scene) -> None:
    tried = {corruption.path for corruption in corruptions(scene.request)}
    assert set(_paths({key: scene.request[key] for key in ("hook", "context", "prefetch")})) <= tried


def _paths(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = [path] if path else []
    return found + [inner for step, child in children for inner in _paths(child, (*path, step))]


def test_a_corruption_spoils_one_piece_of_a_copy(scene: Scene) -> None:
    path = ("prefetch", "labs", "entry", 0, "resource", "status")
    before = json.dumps(scene.request)
    emptied, gone = (spoiled(scene.request, Corruption("", path, value)) for value in ("", GONE))

    assert emptied["prefetch"]["labs"]["entry"][0]["resource"].pop("status") == ""
    assert emptied == gone != scene.request
    assert json.dumps(scene.request) == before


@pytest.mark.parametrize(
    ("field", "kinds"),
    [
        ("prefetch.labs", {"removed", "null", "answered with an error", "cut off after a page"}),
        ("prefetch.labs", {"another type", "an error among the entries", "fewer than the total"}),
        ("prefetch.labs.entry", {"resource absent", "entry replaced by an error", "repeated", "emptied"}),
        ("prefetch.labs.entry.resource.code.coding", {"other code", "code of a look-alike", "emptied"}),
        ("prefetch.labs.entry.resource.code.text", {"behind many words", "endless"}),
        ("prefetch.labs.entry.resource.code.coding.system", {"other code system"}),
        ("prefetch.labs.entry.resource.code.coding.code", {"blank", "garbled", "mistyped", "endless"}),
        ("prefetch.labs.entry.resource.subject.reference", {"another's"}),
        ("prefetch.labs.entry.resource.effectiveDateTime", {"in the future", "no such day", "cut to the year"}),
        ("prefetch.labs.entry.resource.valueQuantity.unit", {"other unit"}),
        ("prefetch.labs.entry.resource.valueQuantity.value", {"huge", "a million", "zero", "as text", "not a number"}),
    ],
)
def test_a_piece_is_spoiled_in_the_ways_of_its_kind(scene: Scene, field: str, kinds: set[str]) -> None:
    assert kinds <= {corruption.kind for corruption in corruptions(scene.request) if corruption.field == field}


def test_every_fetch_fails_in_every_way(scene: Scene, service: Service) -> None:
    queries = service.queries(scene.hook)
    held = holding(scene.request, queries)
    failed = [corruption for corruption, _ in faults(scene.request, held, queries)]

    assert {corruption.field for corruption in failed} == {f"fetch.{key}" for key in scene.request["prefetch"]}
    assert {"refused", "status 500", "no answer in time", "truncated"} <= {corruption.kind for corruption in failed}


def test_what_is_fetched_gets_the_cards_of_what_is_prefetched(scene: Scene, service: Service) -> None:
    server = FhirServer(holding(scene.request, service.queries(scene.hook)))
    fetched = service.told(without_prefetch(scene.request), scene, server)

    assert fetched == service.told(scene.request, scene)
    assert fetched.concerns


def test_a_sample_takes_each_nth_trial(scene: Scene, service: Service) -> None:
    whole = [(trial.corruption.path, trial.corruption.kind) for trial in trials(scene, service)]
    parts = [
        {(trial.corruption.path, trial.corruption.kind) for trial in trials(scene, service, 3, first)}
        for first in range(3)
    ]

    assert sum(map(len, parts)) == len(whole)
    assert set.union(*parts) == set(whole)


def test_a_service_that_falls_silent_is_found_out(scene: Scene, knowledge: Knowledge) -> None:
    class Silent(Service):
        def told(self, request: Any, *args: Any, **kwargs: Any) -> Told:
            honest = super().told(request, *args, **kwargs)
            return honest if request == scene.request else told("unknown")

    tally = counted(trials(scene, Silent(knowledge), 50))
    assert {fault.verdict for fault in tally.faults} == {Verdict.SILENT}
    assert tally.tried.total() == tally.verdicts.total()


def test_a_service_that_crashes_is_found_out_even_where_it_might_be_silent(scene: Scene) -> None:
    crash = Trial(scene, Corruption("null", ("prefetch", "labs"), None), Verdict.CRASHED, told(), fault="KeyError()")

    assert exception_of(crash, exception_classes()) is not None
    assert counted([crash]).faults == [Fault("prefetch.labs", "null", "crashed", scene.name, "KeyError()")]


def test_cards_that_come_only_with_the_assessment_are_found_out(
    knowledge: Knowledge, offered: tuple[CdsService, ...]
) -> None:
    folic_acid = next(scene for scene in scenes() if scene.name == "V-O-02")
    hasty = Service(knowledge, [replace(service, concerns_us=lambda _record: False) for service in offered])

    assert Service(knowledge, offered).told(folic_acid.request, folic_acid).concerns
    with pytest.raises(Discrepancy):
        hasty.told(folic_acid.request, folic_acid)


def test_a_sample_of_all_trials_falls_silent_nowhere_else_than_is_listed() -> None:
    whole = Tally()
    for tally in tally_of(_SAMPLED):
        whole.add(tally)

    assert whole.faults == []
    assert whole.tried.total() > 2000


@pytest.mark.parametrize("is_open", [False, True])
def test_the_page_has_each_class_with_its_reason(is_open: bool) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(text in page for _, text in reasons(is_open=is_open))


def test_every_exception_has_a_reason_and_stands_once() -> None:
    classes = exception_classes()
    assert len({one.id for one in classes}) == len({one.title for one in classes}) == len(classes)
    assert all(len(one.reason.split()) > 10 and one.places for one in classes)
