"""A pytest plugin for mutation testing: no test finds an answer that another test has left behind.

The readers keep the answers to what comes again and again. A changed line below such an answer would not be asked,
and its change not be noticed. With `-p tests.cold_caches` every test reads anew.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from cds_service.facts import dates, units
from cds_service.fhir import dosage, remembered, sig, timing

remembered.LONGEST = -1  # everything is too long to be kept
settings.register_profile("mutants", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("mutants")
_CACHES = (dates._kept, dosage._read_spelled, sig._read, timing._read_word, units._kept)


@pytest.fixture(autouse=True)
def _cold_caches() -> None:
    for cache in _CACHES:
        cache.cache_clear()
