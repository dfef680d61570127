"""Every way in which one piece of a request is taken away or spoiled.

The walk is generic: it knows JSON, and of FHIR only what a Bundle, a date, a Quantity and a code system look like. What
it makes of a piece is wrong in a way that real senders are wrong, and never another value that could be true: a result
of 500 in place of 150 is believed by any reader, and nothing in the request would tell.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
Json = dict[str, Any]

GONE: Any = object()  # in place of a value: the member or element itself is taken away
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}.*)?)?$")
_SYSTEMS = ("http://loinc.org", "http://snomed.info/sct")
# A code of something else altogether, in each system: glucose, hypertension, lisinopril.
_OTHER_CODES = {
    "http://loinc.org": "2345-7",
    "http://snomed.info/sct": "38341003",
    "http://hl7.org/fhir/sid/icd-10-cm": "I10",
    "http://hl7.org/fhir/sid/icd-10": "I10",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "29046",
    "http://www.whocc.no/atc": "C09AA03",
}
_B12_IN_URINE = "55850-2"
_ENDLESS = 10_000  # characters
_OVER_AND_OVER = 500  # times
ERROR: Json = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
_NEXT = [{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}]
_NOT_OURS = frozenset({"hookInstance", "fhirAuthorization", "extension"})


@dataclass(frozen=True, slots=True)
class Corruption:
    """One piece spoiled. `kind` is what was done to it; `value` stands in its place (GONE: nothing does)."""

    kind: str
    path: Path
    value: Any

    @property
    def field(self) -> str:
        """The place without the numbers in it, such as `prefetch.labs.entry.resource.code.coding.system`."""
        return ".".join(step for step in self.path if isinstance(step, str))


def spoiled(request: Mapping[str, Any], corruption: Corruption) -> Json:
    """The request with that one piece spoiled."""
    whole: Any = copy.copy(request)
    node = whole
    for step in corruption.path[:-1]:
        node[step] = copy.copy(node[step])
        node = node[step]
    last = corruption.path[-1]
    if corruption.value is not GONE:
        node[last] = corruption.value
    else:
        del node[last]
    spoiled_request: Json = whole
    return spoiled_request


def corruptions(request: Mapping[str, Any]) -> Iterator[Corruption]:
    """All that are tried on a request."""
    for name in ("hook", "context", "prefetch"):
        yield from _of(request[name], (name,))


def _of(node: Any, path: Path) -> Iterator[Corruption]:
    for kind, value in _instead(node, path):
        yield Corruption(kind, path, value)
    if isinstance(node, dict):
        children: Iterator[tuple[str | int, Any]] = iter(node.items())
    else:
        children = enumerate(node) if isinstance(node, list) else iter(())
    for step, child in children:
        yield from _of(child, (*path, step))


def _instead(node: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """What may come in place of a piece."""
    if is_entry(path):
        yield "resource absent", GONE
        yield "entry replaced by an error", {"resource": ERROR, "search": {"mode": "outcome"}}
        yield "entry emptied", {}
        return
    yield "removed", GONE
    yield "null", None
    if isinstance(node, dict):
        yield from _instead_of_object(node, path)
        yield from _another_coding(node, path)
    elif isinstance(node, list):
        yield from _instead_of_list(node)
    elif isinstance(node, bool):
        yield from (("flipped", not node), ("as text", str(node).lower()), ("garbled", "perhaps"), ("another type", 1))
    elif isinstance(node, str):
        yield from _instead_of_text(node, path)
    elif node is not None:
        yield from _instead_of_number(node)


def is_entry(path: Path) -> bool:
    """Whether this is an entry of a Bundle."""
    return len(path) > 1 and path[-2] == "entry"


def is_coding(path: Path) -> bool:
    """Whether this is a Coding of a CodeableConcept."""
    return len(path) > 1 and path[-2] == "coding"


def is_prefetch_key(path: Path) -> bool:
    """Whether this is the whole value of a prefetch key."""
    return len(path) == 2 and path[0] == "prefetch"


def _instead_of_object(node: Json, path: Path) -> Iterator[tuple[str, Any]]:
    yield "emptied", {}
    yield "another type", "x"
    yield "in a list", [node]
    if is_prefetch_key(path):
        yield "answered with an error", ERROR
    if node.get("resourceType") == "Bundle":
        entries = node.get("entry", [])
        yield "cut off after a page", {**node, "entry": entries[: len(entries) // 2], "link": _NEXT}
        yield "an error among the entries", {**node, "entry": [*entries, {"resource": ERROR}]}
        for index in range(len(entries)):
            kept = [*entries[:index], *entries[index + 1 :]]
            yield "fewer than the total", {**node, "entry": kept, "total": len(entries)}


def _another_coding(node: Json, path: Path) -> Iterator[tuple[str, Any]]:
    """A Coding with a code of something else, its display left as it is."""
    if not is_coding(path) or "code" not in node:
        return
    system = str(node.get("system"))
    if system in _OTHER_CODES:
        yield "other code", {**node, "code": _OTHER_CODES[system]}
    if system == "http://loinc.org":
        yield "code of a look-alike", {**node, "code": _B12_IN_URINE}


def _instead_of_list(node: list[Any]) -> Iterator[tuple[str, Any]]:
    yield "emptied", []
    yield "another type", "x"
    yield "an object", {}
    if node:
        yield "not in a list", node[0]
        yield "repeated", node * _OVER_AND_OVER


def _instead_of_text(node: str, path: Path) -> Iterator[tuple[str, Any]]:
    yield "emptied", ""
    yield "blank", "  "
    yield "another type", 7
    yield "an object", {}
    yield "in a list", [node]
    yield "garbled", "\u00bf?"
    yield "mistyped", f"{node[: len(node) // 2]}\u00e5{node[len(node) // 2 :]}"
    yield "other case", node.swapcase()
    yield "padded", f" {node} "
    yield "endless", node + "x" * _ENDLESS
    if path[-1] in ("text", "display", "valueString"):
        yield "behind many words", "x" * _ENDLESS + " " + node
    if _DATE.match(node):
        yield from (("cut to the year", node[:4]), ("cut to the month", node[:7]), ("no such day", "2025-13-45"))
        yield from (("in the future", "2099-01-01"), ("another order of the date", "31/12/2024"))
    if path[-1] == "system":
        yield from (("other code system", system) for system in _SYSTEMS if system != node)
    if path[-1] in ("unit", "code") and not is_coding(path[:-1]):
        yield "other unit", "mg/dL" if node != "mg/dL" else "g/L"
    if path[-1] == "reference":
        yield "another's", f"{node.partition('/')[0]}/somebody-else"


def _instead_of_number(node: float) -> Iterator[tuple[str, Any]]:
    yield from (("as text", str(node)), ("not a number", "NaN"), ("garbled", "\u00bf?"), ("another type", True))
    yield from (("an object", {}), ("in a list", [node]), ("huge", 1e30), ("a million", 1_000_000))
    yield from (("negative", -node if node else -1), ("zero", 0))
