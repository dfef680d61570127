"""The rule book's chapters, in the order that a clinician reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cds_service.knowledge.model import CodeUse, Knowledge, ReviewStatus
from cds_service.knowledge.systems import CPT, LOINC, SHORT_NAMES, SNOMED
from cds_service.rule_book.markdown import link, page, table
from cds_service.rule_book.numbers import analyte, cited, parameter_table, regimen
from cds_service.rule_book.rules import rule, rule_table

_SHORT_NAME = {uri: name for name, uri in SHORT_NAMES.items() if name != "dmd"}
_FOLDERS = {
    "rules": "what is said, on which hook, with examples",
    "analytes": "limits, units and codes of laboratory results",
    "parameters": "every other number of the rules",
    "regimens": "the treatments that a suggestion offers",
    "conditions": "codes and names of problems, and what each does in the rules",
    "medicines": "codes, strengths and names of medicines",
    "tests": "how a test is ordered, and how an order for it is recognised",
    "specimens": "samples whose levels are not those of blood",
}
_OPENING = """# The rule book

Made from the YAML files beside it by `make rule-book`; change those, not this page.

**For healthcare professionals.** This knowledge supports clinical judgement and does not replace it. What stands as
*draft* below has not been approved by clinicians, and must be before it is used in care. No card means "assessed,
nothing to say", never "no deficiency".
"""
_CHANGING = """
To change a limit, code, dose or sentence, change its one file, raise `version.yaml`, mend the examples that no longer
hold, and run `make rule-book test`. A file that cannot be used stops the start, and every problem is told with how to
mend it. A site can lay a folder of its own over this one: a file with the same path takes the place of ours.
"""


def rule_book(knowledge: Knowledge, folder: Path, changed_by_site: str = "") -> str:
    """The rule book as Markdown. `folder` is where the files stand, for links to them.

    `changed_by_site` is the chapter on what a site's own files change; "" where there are none.
    """
    return page(
        [
            _OPENING,
            f"Knowledge version **{knowledge.version}**.",
            "## Where what stands",
            table(("folder", "what", "files"), _folders(knowledge)),
            _CHANGING,
            changed_by_site,
            "## Review",
            table(("folder", *ReviewStatus, "to be reviewed by"), _reviews(knowledge)),
            "## Rules",
            rule_table(knowledge),
            *(rule(one, knowledge, folder) for one in knowledge.rules.values()),
            "## Limits of laboratory results",
            *(analyte(one, knowledge) for one in knowledge.analytes.values()),
            "## Numbers of the rules",
            parameter_table(knowledge),
            "## Regimens",
            *(regimen(one, knowledge) for one in knowledge.regimen_files.values()),
            "## Problems",
            table(("problem", "role", "can go away", "codes", "sources"), _conditions(knowledge)),
            "## Medicines",
            table(("medicine", "codes", "with strength", "sources"), _medicines(knowledge)),
            "## Tests",
            table(("test", "ordered as", "codes", "sources"), _tests(knowledge)),
            "## Specimens that are not blood",
            table(("specimen", "codes", "sources"), _specimens(knowledge)),
            "## Codes by system and licence",
            table(("system", "licence", "codes"), _codes(knowledge)),
            "## Reasons to set a card aside",
            table(("id", "words"), ((r.id, r.code.display) for r in knowledge.override_reasons.values())),
            "## Sources",
            table(("id", "source", "publisher", "year"), _sources(knowledge)),
        ]
    )


def _things(knowledge: Knowledge, kind: str) -> Mapping[str, Any]:
    fields = {"parameters": "parameter_files", "regimens": "regimen_files"}
    things: Mapping[str, Any] = getattr(knowledge, fields.get(kind, kind))
    return things


def _folders(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    for kind, what in _FOLDERS.items():
        yield link(kind, f"{kind}/"), what, str(len(_things(knowledge, kind)))


def _reviews(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    for kind in _FOLDERS:
        reviews = [thing.review for thing in _things(knowledge, kind).values()]
        counts = Counter(review.status for review in reviews)
        first = min((review.next_review.isoformat() for review in reviews), default="")
        yield kind, *(str(counts[status]) for status in ReviewStatus), first


def _conditions(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    words = {None: "", True: "yes", False: "no"}
    for condition in knowledge.conditions.values():
        uses = Counter(code.use for code in condition.codes)
        codes = ", ".join(f"{uses[use]} {use}" for use in CodeUse if uses[use]) or "by name only"
        target = link(condition.title, f"conditions/{condition.id}.yaml")
        yield target, condition.role, words[condition.is_reversible], codes, cited(condition.sources, knowledge)


def _medicines(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    for medicine in knowledge.medicines.values():
        known = sum(code.mg is not None or code.mg_per_ml is not None for code in medicine.codes)
        target = link(medicine.title, f"medicines/{medicine.id}.yaml")
        yield target, str(len(medicine.codes)), str(known), cited(medicine.sources, knowledge)


def _tests(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    for test in knowledge.tests.values():
        ordered = f"{_SHORT_NAME[test.order.system]} {test.order.code} {test.order.display}"
        target = link(test.title, f"tests/{test.id}.yaml")
        yield target, ordered, str(len(test.codes)), cited(test.sources, knowledge)


def _specimens(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    for specimen in knowledge.specimens.values():
        target = link(specimen.title, f"specimens/{specimen.id}.yaml")
        yield target, str(len(specimen.codes)), cited(specimen.sources, knowledge)


def _codes(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    indexes: tuple[Mapping[tuple[str, str], object], ...] = (
        knowledge.analytes_by_code,
        knowledge.tests_by_code,
        knowledge.medicines_by_code,
        knowledge.conditions_by_code,
        knowledge.specimens_by_code,
    )
    distinct = {key for index in indexes for key in index}
    licences = {
        (code.system, code.code): code.licence
        for kind in ("analytes", "tests", "medicines", "conditions", "specimens")
        for thing in _things(knowledge, kind).values()
        for code in thing.codes
    }
    told = {LOINC: "free, with the LOINC notice", SNOMED: "", CPT: "American Medical Association"}
    words = {"free": "free", "snomed-gps": "Global Patient Set, CC BY 4.0", "snomed-affiliate": "SNOMED CT licence"}
    counts = Counter((key[0], str(licences.get(key, "free"))) for key in distinct)
    for (system, licence), count in sorted(counts.items(), key=lambda row: (_SHORT_NAME[row[0][0]], row[0][1])):
        yield _SHORT_NAME[system], told.get(system) or words.get(licence, licence), str(count)


def _sources(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    for source in knowledge.sources.values():
        yield source.id, link(source.title, source.url), source.publisher, str(source.year or "")
