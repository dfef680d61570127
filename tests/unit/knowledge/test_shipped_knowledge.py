"""The knowledge that ships: complete, cited, and recognising what it should and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest

from cds_service.facts.labs import Analyte
from cds_service.facts.orders import Test
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Medicine, Route
from cds_service.facts.units import normalised
from cds_service.fhir.names import name_affirmed, name_matches
from cds_service.knowledge.loader import check_complete, load
from cds_service.knowledge.model import AnalyteKnowledge, Code, CodeUse, Knowledge, Licence, MedicineCode, ProblemRole
from cds_service.knowledge.systems import ATC, ICD_10_CM, LOINC, RXNORM, SHORT_NAMES, SNOMED

KNOWLEDGE = load()
MATCH, REVIEW, EXCLUDE = CodeUse.MATCH, CodeUse.REVIEW, CodeUse.EXCLUDE
_SHAPES = {
    LOINC: r"[0-9]{1,6}-[0-9]",
    RXNORM: r"[0-9]{1,8}",
    SNOMED: r"[0-9]{6,18}",
    ATC: r"[A-Z][0-9]{2}[A-Z]{1,2}(?:[0-9]{2})?",
    ICD_10_CM: r"[A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?",
}


def every_code(knowledge: Knowledge) -> Iterator[tuple[str, Code | MedicineCode]]:
    """Every code with the file it stands in."""
    for kind in (knowledge.analytes, knowledge.tests, knowledge.medicines, knowledge.conditions):
        for name, thing in kind.items():
            yield from ((name, code) for code in thing.codes)
    yield from ((name, test.order) for name, test in knowledge.tests.items())


def test_there_is_a_file_for_every_word_of_the_facts_and_none_left_over() -> None:
    check_complete(
        KNOWLEDGE, analytes=list(Analyte), tests=list(Test), medicines=list(Medicine), conditions=list(ProblemKind)
    )


def test_every_code_has_a_display_and_the_shape_of_its_system() -> None:
    for name, code in every_code(KNOWLEDGE):
        assert code.display.strip(), (name, code)
        assert code.system in SHORT_NAMES.values(), (name, code)
        assert re.fullmatch(_SHAPES.get(code.system, r"\S+"), code.code), (name, code)


def test_every_snomed_code_says_its_licence_and_no_other_code_asks_for_one() -> None:
    for name, code in every_code(KNOWLEDGE):
        ours = code.licence in (Licence.SNOMED_GPS, Licence.SNOMED_AFFILIATE)
        assert ours == (code.system == SNOMED), (name, code)


def _check_digit_of_snomed(code: str) -> bool:
    """Verhoeff, as SNOMED CT identifiers carry it."""
    times = [[0] * 10 for _ in range(10)]
    for a in range(10):
        for b in range(10):
            times[a][b] = (a + b) % 5 if a < 5 and b < 5 else (a - b) % 5 if a >= 5 and b >= 5 else 0
            if a < 5 <= b:
                times[a][b] = 5 + (a + b) % 5
            elif b < 5 <= a:
                times[a][b] = 5 + (a - b) % 5
    moved = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    for _ in range(6):
        moved.append([moved[-1][moved[1][i]] for i in range(10)])
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = times[check][moved[place % 8][int(digit)]]
    return check == 0


def test_every_snomed_code_holds_its_check_digit() -> None:
    wrong = {code.code for _, code in every_code(KNOWLEDGE) if code.system == SNOMED}
    assert {code for code in wrong if not _check_digit_of_snomed(code)} == set()


def test_every_loinc_code_holds_its_check_digit() -> None:
    def digit(number: str) -> int:
        doubled = [int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(reversed(number))]
        return -sum(d // 10 + d % 10 for d in doubled) % 10

    codes = {code.code for _, code in every_code(KNOWLEDGE) if code.system == LOINC}
    assert {code for code in codes if digit(code.partition("-")[0]) != int(code.partition("-")[2])} == set()


@pytest.mark.parametrize("analyte", KNOWLEDGE.analytes.values(), ids=lambda analyte: analyte.id)
def test_units_are_listed_as_they_are_looked_up(analyte: AnalyteKnowledge) -> None:
    for unit in (*analyte.refused_units, *(unit for scale in analyte.scales for unit in scale.units)):
        assert normalised(unit) == unit


def test_the_limits_are_those_of_the_sources() -> None:
    by_mass, by_substance = KNOWLEDGE.analytes["total-b12"].scales
    active = KNOWLEDGE.analytes["active-b12"].scales[0]

    assert (by_mass.unit, by_mass.deficient_below, by_mass.unlikely_above) == ("ng/L", 180, 350)
    assert (by_substance.unit, by_substance.deficient_below, by_substance.unlikely_above) == ("pmol/L", 133, 258)
    assert (by_mass.severe_below, by_substance.severe_below) == (100, 74)
    assert (active.unit, active.deficient_below, active.unlikely_above) == ("pmol/L", 25, 70)
    assert KNOWLEDGE.analytes["mma"].scales[0].raised_above == Decimal("0.28")
    assert KNOWLEDGE.analytes["homocysteine"].scales[0].raised_above == 15


@pytest.mark.parametrize(
    ("code", "analyte", "use"),
    [
        ("2132-9", "total-b12", MATCH),
        ("14685-2", "total-b12", MATCH),
        ("16695-9", "total-b12", REVIEW),
        ("2171-7", "total-b12", EXCLUDE),  # unsaturated binding capacity
        ("72157-1", "total-b12", EXCLUDE),  # apo-transcobalamin II
        ("72160-5", "active-b12", MATCH),
        ("13964-2", "mma", MATCH),
        ("32287-5", "mma", EXCLUDE),  # urine
        ("13776-0", "mma", EXCLUDE),  # urine, by creatinine
        ("13965-9", "homocysteine", MATCH),
        ("20646-6", "homocysteine", EXCLUDE),  # homocystine
        ("2488-5", "intrinsic-factor-antibody", EXCLUDE),  # intrinsic factor itself
        ("777-3", "platelets", MATCH),
    ],
)
def test_a_laboratory_code_is_what_it_is(code: str, analyte: str, use: CodeUse) -> None:
    name, listed = KNOWLEDGE.analytes_by_code[LOINC, code]

    assert (name, listed.use) == (analyte, use)


@pytest.mark.parametrize(
    ("system", "code", "holds"),
    [
        (RXNORM, "861004", {"metformin": Decimal(1000)}),
        (RXNORM, "860976", {"metformin": Decimal(500)}),
        (RXNORM, "244190", {"b12": Decimal(2)}),
        (RXNORM, "484925", {"b12": Decimal(2), "folic-acid": Decimal("2.5")}),
        (RXNORM, "198640", {"folic-acid": Decimal("0.4")}),
        (RXNORM, "197860", {"folinic-acid": Decimal(10)}),  # leucovorin is no folic acid
        (RXNORM, "1309383", {"b12": Decimal(1), "folic-acid": Decimal(6)}),  # methylfolate counts
        (ATC, "B03BB01", {"folic-acid": None}),
        (ATC, "L04AX03", {"antifolate": None}),
    ],
)
def test_a_medicine_code_holds_what_it_says(system: str, code: str, holds: dict[str, Decimal | None]) -> None:
    assert {name: row.mg for name, row in KNOWLEDGE.medicines_by_code[system, code]} == holds


def test_an_injection_says_how_much_a_millilitre_holds_and_by_which_route() -> None:
    ((_, cyano),) = KNOWLEDGE.medicines_by_code[RXNORM, "309594"]
    ((_, hydroxo),) = KNOWLEDGE.medicines_by_code[RXNORM, "317106"]

    assert (cyano.mg_per_ml, cyano.mg, cyano.form, cyano.route) == (1, None, "cyanocobalamin", "parenteral")
    assert (hydroxo.mg_per_ml, hydroxo.form, hydroxo.route) == (1, "hydroxocobalamin", "parenteral")


def test_the_routes_of_medicines_are_those_of_the_facts() -> None:
    routes = {code.route for medicine in KNOWLEDGE.medicines.values() for code in medicine.codes}

    assert routes <= {"", *(route.value for route in Route)}


def test_folic_acid_is_known_by_each_brand_name_of_its_codes() -> None:
    folic_acid = KNOWLEDGE.medicines["folic-acid"]
    brands = {brand for code in folic_acid.codes for brand in re.findall(r"\[([^\]]+)\]", code.display)}

    assert len(brands) > 50
    assert [brand for brand in brands if not name_matches(brand, folic_acid.names, folic_acid.not_names)] == ["Hemax"]


def test_eradication_packs_are_marked() -> None:
    packs = {code.code for code in KNOWLEDGE.medicines["ppi"].codes if code.is_eradication_pack}

    assert {"A02BD01", "A02BD07", "1291986"} <= packs
    assert "A02BC01" not in packs
    assert "198051" not in packs


@pytest.mark.parametrize(
    ("system", "code", "kind", "use"),
    [
        (ICD_10_CM, "G62.9", "peripheral-neuropathy", MATCH),
        (ICD_10_CM, "E11.42", "peripheral-neuropathy", MATCH),
        (ICD_10_CM, "G60.0", "peripheral-neuropathy", REVIEW),
        (ICD_10_CM, "D51.0", "pernicious-anaemia", MATCH),
        (ICD_10_CM, "D51.9", "b12-deficiency", MATCH),
        (ICD_10_CM, "E53.8", "b12-deficiency", REVIEW),
        (ICD_10_CM, "N18.4", "chronic-kidney-disease", MATCH),
        (ICD_10_CM, "N18.2", "chronic-kidney-disease", EXCLUDE),
        (ICD_10_CM, "Z90.49", "gastric-or-small-bowel-surgery", REVIEW),
        (ICD_10_CM, "Z98.84", "gastric-or-small-bowel-surgery", MATCH),
        (ICD_10_CM, "F18.10", "nitrous-oxide", REVIEW),
        (ICD_10_CM, "R26.0", "ataxia", MATCH),
        (ICD_10_CM, "D57.3", "sickle-cell", EXCLUDE),
        (ICD_10_CM, "K90.0", "coeliac", MATCH),
        (SNOMED, "24930006", "vegan-diet", MATCH),
        (SNOMED, "162538009", "strict-vegetarian-diet", EXCLUDE),
        (SNOMED, "76976005", "leber-optic-neuropathy", REVIEW),
        (SNOMED, "76976005", "hereditary-optic-atrophy", REVIEW),
        (ICD_10_CM, "H47.22", "leber-optic-neuropathy", REVIEW),
        (ICD_10_CM, "H47.22", "hereditary-optic-atrophy", MATCH),
        (ICD_10_CM, "H47.20", "hereditary-optic-atrophy", REVIEW),
        (ICD_10_CM, "Z88.8", "cobalamin-allergy", REVIEW),
        (ICD_10_CM, "Z39.1", "breastfeeding", MATCH),
    ],
)
def test_a_diagnosis_is_what_it_is(system: str, code: str, kind: str, use: CodeUse) -> None:
    assert [(name, listed.use) for name, listed in KNOWLEDGE.conditions_by_code[system, code] if name == kind] == [
        (kind, use)
    ]


def test_a_code_for_oral_antidiabetics_is_not_metformin() -> None:
    assert (ICD_10_CM, "Z79.84") not in KNOWLEDGE.conditions_by_code


def test_only_what_lasts_for_life_is_called_irreversible() -> None:
    lasting = {name for name, condition in KNOWLEDGE.conditions.items() if condition.is_reversible is False}

    assert lasting == {
        "pernicious-anaemia",
        "atrophic-gastritis",
        "short-bowel",
        "gastric-or-small-bowel-surgery",
        "inborn-error",
        "leber-optic-neuropathy",  # no cause, but a contraindication that a closed entry does not lift
        "hereditary-optic-atrophy",
    }


def test_every_risk_says_whether_it_can_go_away() -> None:
    risks = [condition for condition in KNOWLEDGE.conditions.values() if condition.role is ProblemRole.RISK]

    assert [condition.id for condition in risks if condition.is_reversible is None] == []


def _analytes_named(text: str) -> set[str]:
    return {a.id for a in KNOWLEDGE.analytes.values() if name_matches(text, a.names, a.not_names)}


@pytest.mark.parametrize(
    ("text", "analytes"),
    [
        ("Vitamin B12", {"total-b12"}),
        ("VIT B-12, SERUM", {"total-b12"}),
        ("Cobalamin (Vitamin B12) [Mass/volume] in Serum or Plasma", {"total-b12"}),
        ("P-Kobalaminer", {"total-b12"}),
        ("S-Kobalamin (vitamin B12)", {"total-b12"}),
        ("Cobalamine", {"total-b12"}),
        ("Kobalaminbrist", set()),
        ("P-Transkobalamin", set()),
        ("B12 binding capacity, unsaturated (UBBC)", set()),
        ("Active B12 (holotranscobalamin)", {"active-b12"}),
        ("Vitamin B12 antibody", set()),
        ("Methylmalonic acid", {"mma"}),
        ("Methylmalonic acid, urine", set()),
        ("Homocysteine", {"homocysteine"}),
        ("Homocystine", set()),
        ("Hemoglobin", {"haemoglobin"}),
        ("Haemoglobin", {"haemoglobin"}),
        ("Hemoglobin A1c/Hemoglobin.total in Blood", set()),
        ("Mean Corpuscular Hemoglobin (MCH), Red blood cells", set()),
        ("Mean Corpuscular Volume (MCV), Red blood cells", {"mcv"}),
        ("Hemoglobin [Presence] in Urine by Test strip", set()),
        ("Folate", {"serum-folate"}),
        ("Folate, red cell", {"red-cell-folate"}),
        ("RBC folate", {"red-cell-folate"}),
        ("Platelets [#/volume] in Blood by Automated count", {"platelets"}),
        ("Platelet mean volume [Entitic volume] in Blood by Automated count", set()),
        ("Intrinsic factor antibody", {"intrinsic-factor-antibody"}),
        ("Antinuclear antibody, IFA", set()),
        ("eGFR", {"egfr"}),
        ("Vitamin B12/Folate", set()),
        ("Vitamin В12", set()),  # a Cyrillic letter
    ],
)
def test_a_laboratory_name_is_recognised_or_left_alone(text: str, analytes: set[str]) -> None:
    assert _analytes_named(text) == analytes


@pytest.mark.parametrize(
    ("text", "medicines"),
    [
        ("MetFORMIN (Glucophage)", {"metformin"}),
        ("sitagliptin/metformin (Janumet) 50/1000", {"metformin"}),
        ("Omeprazole 20 mg", {"ppi"}),
        ("amoxicillin / clarithromycin / omeprazole pack", set()),
        ("Hydroxocobalamin 1 mg/mL injection", {"b12"}),
        ("cyanocobalamin (vitamin B-12)", {"b12"}),
        ("Vitamin B12 binding capacity", set()),
        ("B complex without B12", set()),
        ("folic acid 2.5 mg / vitamin B12 2 mg / vitamin B6 25 mg tablet", {"b12", "folic-acid"}),
        ("Prenatal vitamins", {"folic-acid"}),
        ("B complex with C#20-folic acid [Nephrocaps]", {"folic-acid"}),
        ("Leucovorin 10 mg", {"folinic-acid"}),
        ("Vitamin B9 1 mg tablet", {"folic-acid"}),
        ("Vitamina B9", {"folic-acid"}),
        ("Vitamin B9 level", set()),
        ("Vitamin B90", set()),
        ("Dialyvite 800 tablet", {"folic-acid"}),
        ("Hemocyte tablet", set()),
        ("Hematogenous", set()),
        ("Ferrex 150", set()),
        ("Antibacterial Folate Antagonist - Other Combinations", set()),
        ("ranitidine HCl", {"h2-blocker"}),
        ("warfarin [Coumadin]", {"anticoagulant"}),
        ("Heparin lock flush", set()),
        ("Methotrexate 2.5 mg", {"antifolate"}),
        ("Thiamine 100 mg", set()),
        ("Ácido fólico 5 mg comprimidos", {"folic-acid"}),
        ("Acido folico 5 mg compresse", {"folic-acid"}),
        ("Folsäure 5 mg Tabletten", {"folic-acid"}),
        ("Folsaeure 5 mg", {"folic-acid"}),
        ("Acide folique 5 mg comprimé", {"folic-acid"}),
        ("Speciafoldine 5 mg", {"folic-acid"}),
        ("foliumzuur 5 mg", {"folic-acid"}),
        ("Folsyra 1 mg", {"folic-acid"}),
        ("Ácido folínico 15 mg", set()),
        ("Folinsäure 15 mg", set()),
        ("Acide folinique 5 mg", set()),
        ("Acido ialuronico 20 mg", set()),
        ("Ácido fusídico 20 mg/g", set()),
        ("Folsäuremangel", set()),
        ("Folsäurespiegel", set()),
        ("Déficit de ácido fólico", set()),
        ("Alergia al ácido fólico", set()),
        ("Multivitamin ohne Folsäure", set()),
        ("PNV-DHA + Docusate capsule", {"folic-acid"}),
        ("Omeprazol 20 mg", {"ppi"}),
        ("Oméprazole 20 mg gélule", {"ppi"}),
        ("Esomeprazol 40 mg", {"ppi"}),
        ("Pantoprazol 40 mg", {"ppi"}),
        ("Aripiprazol 10 mg", set()),
        ("Omeprazol / amoxicilina / claritromicina", set()),
        ("Omeprazol, Amoxicillin, Clarithromycin", set()),
        ("Omeprazol Metronidazol Tetracyclin", set()),
        ("Alergia a omeprazol", set()),
    ],
)
def test_a_medicine_name_is_recognised_or_left_alone(text: str, medicines: set[str]) -> None:
    found = {m.id for m in KNOWLEDGE.medicines.values() if name_matches(text, m.names, m.not_names)}

    assert found == medicines


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Peripheral neuropathy", {"peripheral-neuropathy"}),
        ("Type 2 diabetes with diabetic polyneuropathy", {"peripheral-neuropathy"}),
        ("Leber hereditary optic neuropathy", {"leber-optic-neuropathy"}),
        ("Hereditary optic atrophy", {"hereditary-optic-atrophy"}),
        ("Optic atrophy, hereditary", {"hereditary-optic-atrophy"}),
        ("Autosomal dominant hereditary optic atrophy (Kjer)", set()),
        ("Glaucomatous optic atrophy", set()),
        ("No evidence of hereditary optic neuropathy", set()),
        ("No evidence of peripheral neuropathy", set()),
        ("Peripheral neuropathy ruled out", set()),
        ("Peripheral neuropathy; no ataxia", {"peripheral-neuropathy"}),
        ("Peripheral neuropathy, suspected B12 deficiency", {"peripheral-neuropathy"}),
        ("Family history of pernicious anaemia (mother)", set()),
        ("Pernicious anaemia, as reported by her mother", {"pernicious-anaemia"}),
        ("Neuropathy (noticed by mother)", {"peripheral-neuropathy"}),
        ("Neuropathy (mother)", set()),
        ("Lactating mother", {"breastfeeding"}),
        ("Pernicious anaemia", {"pernicious-anaemia"}),
        ("Subacute combined degeneration of spinal cord", {"myelopathy"}),
        ("Degeneración combinada subaguda de la médula", {"myelopathy"}),
        ("Neuropatía periférica", {"peripheral-neuropathy"}),
        ("Polynévrite", {"peripheral-neuropathy"}),
        ("Nicht näher bezeichnete Polyneuropathie", {"peripheral-neuropathy"}),
        ("Diabetes no insulinodependiente con polineuropatía", {"peripheral-neuropathy"}),
        ("Perifer nevropati", {"peripheral-neuropathy"}),
        ("Non-diabetic peripheral neuropathy", {"peripheral-neuropathy"}),
        ("Peripheral neuropathy not otherwise specified", {"peripheral-neuropathy"}),
        ("Niet gespecificeerde polyneuropathie", {"peripheral-neuropathy"}),
        ("No specific neuropathy, no further neuropathy", set()),
        ("Neuropatía autonómica", set()),
        ("Diabète sans polyneuropathie", set()),
        ("Verdacht auf Polyneuropathie", set()),
        ("Polyneuropathie, Verdacht auf B12-Mangel", {"peripheral-neuropathy"}),
        ("Geen polyneuropathie", set()),
        ("Perniziöse Anämie", {"pernicious-anaemia"}),
        ("Anemia perniciosa", {"pernicious-anaemia"}),
        ("Anemia perniciosa descartada", set()),
        ("Malaria perniciosa", set()),
        ("Neuropatía óptica hereditaria de Leber", {"leber-optic-neuropathy"}),
        ("Hereditary optic neuropathy (Leber)", {"leber-optic-neuropathy"}),
        ("Leber-Optikusatrophie", {"leber-optic-neuropathy"}),
        ("Atrophie optique héréditaire", {"hereditary-optic-atrophy"}),
        ("Leberzirrhose mit Polyneuropathie", {"peripheral-neuropathy"}),
        ("Amaurosis congénita de Leber", set()),
        ("Déficit de vitamina B12", {"b12-deficiency"}),
        ("Vitamin-B12-Mangelanämie", {"b12-deficiency"}),
        ("Kein Vitamin-B12-Mangel", set()),
        ("Alergia a la vitamina B12", {"cobalamin-allergy"}),
        ("Cervical spondylotic myelopathy", set()),
        ("Vitamin B12 deficiency", {"b12-deficiency"}),
        ("Vitamin B12 deficiency anaemia", {"b12-deficiency"}),
        ("Allergy to vitamin B12", {"cobalamin-allergy"}),
        ("Cyanocobalamin adverse reaction", {"cobalamin-allergy"}),
        ("Anaphylaxis after vitamin B12 injection", {"cobalamin-allergy"}),
        ("Intolerance of cyanocobalamin", {"cobalamin-allergy"}),
        ("Cyanocobalamin (anaphylaxis)", {"cobalamin-allergy"}),
        ("Vitamin B12, allergy to", {"cobalamin-allergy"}),
        ("Drug allergy: cyanocobalamin", {"cobalamin-allergy"}),
        ("Allergy to nickel, chromium and cobalt", {"cobalamin-allergy"}),
        ("Cobalt and nickel allergy", {"cobalamin-allergy"}),
        ("Hipersensibilidad a cobalamina", {"cobalamin-allergy"}),
        ("Alergia à vitamina B12", {"cobalamin-allergy"}),
        ("Reazione avversa alla vitamina B12", {"cobalamin-allergy"}),
        ("Hypersensibilité au cobalt", {"cobalamin-allergy"}),
        ("Vitamin-B12-Allergie", {"cobalamin-allergy"}),
        ("Kobaltallergi", {"cobalamin-allergy"}),
        ("Overgevoeligheid voor vitamine B12", {"cobalamin-allergy"}),
        ("Överkänslighet mot kobalamin", {"cobalamin-allergy"}),
        ("Overfølsomhed over for vitamin B12", {"cobalamin-allergy"}),
        ("Vitamin B12 allergy ruled out", set()),
        ("Vitamin B12", set()),
        ("Cyanocobalamin", set()),
        ("Long term current use of vitamin B12", set()),
        ("Takes vitamin B12 daily", set()),
        ("Needs vitamin B12", set()),
        ("Encounter for administration of cyanocobalamin", set()),
        ("Elevated folate and vitamin B12", set()),
        ("Serum vitamin B12 raised", set()),
        ("Abnormal vitamin B12", set()),
        ("Vitamin B12 erhöht", set()),
        ("Penicillin allergy, on vitamin B12", set()),
        ("Lactose intolerance with vitamin B12 use", set()),
        ("Lactose intolerance (takes vitamin B12)", set()),
        ("Decreased vitamin B12", {"b12-deficiency"}),
        ("Low cobalamin", {"b12-deficiency"}),
        ("Low vitamin B12 intake", set()),
        ("Cobalamin C disease", {"inborn-error"}),
        ("Nitrous oxide (N2O) use, recreational", {"nitrous-oxide"}),
        ("Allergy to nitrous oxide", set()),
        ("Status after gastric bypass", {"gastric-or-small-bowel-surgery"}),
        ("Ileocaecal resection", {"gastric-or-small-bowel-surgery"}),
        ("Awaiting gastric bypass", set()),
        ("Vegan diet", {"vegan-diet"}),
        ("Ovo-lacto vegetarian", set()),
        ("Strict vegetarian", {"strict-vegetarian-diet"}),
        ("Chronic kidney disease stage 4", {"chronic-kidney-disease"}),
        ("Chronic kidney disease stage 2", set()),
        ("CKD G3a", {"chronic-kidney-disease"}),
        ("Lactose malabsorption", set()),
        ("Coeliac artery stenosis", set()),
        ("Sickle cell trait", set()),
        ("Thrombocytopenia", {"thrombocytopenia"}),
        ("Pregnancy test negative", set()),
        ("Pregnant", {"pregnancy"}),
        ("Ascending numbness, 3 months", {"paraesthesia"}),
        ("Hypertension", set()),
    ],
)
def test_a_problem_name_is_recognised_or_left_alone(text: str, kinds: set[str]) -> None:
    found = {c.id for c in KNOWLEDGE.conditions.values() if name_affirmed(text, c.names, c.not_names, c.beside)}

    assert found == kinds


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("Vitamin B12", {"b12"}),
        ("Vitamin B12 injection", set()),
        ("Active B12", {"active-b12"}),
        ("Methylmalonic acid, serum", {"mma"}),
        ("CBC with differential", {"cbc"}),
        ("Full blood count", {"cbc"}),
        ("Folate", {"folate"}),
        ("Folic acid 5 mg tablet", set()),
        ("Anti-intrinsic factor antibodies", {"intrinsic-factor-antibody"}),
        ("Vitamin B12 and folate", {"b12", "folate"}),
    ],
)
def test_an_order_is_recognised_by_its_name(text: str, tests: set[str]) -> None:
    assert {t.id for t in KNOWLEDGE.tests.values() if name_matches(text, t.names)} == tests


def test_no_pattern_takes_long_on_a_hostile_text() -> None:
    texts = ("no " * 2000, "b12 " * 2000, "possible" + " " * 8000, "folate" * 1500, "a" * 8000)
    things = [*KNOWLEDGE.analytes.values(), *KNOWLEDGE.medicines.values(), *KNOWLEDGE.conditions.values()]

    for thing in things:
        for text in texts:
            name_matches(text, thing.names, thing.not_names)  # a pattern that backtracks would never come to its end
