"""The schemas of the knowledge files: which keys a file has, what each may hold, and how to mend one that does not.

`SCHEMAS` gives the schema of each folder. Unknown keys are refused. What one file cannot know of another, such as
whether a cited source exists, the loader checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from marshmallow import ValidationError

from cds_service.knowledge.schemas.base import StrictSchema
from cds_service.knowledge.schemas.coverage import ArticleStatementSchema, made_statement
from cds_service.knowledge.schemas.lists import OverrideReasonSchema, PatientPageSchema, SourceSchema, VersionSchema
from cds_service.knowledge.schemas.regimens import RegimenSchema
from cds_service.knowledge.schemas.rules import RuleSchema
from cds_service.knowledge.schemas.things import (
    AnalyteSchema,
    ConditionSchema,
    MedicineSchema,
    ParameterSchema,
    SpecimenSchema,
    TestSchema,
)

SCHEMAS: Mapping[str, type[StrictSchema]] = {
    "analytes": AnalyteSchema,
    "tests": TestSchema,
    "medicines": MedicineSchema,
    "conditions": ConditionSchema,
    "specimens": SpecimenSchema,
    "regimens": RegimenSchema,
    "rules": RuleSchema,
    "parameters": ParameterSchema,
}

_OF_A_MAPPING = ("key", "value")  # marshmallow's own level between the keys of a mapping and what is wrong with them

__all__ = [
    "SCHEMAS",
    "ArticleStatementSchema",
    "OverrideReasonSchema",
    "PatientPageSchema",
    "SourceSchema",
    "VersionSchema",
    "made_statement",
    "problems_of",
]


def problems_of(error: ValidationError) -> list[str]:
    """Every problem of an error as "field path: what is wrong; how to mend it", in a fixed order."""
    return list(_flat(error.messages, ""))


def _flat(messages: object, path: str) -> Iterator[str]:
    if isinstance(messages, Mapping):
        for key in sorted(messages, key=lambda key: (isinstance(key, str), key)):
            inner = (
                path if key == "_schema" or (path and key in _OF_A_MAPPING) else f"{path}.{key}" if path else str(key)
            )
            yield from _flat(messages[key], inner)
    elif isinstance(messages, list):
        for message in messages:
            yield from _flat(message, path)
    else:
        yield f"{path}: {messages}" if path else str(messages)
