"""A pytest plugin for mutation testing: no test finds an answer that another test has left behind.

The readers keep the answers to what comes again and again. A changed line below such an answer would not be asked,
and its change not be noticed. With `-p tests.cold_caches` everything is too long to be kept, and read anew.
"""

from __future__ import annotations

from cds_service.fhir import dosage, remembered

remembered.LONGEST = -1
dosage._LONGEST_KEPT = -1
