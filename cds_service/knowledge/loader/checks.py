"""What must hold between files: names, citations, parameters, override reasons, and codes that mean one thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from cds_service.knowledge.loader.coverage import coverage_problems
from cds_service.knowledge.loader.files import COVERAGE
from cds_service.knowledge.loader.sites import site_problems
from cds_service.knowledge.model import (
    AnalyteKnowledge,
    ArticleStatement,
    Code,
    Parameter,
    Parameters,
    RuleKnowledge,
    Source,
    limits_of,
)
from cds_service.knowledge.schemas.base import did_you_mean


@dataclass(frozen=True, slots=True)
class Read:
    """Every file that could be read on its own: `things` by kind of folder, then by path."""

    things: Mapping[str, Mapping[str, Any]]
    sources: Mapping[str, Source] = field(default_factory=dict)
    override_reasons: Mapping[str, Code] = field(default_factory=dict)
    coverage: Mapping[str, ArticleStatement] = field(default_factory=dict)
    patient_page: Mapping[str, str] = field(default_factory=dict)


def problems_between(read: Read) -> Iterator[str]:
    """Every problem, named by file and field, that no file has on its own."""
    yield from _names(read)
    yield from _citations(read)
    yield from _overrides(read)
    yield from _shared_analyte_codes(read.things.get("analytes", {}))
    yield from _parameters(read.things.get("parameters", {}))
    yield from _edges(read)
    yield from site_problems(read.things.get("regimens", {}))
    yield from coverage_problems(COVERAGE, read.coverage, read.things)


def _names(read: Read) -> Iterator[str]:
    for kind, things in read.things.items():
        first: dict[str, str] = {}
        for path, thing in things.items():
            stem = path.rpartition("/")[2].removesuffix(".yaml")
            if kind == "rules":
                if not stem.startswith(f"{thing.id}-"):
                    yield f"{path}: id: is {thing.id!r}, the file name says otherwise; name it {thing.id}-<words>.yaml"
            elif stem != thing.id:
                yield f"{path}: id: is {thing.id!r}, the file name says {stem!r}; make them the same"
            if thing.id in first:
                yield f"{path}: id: {thing.id!r} is also the id of {first[thing.id]}; ids are never used twice"
            first.setdefault(thing.id, path)


def _citations(read: Read) -> Iterator[str]:
    for things in read.things.values():
        for path, thing in things.items():
            for index, citation in enumerate(thing.sources):
                if citation.source not in read.sources:
                    mend = _add_or(citation.source, read.sources, "sources.yaml")
                    yield f"{path}: sources.{index}.id: sources.yaml has no {citation.source!r}; {mend}"


def _overrides(read: Read) -> Iterator[str]:
    rules: Mapping[str, RuleKnowledge] = read.things.get("rules", {})
    for path, rule in rules.items():
        for index, reason in enumerate(rule.overrides):
            if reason not in read.override_reasons:
                mend = _add_or(reason, read.override_reasons, "override-reasons.yaml")
                yield f"{path}: overrides.{index}: override-reasons.yaml has no {reason!r}; {mend}"


def _edges(read: Read) -> Iterator[str]:
    known = [parameter.id for parameter in read.things.get("parameters", {}).values()]
    for analyte in read.things.get("analytes", {}).values():
        known += [f"{analyte.id}.{limit} {scale.unit}" for scale in analyte.scales for limit in limits_of(scale)]
    for path, rule in read.things.get("rules", {}).items():
        for index, example in enumerate(rule.examples):
            for edge in example.edge:
                if edge not in known:
                    mend = did_you_mean(edge, known)
                    yield f"{path}: examples.{index}.edge: {edge!r} is no parameter and no limit of an analyte; {mend}"


def _add_or(word: str, known: Iterable[str], file: str) -> str:
    names = list(known)
    return f"add it to {file}, or {did_you_mean(word, names)}" if names else f"add it to {file}"


def _shared_analyte_codes(analytes: Mapping[str, AnalyteKnowledge]) -> Iterator[str]:
    first: dict[tuple[str, str], str] = {}
    for path, analyte in analytes.items():
        for index, code in enumerate(analyte.codes):
            other = first.setdefault((code.system, code.code), path)
            if other != path:
                yield f"{path}: codes.{index}.code: {code.code!r} stands in {other} too; a code measures one thing"


def _parameters(files: Mapping[str, Parameter]) -> Iterator[str]:
    types = get_type_hints(Parameters)
    expected = {f.name.replace("_", "-"): types[f.name] for f in fields(Parameters)}
    found = {parameter.id: (path, parameter) for path, parameter in files.items()}
    for name in sorted(expected.keys() - found.keys()):
        yield f"parameters/{name}.yaml: is missing; add the file"
    for name in sorted(found.keys() - expected.keys()):
        mend = did_you_mean(name, sorted(expected))
        yield f"{found[name][0]}: id: {name!r} is no parameter that the rules read; take the file away, or {mend}"
    for name in sorted(found.keys() & expected.keys()):
        path, parameter = found[name]
        if expected[name] is int and parameter.value != int(parameter.value):
            yield f"{path}: value: must be a whole number, not {parameter.value}; mend the number"


def parameters_of(files: Mapping[str, Parameter]) -> Parameters:
    """The numbers of the parameter files, by id, as the rules read them. Only after `problems_between` found none."""
    types = get_type_hints(Parameters)
    numbers: dict[str, Any] = {}
    for name, parameter in files.items():
        field_name = name.replace("-", "_")
        numbers[field_name] = int(parameter.value) if types[field_name] is int else parameter.value
    return Parameters(**numbers)
