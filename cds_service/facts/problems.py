"""Problems, procedures, diets and allergies that bear on vitamin B12."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cds_service.facts.dates import ClinicalDate


class ProblemKind(StrEnum):
    """What a problem means to the rules; the value is the file name in `knowledge/conditions/`."""

    PERIPHERAL_NEUROPATHY = "peripheral-neuropathy"
    AUTONOMIC_NEUROPATHY = "autonomic-neuropathy"
    PARAESTHESIA = "paraesthesia"
    MYELOPATHY = "myelopathy"
    ATAXIA = "ataxia"
    COGNITIVE_SYMPTOMS = "cognitive-symptoms"
    GLOSSITIS = "glossitis"
    MACROCYTIC_ANAEMIA = "macrocytic-anaemia"
    B12_DEFICIENCY = "b12-deficiency"
    PERNICIOUS_ANAEMIA = "pernicious-anaemia"
    ATROPHIC_GASTRITIS = "atrophic-gastritis"
    MALABSORPTION = "malabsorption"
    COELIAC = "coeliac"
    CROHN = "crohn"
    PANCREATIC_INSUFFICIENCY = "pancreatic-insufficiency"
    BACTERIAL_OVERGROWTH = "bacterial-overgrowth"
    SHORT_BOWEL = "short-bowel"
    GASTRIC_OR_SMALL_BOWEL_SURGERY = "gastric-or-small-bowel-surgery"
    VEGAN_DIET = "vegan-diet"
    STRICT_VEGETARIAN_DIET = "strict-vegetarian-diet"
    NITROUS_OXIDE = "nitrous-oxide"
    PREGNANCY = "pregnancy"
    BREASTFEEDING = "breastfeeding"
    CHRONIC_KIDNEY_DISEASE = "chronic-kidney-disease"
    DIALYSIS = "dialysis"
    FOLATE_DEFICIENCY = "folate-deficiency"
    HYPOTHYROIDISM = "hypothyroidism"
    LEBER_OPTIC_NEUROPATHY = "leber-optic-neuropathy"
    HEREDITARY_OPTIC_ATROPHY = "hereditary-optic-atrophy"
    COBALAMIN_ALLERGY = "cobalamin-allergy"
    THROMBOCYTOPENIA = "thrombocytopenia"
    SICKLE_CELL = "sickle-cell"
    INBORN_ERROR = "inborn-error"
    PALLIATIVE_CARE = "palliative-care"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of the patient, confirmed and not resolved. `is_coded` is false for a match by name alone.

    `since` is when it began, or else when it was written down; `since_is_onset` tells which. `recorded` is when it was
    written down, and tells that it was there then. `is_suspected` tells of one that nobody has confirmed: unconfirmed,
    provisional or differential.
    """

    kind: ProblemKind
    name: str
    source: str
    since: ClinicalDate | None = None
    is_coded: bool = True
    recorded: ClinicalDate | None = None
    since_is_onset: bool = True
    is_suspected: bool = False
