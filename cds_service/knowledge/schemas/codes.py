"""Code rows: `- {system: rxnorm, code: "861004", display: "...", mg: 1000}`, one a line.

There are thousands, and a schema for each row would take most of the loading time; so a field reads the whole list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from marshmallow import ValidationError, fields

from cds_service.knowledge.model import Code, CodeUse, Licence, MedicineCode, Property
from cds_service.knowledge.schemas.base import (
    MISSING,
    did_you_mean,
    read_choice,
    read_flag,
    read_number,
    read_text,
    read_with,
    shown,
)
from cds_service.knowledge.systems import CPT, SHORT_NAMES, SNOMED

_Row = TypeVar("_Row", Code, MedicineCode)


def _system(value: object) -> str:
    if value not in SHORT_NAMES:
        raise ValidationError(f"{shown(value)!r} is not known; {did_you_mean(value, SHORT_NAMES)}")
    return SHORT_NAMES[str(value)]


def _code(value: object) -> str:
    text = read_text(value)
    if text != text.strip():
        raise ValidationError("has a blank at its edge; take it away")
    return text


def _above_zero(value: object) -> Decimal:
    number = read_number(value)
    if number <= 0:
        raise ValidationError(f"must be more than 0, not {number}; mend the number")
    return number


_READERS: Mapping[str, Callable[[object], Any]] = {
    "system": _system,
    "code": _code,
    "display": read_text,
    "licence": lambda value: read_choice(value, Licence),
}
_CODE_READERS = {
    **_READERS,
    "use": lambda value: read_choice(value, CodeUse),
    "property": lambda value: read_choice(value, Property),
    "note": read_text,
}
_MEDICINE_READERS = {
    **_READERS,
    "mg": _above_zero,
    "mg_per_ml": _above_zero,
    "form": read_text,
    "route": read_text,
    "is_eradication_pack": read_flag,
}


def _licence_of(system: str) -> Licence:
    """What a system asks for unless the row says otherwise: SNOMED CT the stricter, so that a slip is no breach."""
    return {SNOMED: Licence.SNOMED_AFFILIATE, CPT: Licence.CPT}.get(system, Licence.FREE)


def _read_row(row: object, readers: Mapping[str, Callable[[object], Any]]) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise ValidationError(f"must be a code, not {shown(row)}; write {{system: ..., code: ..., display: ...}}")
    problems: dict[str, list[str]] = {key: [MISSING] for key in ("system", "code", "display") if key not in row}
    values: dict[str, Any] = {}
    for key, value in row.items():
        reader = readers.get(key)
        if reader is None:
            problems[key] = [f"is not known; {did_you_mean(key, readers)}"]
            continue
        try:
            values[key] = reader(value)
        except ValidationError as error:
            problems[key] = list(error.messages)
    if problems:
        raise ValidationError(problems)
    if "licence" not in values:
        values["licence"] = _licence_of(values["system"])
    return values


def read_code(row: object) -> Code:
    """One code row.

    Raises:
        ValidationError: a key is unknown, missing or cannot be read.
    """
    return Code(**_read_row(row, _CODE_READERS))


def read_medicine_code(row: object) -> MedicineCode:
    """One medicine code row.

    Raises:
        ValidationError: a key is unknown, missing or cannot be read.
    """
    return MedicineCode(**_read_row(row, _MEDICINE_READERS))


def _read_rows(rows: object, read: Callable[[object], _Row]) -> tuple[_Row, ...]:
    if not isinstance(rows, list):
        raise ValidationError("must be a list of codes; write one `- {system: ..., code: ..., display: ...}` a line")
    problems: dict[int, Any] = {}
    codes: list[_Row] = []
    for index, row in enumerate(rows):
        try:
            codes.append(read(row))
        except ValidationError as error:
            problems[index] = error.messages
    problems |= {index: [what] for index, what in _repeated(codes)} if not problems else {}
    if problems:
        raise ValidationError(problems)
    return tuple(codes)


def _repeated(codes: Iterable[Code | MedicineCode]) -> Iterable[tuple[int, str]]:
    seen: dict[tuple[str, str], int] = {}
    for index, code in enumerate(codes):
        first = seen.setdefault((code.system, code.code), index)
        if first != index:
            yield index, f"code {code.code!r} is already listed as number {first}; keep one of them"


def one_code(**options: Any) -> fields.Function:
    """A field of a single code."""
    return read_with(read_code, **options)


def code_rows(**options: Any) -> fields.Function:
    """A field of a list of codes, each once."""
    return read_with(lambda rows: _read_rows(rows, read_code), **options)


def medicine_code_rows(**options: Any) -> fields.Function:
    """A field of a list of medicine codes, each once."""
    return read_with(lambda rows: _read_rows(rows, read_medicine_code), **options)
