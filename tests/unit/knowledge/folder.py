"""A small folder of knowledge to break: one valid file of each kind, and the shipped parameters."""

from __future__ import annotations

import shutil
from pathlib import Path

from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.loader import PACKAGED, load

REVIEW = """
authored_by: someone
reviewed: 2026-01-01
reviewed_by: Dr Example
next_review: 2027-01-01
status: draft
"""
ANALYTE = f"""
id: total-b12
title: Total vitamin B12
short: vitamin B12
codes:
  - {{system: loinc, code: "2132-9", display: Cobalamin, property: mass}}
names: ['\\bb12\\b']
scales:
  - unit: ng/L
    property: mass
    units: {{ng/l: 1, ng/ml: 1000}}
    plausible_from: 1
    plausible_to: 100000
    severe_below: 100
    deficient_below: 180
    unlikely_above: 350
source: {{id: design, at: "1"}}
{REVIEW}"""
TEST = f"""
id: b12
title: Vitamin B12
order: {{system: loinc, code: "2132-9", display: Cobalamin}}
codes: []
names: [b12]
source: {{id: design, at: "1"}}
{REVIEW}"""
MEDICINE = f"""
id: b12
title: Vitamin B12
codes:
  - {{system: rxnorm, code: "244190", display: Vitamin B 12 2 MG Oral Tablet, mg: 2}}
  - {{system: snomed, code: "419382002", display: Cyanocobalamin}}
names: [cobalamin]
source: {{id: design, at: "1"}}
{REVIEW}"""
CONDITION = f"""
id: coeliac
title: Coeliac disease
role: risk
codes:
  - {{system: icd-10-cm, code: K90.0, display: Celiac disease}}
  - {{system: snomed, code: "396331005", display: Celiac disease, licence: snomed-gps}}
names: [coeliac]
source: {{id: design, at: "1"}}
{REVIEW}"""
REGIMEN = f"""
id: oral
title: Oral
recommends: start-oral-b12
label: Start
medicine: {{system: rxnorm, code: "244190", display: Vitamin B 12 2 MG Oral Tablet}}
medicine_text: Vitamin B12
form: cyanocobalamin
route: {{system: snomed, code: "26643006", display: Oral route}}
route_text: by mouth
steps:
  - {{text: daily, dose: 2000, dose_unit: mcg, dose_code: ug, frequency: 1, period: 1, period_unit: d, for_days: 90}}
quantity: 90
quantity_unit: tablet
supply_days: 90
repeats: 0
source: {{id: design, at: "1"}}
{REVIEW}"""
RULE = f"""
id: B12-DX-01
rule: total_b12_deficient
concern: deficiency
title: Deficient
statement: Below 180 ng/L.
rationale: Because.
source: {{id: design, at: "1"}}
shown_on: [patient-view]
cards:
  untreated: {{indicator: warning, summary: "B12 {{b12}} is low", detail: Look for the cause.}}
overrides: [declined]
examples:
  - {{name: below, given: {{total_b12: 179.9 ng/L, drafting: {{folic-acid: 0.11}}}}, then: fires, variant: untreated}}
  - {{name: at the limit, given: {{}}, then: {{cannot_tell: total_b12}}}}
{REVIEW}"""
FILES = {
    "analytes/total-b12.yaml": ANALYTE,
    "tests/b12.yaml": TEST,
    "medicines/b12.yaml": MEDICINE,
    "conditions/coeliac.yaml": CONDITION,
    "regimens/oral.yaml": REGIMEN,
    "rules/B12-DX-01-deficient.yaml": RULE,
    "sources.yaml": 'design: {title: Our design, url: ""}\n',
    "override-reasons.yaml": "declined: {system: https://example.org/reasons, code: declined, display: Declined}\n",
    "version.yaml": 'version: "1.0.0"\n',
}


def knowledge_folder(place: Path, **changed: str) -> Path:
    """The folder with all files valid. Its parameters cite sources of their own, which are replaced by `design`."""
    folder = place / "knowledge"
    shutil.copytree(PACKAGED / "parameters", folder / "parameters")
    for path in (folder / "parameters").iterdir():
        lines = path.read_text().splitlines()
        kept = [line for line in lines if not line.startswith(("sources:", "  - {id:"))]
        path.write_text("\n".join([*kept, 'source: {id: design, at: "1"}', ""]))
    for name, text in {**FILES, **changed}.items():
        write(folder, name, text)
    return folder


def write(folder: Path, name: str, text: str) -> None:
    """One file of a folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def problems(folder: Path, overlay: Path | None = None) -> list[str]:
    """What loading the folder complains about; [] for nothing."""
    try:
        load(folder, overlay)
    except InvalidKnowledge as error:
        return list(error.problems)
    return []


def problems_after(place: Path, name: str, old: str, new: str) -> list[str]:
    """What loading complains about after one change to one file."""
    folder = knowledge_folder(place)
    text = (folder / name).read_text()
    assert old in text, f"{old!r} is not in {name}"
    write(folder, name, text.replace(old, new, 1))
    return problems(folder)
