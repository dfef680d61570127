"""Loads the knowledge files into one value, or says everything that is wrong with them at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from marshmallow import Schema, ValidationError

from cds_service.config import DEFAULT_SITE, ENGLISH
from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.loader import indexes
from cds_service.knowledge.loader.checks import Read, parameters_of, problems_between
from cds_service.knowledge.loader.documents import UnreadableDocument, parse
from cds_service.knowledge.loader.files import (
    COVERAGE,
    OVERRIDE_REASONS,
    PATIENT_PAGE,
    SENTENCES,
    SOURCES,
    VERSION,
    effective_files,
    version_of,
)
from cds_service.knowledge.loader.filling import filling_problems
from cds_service.knowledge.loader.languages import FOLDER, lay_in, sentences_of, split_by_language
from cds_service.knowledge.loader.sites import regimens_at
from cds_service.knowledge.model import (
    AnalyteKnowledge,
    ArticleStatement,
    ConditionKnowledge,
    Knowledge,
    Licence,
    MedicineKnowledge,
    OverrideReason,
    RuleKnowledge,
    Source,
    SpecimenKnowledge,
    TestKnowledge,
)
from cds_service.knowledge.schemas import (
    SCHEMAS,
    ArticleStatementSchema,
    OverrideReasonSchema,
    PatientPageSchema,
    SourceSchema,
    VersionSchema,
    made_statement,
    problems_of,
)
from cds_service.knowledge.schemas.base import did_you_mean
from cds_service.knowledge.wording import Wording

PACKAGED = Path(__file__).parent.parent
"""The folder of the knowledge that ships with the service."""

_Coded = TypeVar("_Coded", AnalyteKnowledge, TestKnowledge, MedicineKnowledge, ConditionKnowledge, SpecimenKnowledge)


def load(
    folder: Path | None = None,
    overlay: Path | None = None,
    *,
    with_snomed_affiliate: bool = True,
    site: str = DEFAULT_SITE,
    language: str = ENGLISH,
) -> Knowledge:
    """The knowledge in `folder` (None: ours), with a site's own files in `overlay` laid over it path by path.

    `with_snomed_affiliate` False leaves out every code that needs a SNOMED CT licence. `site` chooses among regimens,
    `language` the words.

    Raises:
        InvalidKnowledge: a file cannot be used; all problems of all files are told together.
    """
    files = effective_files(PACKAGED if folder is None else folder, overlay)
    own, told = split_by_language(files, language)
    if language != ENGLISH and not told:
        raise InvalidKnowledge([f"{FOLDER}/{language}: there is no such folder of words; add it, or choose {ENGLISH}"])
    reader = _Reader(own, told, language)
    read, wording, semantic = reader.read()
    problems = [*reader.problems, *(problems_between(read) if not reader.problems else ())]
    if problems:
        raise InvalidKnowledge(problems)
    if overlay is not None or told:
        problems = list(filling_problems(_rules_by_id(read), _rules_that_ship(folder or PACKAGED)))
        if problems:
            raise InvalidKnowledge(problems)
    by_id = {kind: {thing.id: thing for thing in things.values()} for kind, things in read.things.items()}
    reasons = {name: OverrideReason(name, code) for name, code in read.override_reasons.items()}
    dropped = frozenset() if with_snomed_affiliate else frozenset({Licence.SNOMED_AFFILIATE})
    knowledge = _assembled(by_id, read.sources, reasons, wording, version_of(semantic, files, site, language), dropped)
    return replace(
        knowledge,
        regimens=regimens_at(site, by_id["regimens"]),
        coverage=tuple(read.coverage.values()),
        patient_page=read.patient_page,
    )


def _rules_that_ship(folder: Path) -> dict[str, RuleKnowledge]:
    """The rules of the folder as the code fills them, before a site or a language has its say."""
    files = {name: content for name, content in effective_files(folder, None).items() if name.startswith("rules/")}
    return _rules_by_id(_Reader(files, {}, ENGLISH).read()[0])


def _rules_by_id(read: Read) -> dict[str, RuleKnowledge]:
    return {rule.id: rule for rule in read.things["rules"].values()}


def check_complete(
    knowledge: Knowledge,
    *,
    analytes: Collection[str],
    tests: Collection[str],
    medicines: Collection[str],
    conditions: Collection[str],
) -> None:
    """Holds the files against the words that the facts know: a file for each, and no file without one.

    Raises:
        InvalidKnowledge: a file is missing or left over.
    """
    problems: list[str] = []
    for kind, expected, found in (
        ("analytes", analytes, knowledge.analytes),
        ("tests", tests, knowledge.tests),
        ("medicines", medicines, knowledge.medicines),
        ("conditions", conditions, knowledge.conditions),
    ):
        names = sorted(str(name) for name in expected)
        problems += [f"{kind}/{name}.yaml: is missing; add the file" for name in names if name not in found]
        problems += [
            f"{kind}/{name}.yaml: {name!r} is not one that the facts know; {did_you_mean(name, names)}"
            for name in sorted(found.keys() - set(names))
        ]
    if problems:
        raise InvalidKnowledge(problems)


class _Reader:
    """Reads each file on its own and collects what is wrong with it."""

    def __init__(self, files: Mapping[str, bytes], told: Mapping[str, bytes], language: str) -> None:
        self.files = files
        self.told = told
        self.language = language
        self.problems: list[str] = []

    def read(self) -> tuple[Read, Wording, str]:
        things: dict[str, dict[str, Any]] = {kind: {} for kind in SCHEMAS}
        for path in self.files:
            kind = path.partition("/")[0]
            if kind in SCHEMAS:
                thing = self._loaded(path, SCHEMAS[kind](), self._document(path))
                if thing is not None:
                    things[kind][path] = thing
        sources = {name: Source(id=name, **told) for name, told in self._entries(SOURCES, SourceSchema()).items()}
        reasons = self._entries(OVERRIDE_REASONS, OverrideReasonSchema())
        version = self._loaded(VERSION, VersionSchema(), self._document(VERSION)) or {"version": ""}
        read = Read(things, sources, reasons, self._coverage(), self._patient_page())
        return read, self._wording(), version["version"]

    def _document(self, path: str) -> object:
        """The document at this path, with the words of the language laid into it."""
        if path not in self.files:
            self.problems.append(f"{path}: is missing; add the file")
            return None
        document = self._parsed(path, self.files[path])
        if document is not None:
            told = self._told(path)
            if told is not None:
                self.problems += lay_in(document, told, path, self.language)
        return document

    def _told(self, path: str) -> dict[str, Any] | None:
        """What the language says for a file; in English, nothing where it says nothing."""
        if path in self.told:
            return self._parsed(f"{FOLDER}/{self.language}/{path}", self.told[path])
        return None if self.language == ENGLISH else {}

    def _parsed(self, path: str, content: bytes) -> dict[str, Any] | None:
        try:
            document = parse(content.decode("utf-8"))
        except UnicodeDecodeError:
            self.problems.append(f"{path}: is not UTF-8; save it as UTF-8 text")
        except UnreadableDocument as problem:
            self.problems.append(f"{path}: {problem}")
        else:
            if isinstance(document, dict):
                return document
            self.problems.append(f"{path}: must hold keys and values; write `key: value` lines")
        return None

    def _loaded(self, path: str, schema: Schema, document: Any, prefix: str = "") -> Any:
        if document is None:
            return None
        try:
            return schema.load(document)
        except ValidationError as error:
            self.problems += [f"{path}: {prefix}{problem}" for problem in problems_of(error)]
            return None

    def _entries(self, path: str, schema: Schema) -> dict[str, Any]:
        document = self._document(path)
        entries = document if isinstance(document, dict) else {}
        loaded = {name: self._loaded(path, schema, entry or {}, f"{name}.") for name, entry in entries.items()}
        return {name: entry for name, entry in loaded.items() if entry is not None}

    def _coverage(self) -> dict[str, ArticleStatement]:
        if COVERAGE not in self.files:
            return {}
        entries = self._entries(COVERAGE, ArticleStatementSchema())
        return {name: made_statement(name, told) for name, told in entries.items()}

    def _patient_page(self) -> dict[str, str]:
        """The words of the page for patients; a folder without them (in tests) has no such page."""
        if PATIENT_PAGE not in self.files:
            return {}
        return self._loaded(PATIENT_PAGE, PatientPageSchema(), self._document(PATIENT_PAGE)) or {}

    def _wording(self) -> Wording:
        """The language's words for the sentences of the code; a folder without a list of them (in tests) has none."""
        told = self._told(SENTENCES) or {}
        listed = self._parsed(SENTENCES, self.files[SENTENCES]) if SENTENCES in self.files else None
        self.problems += sentences_of(listed or {}, told, self.language)
        return Wording(told)


def _assembled(
    by_id: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, Source],
    reasons: Mapping[str, OverrideReason],
    wording: Wording,
    version: str,
    dropped: frozenset[Licence],
) -> Knowledge:
    analytes: dict[str, AnalyteKnowledge] = _without(by_id["analytes"], dropped)
    tests: dict[str, TestKnowledge] = _without(by_id["tests"], dropped)
    medicines: dict[str, MedicineKnowledge] = _without(by_id["medicines"], dropped)
    conditions: dict[str, ConditionKnowledge] = _without(by_id["conditions"], dropped)
    specimens: dict[str, SpecimenKnowledge] = _without(by_id["specimens"], dropped)
    return Knowledge(
        version=version,
        analytes=analytes,
        tests=tests,
        medicines=medicines,
        conditions=conditions,
        specimens=specimens,
        regimens={},
        regimen_files=by_id["regimens"],
        rules=by_id["rules"],
        parameters=parameters_of(by_id["parameters"]),
        parameter_files=by_id["parameters"],
        sources=sources,
        override_reasons=reasons,
        wording=wording,
        analytes_by_code=indexes.analytes_by_code(analytes),
        tests_by_code=indexes.tests_by_code(tests),
        medicines_by_code=indexes.medicines_by_code(medicines),
        conditions_by_code=indexes.conditions_by_code(conditions),
        specimens_by_code=indexes.specimens_by_code(specimens),
    )


def _without(things: Mapping[str, _Coded], dropped: frozenset[Licence]) -> dict[str, _Coded]:
    if not dropped:
        return dict(things)
    return {
        name: replace(thing, codes=tuple(code for code in thing.codes if code.licence not in dropped))
        for name, thing in things.items()
    }
