"""A few analytes and conditions, written by hand, so that a test of the readers reads no knowledge file."""

from __future__ import annotations

from cds_service.knowledge.model import Code, CodeUse, Knowledge, MedicineCode, MedicineKnowledge, ProblemRole, Property
from tests.builders import (
    ICD_10_CM,
    REVIEW,
    SNOMED,
    analyte,
    knowledge,
    loinc,
    problem_kind,
    scale,
)

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

TOTAL_B12 = analyte(
    "total-b12",
    [
        loinc("2132-9", Property.MASS),
        loinc("14685-2", Property.SUBSTANCE),
        loinc("35201-3", Property.EITHER),
        loinc("16695-9", Property.MASS, CodeUse.REVIEW),
        loinc("2171-7", use=CodeUse.EXCLUDE),
        Code(SNOMED, "271216009", "Serum vitamin B12 level"),
    ],
    (r"\b(vit(amin|\.)? ?)?b ?-?12\b", r"\bcobalamins?\b"),
    scale(
        "ng/L",
        Property.MASS,
        {"ng/l": "1", "pg/ml": "1", "ng/ml": "1000", "ug/l": "1000", "ng/dl": "10"},
        "10",
        "20000",
        deficient_below="180",
        unlikely_above="350",
    ),
    scale("pmol/L", Property.SUBSTANCE, {"pmol/l": "1", "nmol/l": "1000"}, "7", "15000", deficient_below="133"),
    title="vitamin B12",
    not_names=(r"binding capacity", r"\burine\b", r"holo", r"\bactive\b", r"folate"),
    refused_units={"pg/dl": "a known misprint of pg/mL"},
)
ACTIVE_B12 = analyte(
    "active-b12",
    [loinc("72160-5", Property.SUBSTANCE)],
    (r"\bactive (vitamin )?b12\b", r"\bholotranscobalamin\b"),
    scale("pmol/L", Property.SUBSTANCE, {"pmol/l": "1"}, "1", "2000", deficient_below="25"),
    title="active B12",
)
MMA = analyte(
    "mma",
    [
        loinc("13964-2", Property.SUBSTANCE),
        loinc("2629-4", Property.MASS),
        loinc("2630-2", Property.MASS, CodeUse.REVIEW),
    ],
    (r"\bmethylmalon(ic acid|ate)\b", r"\bmma\b"),
    scale(
        "umol/L",
        Property.SUBSTANCE,
        {"umol/l": "1", "mcmol/l": "1", "nmol/l": "0.001", "ng/ml": "0.00846812", "ug/l": "0.00846812"},
        "0.01",
        "1000",
        raised_above="0.28",
    ),
    title="methylmalonic acid",
    not_names=(r"\burine\b",),
)
HAEMOGLOBIN = analyte(
    "haemoglobin",
    [loinc("718-7", Property.MASS)],
    (r"\bha?emoglobin\b",),
    scale("g/L", Property.MASS, {"g/l": "1", "g/dl": "10"}, "20", "300", low_below_female="120"),
    not_names=(r"a1c",),
)
MCV = analyte("mcv", [loinc("787-2")], (r"\bmcv\b",), scale("fL", Property.OTHER, {"fl": "1"}, "40", "200"))
IF_ANTIBODY = analyte(
    "intrinsic-factor-antibody",
    [loinc("31444-3"), loinc("31443-5")],
    (r"intrinsic factor",),
    title="intrinsic factor antibody",
)

CONDITIONS = (
    problem_kind(
        "peripheral-neuropathy",
        [
            Code(ICD_10_CM, "G62.9", "Polyneuropathy, unspecified"),
            Code(ICD_10_CM, "E11.42", "Type 2 diabetes with diabetic polyneuropathy"),
            Code(SNOMED, "42345000", "Polyneuropathy"),
        ],
        (r"\b(poly)?neuropathy\b",),
    ),
    problem_kind(
        "b12-deficiency",
        [
            Code(ICD_10_CM, "E53.8", "Deficiency of other specified B group vitamins", CodeUse.REVIEW),
            Code(ICD_10_CM, "D51", "Vitamin B12 deficiency anemia"),
        ],
        (r"\b(b12|cobalamin) deficien",),
    ),
    problem_kind(
        "pernicious-anaemia",
        [Code(ICD_10_CM, "D51.0", "Pernicious anemia"), Code(SNOMED, "84027009", "Pernicious anemia")],
        (r"\bpernicious ana?emia\b",),
        role=ProblemRole.RISK,
        is_reversible=False,
    ),
    problem_kind(
        "nitrous-oxide",
        [Code(ICD_10_CM, "F18.10", "Inhalant abuse", CodeUse.REVIEW), Code(SNOMED, "111132001", "Nitrous oxide")],
        (r"\bnitrous oxide\b", r"\bn2o\b"),
        role=ProblemRole.RISK,
        is_reversible=True,
    ),
    problem_kind(
        "gastric-or-small-bowel-surgery",
        [Code(ICD_10_CM, "Z90.3", "Acquired absence of stomach"), Code(SNOMED, "442338001", "Gastric bypass")],
        (r"\bgastric bypass\b", r"\bgastrectomy\b"),
        role=ProblemRole.RISK,
        is_reversible=False,
    ),
    problem_kind(
        "chronic-kidney-disease",
        [
            Code(ICD_10_CM, "N18", "Chronic kidney disease"),
            Code(ICD_10_CM, "N18.2", "Chronic kidney disease, stage 2", CodeUse.EXCLUDE),
            Code(SNOMED, "709044004", "Chronic kidney disease"),
        ],
        (r"\bchronic kidney disease\b",),
        role=ProblemRole.CONFOUNDER,
    ),
    problem_kind("pregnancy", [Code(SNOMED, "77386006", "Pregnant"), Code(ICD_10_CM, "Z3A", "Weeks of gestation")]),
    problem_kind(
        "cobalamin-allergy",
        [Code(ICD_10_CM, "Z88.8", "Allergy status to other drugs", CodeUse.REVIEW)],
        (r"cobalamin",),
        beside=(r"allerg", r"reaction"),
        role=ProblemRole.CONTEXT,
    ),
    problem_kind(
        "vegan-diet", [Code(SNOMED, "24930006", "Vegan")], (r"\bvegan\b",), role=ProblemRole.RISK, is_reversible=True
    ),
    problem_kind(
        "strict-vegetarian-diet",
        [
            Code(SNOMED, "281014009", "Strict vegetarian"),
            Code(SNOMED, "162538009", "Ovo-lacto-vegetarian", CodeUse.EXCLUDE),
        ],
        (r"\bstrict vegetarian\b",),
        (r"\blacto\b", r"\bovo\b"),
        role=ProblemRole.RISK,
        is_reversible=True,
    ),
)


MEDICINES = (
    MedicineKnowledge(
        "b12",
        "Vitamin B12",
        (MedicineCode(RXNORM, "11248", "vitamin B12"), MedicineCode(RXNORM, "1248142", "prenatal multivitamin")),
        (r"\bvitamin b ?12\b", r"cobalamin"),
        (),
        (),
        REVIEW,
    ),
    MedicineKnowledge(
        "folic-acid",
        "Folic acid",
        (MedicineCode(RXNORM, "1248142", "prenatal multivitamin"),),
        (r"\bfolic acid\b",),
        (),
        (),
        REVIEW,
    ),
)


def lab_knowledge() -> Knowledge:
    """Knowledge of six analytes and a few conditions."""
    return knowledge([TOTAL_B12, ACTIVE_B12, MMA, HAEMOGLOBIN, MCV, IF_ANTIBODY], CONDITIONS, MEDICINES)
