"""Prefetch keys that a site can never send: which may be named as such."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cds_service.facts.patient import DataKey
from cds_service.service import CdsService


def never_sent_problems(keys: Iterable[str], services: Sequence[CdsService]) -> Iterator[str]:
    """What is wrong with the list, each with how to mend it.

    A key that is never sent cannot be required: each call would fail, or each patient be judged without it.
    """
    known = {key.value for key in DataKey}
    for key in keys:
        if key not in known:
            yield f"{key!r} is no prefetch key. The keys are {', '.join(known)}."
            continue
        for service in services:
            if key in service.required:
                yield (
                    f"{service.id} cannot do without {key!r}. Take it off the list; where it is missing, it is read "
                    "from the FHIR server (B12_FHIR_ORIGINS)."
                )
