"""Code systems: the one URI for each, whichever of its spellings a file or a sender chose."""

from __future__ import annotations

import re
from functools import lru_cache

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_10_PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ATC = "http://www.whocc.no/atc"
CPT = "http://www.ama-assn.org/go/cpt"
HPO = "http://human-phenotype-ontology.org"
NDC = "http://hl7.org/fhir/sid/ndc"
HL7_0487 = "http://terminology.hl7.org/CodeSystem/v2-0487"

SHORT_NAMES = {
    "loinc": LOINC,
    "snomed": SNOMED,
    "rxnorm": RXNORM,
    "icd-10-cm": ICD_10_CM,
    "icd-10-pcs": ICD_10_PCS,
    "icd-10": ICD_10,
    "atc": ATC,
    "cpt": CPT,
    "hpo": HPO,
    "ndc": NDC,
    "hl7-0487": HL7_0487,
    "dmd": SNOMED,  # dm+d identifiers are SNOMED CT concept ids of the UK drug extension
}
"""The names that knowledge files use for a system."""

_SPELLINGS = {
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.90": ICD_10_CM,
    "urn:oid:2.16.840.1.113883.6.4": ICD_10_PCS,
    "urn:oid:2.16.840.1.113883.6.3": ICD_10,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    "urn:oid:2.16.840.1.113883.6.69": NDC,
    "urn:oid:2.16.840.1.113883.6.12": CPT,
    "http://hl7.org/fhir/v2/0487": HL7_0487,
    "http://hl7.org/fhir/sid/icd-10-pcs": ICD_10_PCS,
    "http://hl7.org/fhir/sid/atc": ATC,
    "http://dmd.nhs.uk": SNOMED,
    **{uri.lower(): uri for uri in SHORT_NAMES.values()},
}


@lru_cache(maxsize=1024)
def canonical_system(uri: str | None) -> str:
    """The canonical URI of a code system; "" for none, and a system that is not known as it came.

    Blanks ("http: //snomed.info/sct" is in public data), https, capitals, a closing slash, OIDs with and without
    "urn:oid:" and SNOMED CT edition URIs are spellings of one system (FHIR R4, "Using Codes in resources").
    """
    compact = re.sub(r"\s+", "", uri or "")
    plain = compact.lower().rstrip("/")
    if plain.startswith("https://"):
        plain = "http://" + plain.removeprefix("https://")
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)+", plain):
        plain = f"urn:oid:{plain}"
    if plain.startswith(f"{SNOMED}/"):
        return SNOMED
    return _SPELLINGS.get(plain, compact)
