"""fhir.resources (R4B), the judge of what is valid FHIR, imported only where it is asked for.

Its models take 17 MB of memory and a third of a second to import, and no request needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


def model_of(resource_type: str) -> type[BaseModel]:
    """The model of a type; of data types too.

    Raises:
        ValueError: R4B has no such type.
    """
    from fhir.resources.R4B import get_fhir_model_class

    model: type[BaseModel] = get_fhir_model_class(resource_type)
    return model


def faults_of(resource: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is not valid of a resource, as pydantic tells of it (`loc`, `type`, `msg`), without what was sent.

    Raises:
        ValueError, TypeError, AttributeError, RecursionError: the judge gave up on it.
    """
    from pydantic import ValidationError

    try:
        model_of(str(resource["resourceType"])).model_validate(resource)
    except ValidationError as invalid:
        return list(invalid.errors(include_input=False))
    return []
