"""The look-ups by code, made once at load; keys are (canonical system, code)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from cds_service.knowledge.model import (
    AnalyteKnowledge,
    Code,
    ConditionKnowledge,
    MedicineCode,
    MedicineKnowledge,
    SpecimenKnowledge,
    TestKnowledge,
)

Key = tuple[str, str]


def analytes_by_code(analytes: Mapping[str, AnalyteKnowledge]) -> dict[Key, tuple[str, Code]]:
    """Which analyte a code is listed under, and what for; a code is listed under one analyte only."""
    return {(code.system, code.code): (name, code) for name, analyte in analytes.items() for code in analyte.codes}


def tests_by_code(tests: Mapping[str, TestKnowledge]) -> dict[Key, tuple[str, ...]]:
    """Which tests an ordered code asks for."""
    found: dict[Key, list[str]] = defaultdict(list)
    for name, test in tests.items():
        for code in (test.order, *test.codes):
            if name not in found[code.system, code.code]:
                found[code.system, code.code].append(name)
    return {key: tuple(names) for key, names in found.items()}


def medicines_by_code(
    medicines: Mapping[str, MedicineKnowledge],
) -> dict[Key, tuple[tuple[str, MedicineCode], ...]]:
    """Which medicines a code holds; a combination holds several, each with its own strength."""
    found: dict[Key, list[tuple[str, MedicineCode]]] = defaultdict(list)
    for name, medicine in medicines.items():
        for code in medicine.codes:
            found[code.system, code.code].append((name, code))
    return {key: tuple(rows) for key, rows in found.items()}


def conditions_by_code(
    conditions: Mapping[str, ConditionKnowledge],
) -> dict[Key, tuple[tuple[str, Code], ...]]:
    """Which problems a code stands for."""
    found: dict[Key, list[tuple[str, Code]]] = defaultdict(list)
    for name, condition in conditions.items():
        for code in condition.codes:
            found[code.system, code.code].append((name, code))
    return {key: tuple(rows) for key, rows in found.items()}


def specimens_by_code(specimens: Mapping[str, SpecimenKnowledge]) -> dict[Key, str]:
    """Which specimen a code stands for."""
    return {(code.system, code.code): name for name, specimen in specimens.items() for code in specimen.codes}
