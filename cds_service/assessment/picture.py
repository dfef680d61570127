"""The patient as the rules see them: facts, therapy, exposures, features, risks and the reading of the results.

Made once a call; each rule then asks a short question of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from heapq import nlargest

from cds_service.assessment.bands import Band, LimitGroup, b12_band, is_low, is_raised, scale_of
from cds_service.assessment.exposure import exposure, given_nitrous_oxide, used_longer_than
from cds_service.assessment.kidneys import with_estimated_rate
from cds_service.assessment.metabolites import METABOLITES
from cds_service.assessment.once import once
from cds_service.assessment.outcome import FactUsed, Status
from cds_service.assessment.reading import B12_ANALYTES, Reading, is_low_there, read_results
from cds_service.assessment.results import follows, last_day, within_months
from cds_service.assessment.therapy import Therapy, read_therapy
from cds_service.facts.dates import ClinicalDate, add_months, age_in_years
from cds_service.facts.labs import Analyte, Finding, LabResult
from cds_service.facts.orders import TEST_OF, Test, TestOrder
from cds_service.facts.patient import AGE, DOSE, DRAFTS, Availability, DataIssue, DataKey, PatientFacts, Sex
from cds_service.facts.presence import Presence
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.facts.treatments import Exposure, Medicine, Treatment
from cds_service.knowledge.model import Knowledge, Parameters, ProblemRole

NEUROLOGICAL = (
    ProblemKind.PERIPHERAL_NEUROPATHY,
    ProblemKind.AUTONOMIC_NEUROPATHY,
    ProblemKind.PARAESTHESIA,
    ProblemKind.MYELOPATHY,
    ProblemKind.ATAXIA,
)
MALABSORPTIVE = (
    ProblemKind.PERNICIOUS_ANAEMIA,
    ProblemKind.ATROPHIC_GASTRITIS,
    ProblemKind.COELIAC,
    ProblemKind.CROHN,
    ProblemKind.PANCREATIC_INSUFFICIENCY,
    ProblemKind.BACTERIAL_OVERGROWTH,
    ProblemKind.SHORT_BOWEL,
    ProblemKind.GASTRIC_OR_SMALL_BOWEL_SURGERY,
    ProblemKind.MALABSORPTION,
)
FOR_LIFE = (ProblemKind.PERNICIOUS_ANAEMIA, ProblemKind.GASTRIC_OR_SMALL_BOWEL_SURGERY)
_SOME_B12_HARMS = (
    ProblemKind.COBALAMIN_ALLERGY,
    ProblemKind.LEBER_OPTIC_NEUROPATHY,
    ProblemKind.HEREDITARY_OPTIC_ATROPHY,
)
LONG_TERM = (Medicine.METFORMIN, Medicine.PPI, Medicine.H2_BLOCKER)
_KINDS = tuple(ProblemKind)
_MARKS = {Finding.LOW: "marked low", Finding.HIGH: "marked high"}
_BY_SEX = {Sex.FEMALE: LimitGroup.WOMEN, Sex.MALE: LimitGroup.MEN}
_EXPLAINS_METABOLITES = frozenset({Analyte.EGFR, Analyte.CREATININE})
_EXPLAINS_HOMOCYSTEINE = frozenset({Analyte.SERUM_FOLATE, Analyte.RED_CELL_FOLATE})
_ANALYTES = frozenset(analyte.value for analyte in Analyte)
_TEST_OF: Mapping[str, Test] = {analyte.value: test for analyte, test in TEST_OF.items()}
MEDICATION_KEYS = (
    DataKey.MEDICATION_STATEMENTS,
    DataKey.MEDICATION_REQUESTS,
    DataKey.MEDICATION_DISPENSES,
    DataKey.MEDICATION_ADMINISTRATIONS,
)


class Picture:
    """All that is derived from the facts; lazily, because most hooks need little of it. Immutable to its readers."""

    def __init__(self, facts: PatientFacts, knowledge: Knowledge) -> None:
        self.facts = facts
        self.knowledge = knowledge
        self.parameters: Parameters = knowledge.parameters
        self.today = facts.today
        self.labs = with_estimated_rate(facts, knowledge)
        gas = given_nitrous_oxide(facts.treatments, facts.today, knowledge.parameters.nitrous_oxide_months)
        self.problems: Mapping[ProblemKind, tuple[Problem, ...]] = _by_kind(facts.problems + gas)

    @once
    def age(self) -> tuple[int, int] | None:
        """Youngest and oldest possible age in years; None without a birth date."""
        return age_in_years(self.facts.born, self.today) if self.facts.born is not None else None

    @once
    def is_child(self) -> bool:
        """Certainly under the age that the guidelines cover (NICE NG239: over 16; setting)."""
        return self.age is not None and self.age[1] < self.parameters.adult_age_years

    @once
    def in_scope(self) -> bool:
        """Whether the rules for adults apply."""
        return not self.is_child and not self.facts.is_deceased

    @once
    def therapy(self) -> Therapy:
        """Vitamin B12 therapy."""
        return read_therapy(self.facts.treatments, self.today, self.parameters)

    @once
    def is_treated(self) -> bool:
        """Whether vitamin B12 therapy goes on now, for certain."""
        return self.therapy.is_current is Presence.YES

    @once
    def is_arranged(self) -> bool:
        """Whether therapeutic vitamin B12 is on record that begins within days, so that it is not offered again.

        Where it may be the wrong one, nothing is arranged; nor is it for a spinal cord, which does not wait; nor where
        neither could be read.
        """
        starts = self.therapy.starts
        if starts is None or self.unread(DataKey.CONDITIONS, DataKey.ALLERGIES):
            return False
        if self.has(*_SOME_B12_HARMS, ProblemKind.MYELOPATHY):
            return False
        return (starts.latest - self.today).days <= self.parameters.planned_start_days

    @once
    def reading(self) -> Reading:
        """The results read together."""
        return read_results(self.labs, self.therapy, self.problems, self.knowledge, self.today)

    @once
    def status(self) -> Status:
        """The vitamin B12 status."""
        return self.reading.status if self.in_scope else Status.NOT_APPLICABLE

    @once
    def exposures(self) -> Mapping[Medicine, Exposure]:
        """Use of metformin, PPIs and H2 blockers over time."""
        return {m: exposure(self.facts.treatments, m, self.today, self.parameters) for m in LONG_TERM}

    def has(self, *kinds: ProblemKind) -> bool:
        """Whether any of these problems is recorded."""
        return not self.problems.keys().isdisjoint(kinds)

    def facts_of(self, *kinds: ProblemKind) -> tuple[FactUsed, ...]:
        """The recorded problems of these kinds, as facts for a card."""
        return tuple([fact for kind in kinds for fact in self._problem_facts.get(kind, ())])

    @once
    def _problem_facts(self) -> Mapping[ProblemKind, Sequence[FactUsed]]:
        return {kind: [problem_fact(p, self.knowledge) for p in problems] for kind, problems in self.problems.items()}

    def newest(self, analyte: Analyte) -> LabResult | None:
        """The newest result of an analyte."""
        return self.labs.newest(analyte)

    def recent(self, analyte: Analyte) -> LabResult | None:
        """The newest result of an analyte, if it is recent enough to speak of the present."""
        result = self.newest(analyte)
        months = self.parameters.recent_result_months
        return result if result is not None and within_months(result.taken, months, self.today) else None

    @once
    def macrocytosis(self) -> LabResult | None:
        """A recent MCV above its limit."""
        mcv = self.recent(Analyte.MCV)
        raised = mcv is not None and is_raised(mcv, self.knowledge.analytes[Analyte.MCV]) is Presence.YES
        return mcv if raised else None

    @once
    def hypersegmentation(self) -> LabResult | None:
        """Hypersegmented neutrophils that were seen recently."""
        film = self.recent(Analyte.HYPERSEGMENTED_NEUTROPHILS)
        seen = film is not None and is_raised(film, self.knowledge.analytes[film.analyte]) is Presence.YES
        return film if seen else None

    @once
    def limits_for(self) -> LimitGroup:
        """The group whose lower limits hold for this patient."""
        if self.has(ProblemKind.PREGNANCY):
            return LimitGroup.PREGNANCY
        return _BY_SEX.get(self.facts.sex, LimitGroup.NOT_KNOWN)

    @once
    def anaemia(self) -> LabResult | None:
        """A recent haemoglobin below its limit for the sex, or for pregnancy."""
        hb = self.recent(Analyte.HAEMOGLOBIN)
        low = (
            hb is not None and is_low(hb, self.knowledge.analytes[Analyte.HAEMOGLOBIN], self.limits_for) is Presence.YES
        )
        return hb if low else None

    @once
    def pregnancy_contest(self) -> LabResult | None:
        """In pregnancy an active B12 above its limits, near a total B12 that is lower than it should be: total B12
        falls then without deficiency, and active B12 is preferred (NICE NG239). None where a marker is raised."""
        reading = self.reading
        if not self.has(ProblemKind.PREGNANCY) or reading.raised_markers or reading.preliminary is not None:
            return None
        if reading.deciding is None or reading.deciding.analyte is not Analyte.TOTAL_B12:
            return None
        active = [r for r in reading.disagreeing if r.analyte is Analyte.ACTIVE_B12]
        scales = self.knowledge.analytes[Analyte.ACTIVE_B12]
        enough = [r for r in active if b12_band(r, scale_of(r, scales)) is Band.UNLIKELY and not is_low_there(r)]
        return enough[0] if enough and len(enough) == len(active) else None

    @once
    def features(self) -> tuple[FactUsed, ...]:
        """Signs and symptoms that vitamin B12 deficiency can cause: from problems, MCV, haemoglobin and blood film."""
        coded = [kind for kind in self.problems if self.role(kind) is ProblemRole.FEATURE]
        return self.facts_of(*coded) + self._blood_count

    @once
    def neurological(self) -> tuple[FactUsed, ...]:
        """Neurological features alone."""
        return self.facts_of(*NEUROLOGICAL)

    @once
    def cord_words(self) -> str:
        """What a sentence calls the disease of the spinal cord: only a possible one where nobody has confirmed it."""
        cord = self.problems.get(ProblemKind.MYELOPATHY, ())
        return "possible spinal cord disease" if all(p.is_suspected for p in cord) else "spinal cord disease"

    @once
    def blood_features(self) -> tuple[FactUsed, ...]:
        """Macrocytosis, hypersegmented neutrophils and anaemia alone."""
        return self.facts_of(ProblemKind.MACROCYTIC_ANAEMIA) + self._blood_count

    @property
    def _blood_count(self) -> tuple[FactUsed, ...]:
        found: tuple[FactUsed, ...] = ()
        if self.macrocytosis is not None:
            found += (replace(result_fact(self.macrocytosis, self.knowledge), label="Macrocytosis"),)
        if self.hypersegmentation is not None:
            film = result_fact(self.hypersegmentation, self.knowledge)
            found += (replace(film, label="Hypersegmented neutrophils"),)
        if self.anaemia is not None:
            found += (replace(result_fact(self.anaemia, self.knowledge), label="Low haemoglobin"),)
        return found

    @once
    def lasting_causes(self) -> tuple[FactUsed, ...]:
        """Causes that do not go away: replacement is then lifelong (source article, Maintenance Therapy)."""
        conditions = self.knowledge.conditions
        risks = (kind for kind in self.problems if self.role(kind) is ProblemRole.RISK)
        return self.facts_of(*(kind for kind in risks if conditions[kind].is_reversible is False))

    @once
    def causes_for_life(self) -> tuple[FactUsed, ...]:
        """Causes that need B12 for life whatever the level: those of them that are confirmed."""
        sure = (problem for kind in FOR_LIFE for problem in self.problems.get(kind, ()) if not problem.is_suspected)
        return tuple(problem_fact(problem, self.knowledge) for problem in sure)

    @once
    def lifelong_therapy_lapsed(self) -> bool:
        """Whether a patient with a lasting cause was treated and is not treated now."""
        return bool(self.lasting_causes) and self.therapy.ended is not None

    @once
    def is_replacement_due(self) -> bool:
        """Whether a patient with a lasting cause was treated, and replacement is due now, whatever a test says."""
        return self.lifelong_therapy_lapsed or (bool(self.lasting_causes) and self.therapy.ran_out_lately)

    def role(self, kind: ProblemKind) -> ProblemRole:
        """What the knowledge says a problem does."""
        return self.knowledge.conditions[kind].role

    def months_of(self, medicine: Medicine) -> int:
        """After how many months of use a medicine becomes a risk."""
        return {
            Medicine.METFORMIN: self.parameters.metformin_months,
            Medicine.PPI: self.parameters.ppi_months,
            Medicine.H2_BLOCKER: self.parameters.h2_blocker_months,
        }[medicine]

    def is_long_used(self, use: Exposure) -> Presence:
        """Whether a medicine was used for longer than its months of risk."""
        return used_longer_than(use, self.months_of(use.medicine), self.today, self.parameters)

    @once
    def long_used(self) -> Mapping[Medicine, Presence]:
        """Whether each of the medicines that matter when taken long was used for longer than its months of risk."""
        return {medicine: self.is_long_used(use) for medicine, use in self.exposures.items()}

    @once
    def causes(self) -> tuple[FactUsed, ...]:
        """What may be a cause of deficiency: problems, and long use of a medicine."""
        kinds = [kind for kind in self.problems if self.role(kind) is ProblemRole.RISK]
        medicines = tuple(
            FactUsed(self.knowledge.medicines[medicine].title, f"more than {self.months_of(medicine)} months")
            for medicine, longer in self.long_used.items()
            if longer is Presence.YES
        )
        return self.facts_of(*kinds) + medicines

    @once
    def perhaps_long_used(self) -> tuple[FactUsed, ...]:
        """Medicines that matter when taken long, and that may have been."""
        return tuple(
            FactUsed(self.knowledge.medicines[medicine].title, "duration not known", source=", ".join(use.sources[:3]))
            for medicine, use in self.exposures.items()
            if self.long_used[medicine] is Presence.NOT_KNOWN
        )

    @once
    def advanced_age(self) -> str:
        """The age as a card says it, where it is, or may be, one at which screening may be warranted; "" otherwise."""
        if self.age is None or self.age[1] <= self.parameters.advanced_age_years:
            return ""
        return " or ".join(map(str, dict.fromkeys(self.age)))

    @once
    def recorded_deficiency(self) -> tuple[FactUsed, ...]:
        """Pernicious anaemia or, without it, vitamin B12 deficiency on the problem list. A recent level that is not low
        answers the second, as problem lists are seldom tidied; the first needs replacement whatever the level."""
        pernicious = self.facts_of(ProblemKind.PERNICIOUS_ANAEMIA)
        if pernicious or not self.has(ProblemKind.B12_DEFICIENCY) or self._is_last_level_sufficient:
            return pernicious
        facts = self.facts_of(ProblemKind.B12_DEFICIENCY)
        if self.is_deficiency_sure:
            return facts
        return tuple(replace(fact, short="possible B12 deficiency") for fact in facts)

    @property
    def is_deficiency_sure(self) -> bool:
        """Whether a recorded deficiency is coded and confirmed: E53.8 is of other B vitamins as well."""
        return any(problem.is_coded for problem in self.problems.get(ProblemKind.B12_DEFICIENCY, ()))

    @property
    def _is_last_level_sufficient(self) -> bool:
        """Whether the last final level is recent and above the limits, drawn on treatment or not."""
        final = [r for r in (self.reading.deciding, *self.reading.on_therapy) if r is not None and not r.is_preliminary]
        last = max(final, key=lambda r: r.taken.order, default=None)
        if last is None or not within_months(last.taken, self.parameters.recent_result_months, self.today):
            return False
        band = b12_band(last, scale_of(last, self.knowledge.analytes[last.analyte]))
        is_low_there = last is self.reading.deciding and self.reading.is_low_to_its_laboratory
        return band is Band.UNLIKELY and not is_low_there

    @once
    def risks(self) -> tuple[FactUsed, ...]:
        """All that raises the chance of deficiency: that it is on the problem list, a level that was deficient, an
        antibody against intrinsic factor, causes, and age."""
        age = FactUsed("Age", f"{self.advanced_age} years", short=f"age {self.advanced_age}")
        known = (*self.recorded_deficiency, *self._earlier_deficiency, *self._antibody)
        found = (*known, *self.causes, *((age,) if self.advanced_age else ()))
        return tuple(dict.fromkeys(found))

    @property
    def _earlier_deficiency(self) -> tuple[FactUsed, ...]:
        """A deficient level, or a raised MMA, before a level that is not clear, where nothing in between was sufficient
        and nobody treated: without treatment it seldom ends."""
        level = self.reading.deciding
        if level is None or self.reading.band not in (Band.INDETERMINATE, Band.DEFICIENT_OR_INDETERMINATE):
            return ()
        for marker in self.reading.raised_apart:
            if marker.result.analyte is Analyte.MMA:
                return (replace(result_fact(marker.result, self.knowledge), short="an earlier raised MMA"),)
        for result in reversed(self.labs.all):
            if result.analyte not in B12_ANALYTES or not follows(level.taken, result.taken) or not _is_number(result):
                continue
            band = b12_band(result, scale_of(result, self.knowledge.analytes[result.analyte]))
            if band is Band.UNLIKELY or self.therapy.was_taken_after(result.taken.latest):
                return ()
            if band is Band.DEFICIENT:
                return (replace(result_fact(result, self.knowledge), short="an earlier deficient level"),)
        return ()

    @property
    def _antibody(self) -> tuple[FactUsed, ...]:
        """A positive intrinsic factor antibody, until a normal MMA shows that B12 is not lacking yet: the level itself
        is not reliable then (clinical-guidelines 5, Assay)."""
        antibody = self.newest(Analyte.INTRINSIC_FACTOR_ANTIBODY)
        if antibody is None or is_raised(antibody, self.knowledge.analytes[antibody.analyte]) is not Presence.YES:
            return ()
        mma = [m for m in self.reading.markers if m.result.analyte is Analyte.MMA and not m.on_therapy]
        if any(marker.raised is Presence.NO for marker in mma):
            return ()
        return (replace(result_fact(antibody, self.knowledge), short="intrinsic factor antibodies"),)

    def pending(self, *tests: Test) -> bool:
        """Whether one of these tests is on its way: ordered or done recently and not revoked, or drafted now.

        An order without a date cannot be called recent: records keep orders active for decades.
        """
        return not self._pending.isdisjoint(tests)

    @once
    def _pending(self) -> frozenset[Test]:
        ordered = {order.test for order in self._on_their_way}
        return frozenset(ordered.union(*(draft.tests for draft in self.facts.drafts)))

    def awaited(self, *tests: Test) -> tuple[TestOrder, ...]:
        """Those of these tests that are done, and of which nothing has come yet."""
        return tuple(order for order in self._on_their_way if order.is_done and order.test in tests)

    @once
    def _on_their_way(self) -> tuple[TestOrder, ...]:
        orders = (*self.facts.test_orders, *self._preliminary_results)
        return tuple(order for order in orders if self._is_recent(order) and not self._has_come(order))

    @property
    def _preliminary_results(self) -> list[TestOrder]:
        """Tests of which there is a preliminary result."""
        results = (r for r in self.facts.labs if r.is_preliminary and r.is_coded and r.analyte in TEST_OF)
        return [TestOrder(TEST_OF[r.analyte], r.taken, r.source, is_done=True) for r in results]

    def _is_recent(self, order: TestOrder) -> bool:
        days = self.parameters.pending_order_days
        if order.due is not None and (order.due.earliest - self.today).days > days:
            return False  # for a later visit: it answers nothing now
        return order.ordered is not None and 0 <= (self.today - order.ordered.earliest).days <= days

    def _has_come(self, order: TestOrder) -> bool:
        """Whether something came of a test that is done, usable or not, or may have where results were not read."""
        if not order.is_done or order.ordered is None:
            return False
        since, came = order.ordered.earliest, self._last_come.get(order.test, ())
        return bool(self.unread(DataKey.LABS)) or any(day >= since and source != order.source for day, source in came)

    @once
    def _last_come(self) -> Mapping[Test, Sequence[tuple[date, str]]]:
        """The last two records that brought something of each test, which are enough to find one that is not the order
        itself: the last day that they may be of, and what they are."""
        days: defaultdict[Test, dict[str, date]] = defaultdict(dict)
        brought = [(r.analyte.value, r.source, r.taken.latest) for r in self.facts.labs if not r.is_preliminary]
        for issue in self.facts.issues:
            if not issue.used_with_care and not issue.resource.startswith("ServiceRequest/"):
                brought.append((issue.matters_to, issue.resource, issue.day.latest if issue.day else date.max))
        for topic, source, day in brought:
            test = _TEST_OF.get(topic)
            if test is not None:
                days[test][source] = max(day, days[test].get(source, day))
        return {test: nlargest(2, ((day, source) for source, day in of.items())) for test, of in days.items()}

    @once
    def is_test_wanted(self) -> bool:
        """Whether a screening card is wanted at all (clinical-guidelines 8.2): nobody is asked for what is known, on
        its way, already treated, or of no use to the patient."""
        return (
            self.status is Status.UNKNOWN
            and not self.has(ProblemKind.PALLIATIVE_CARE)
            and not self.is_treated
            and not self.is_replacement_due
            and not self.reading.is_open_after_treatment
            and not self.pending(Test.B12, Test.ACTIVE_B12)
        )

    def unused(self, *topics: str) -> tuple[DataIssue, ...]:
        """What could not be used at all of these analytes, medicines or problems."""
        return tuple(i for i in self.facts.issues if i.matters_to in topics and not i.used_with_care)

    @once
    def left_out(self) -> tuple[DataIssue, ...]:
        """What was left out and may concern us: not a result that is too old to count, or that a newer one of its kind
        stands for, and neither a birth date nor a dose of B12 where none would change the answer.

        A B12 result counts however old it is: a deficiency that nobody treated is still one.
        """
        found = (i for i in self.facts.issues if i.matters_to and not i.used_with_care and i.matters_to != DRAFTS)
        return tuple(i for i in found if not self._is_settled(i))

    def _is_settled(self, issue: DataIssue) -> bool:
        if issue.matters_to == AGE:
            return self.status not in (Status.UNKNOWN, Status.INDETERMINATE)
        if issue.matters_to == Medicine.B12 and issue.field == DOSE:
            return not self._dose_matters
        if not self._bears(issue.matters_to):
            return True
        day = issue.day
        if issue.matters_to not in _ANALYTES or day is None:
            return False
        is_old = day.latest <= add_months(self.today, -self.parameters.recent_result_months)
        if is_old and issue.matters_to not in B12_ANALYTES:
            return True
        last = self._last_days.get(Analyte(issue.matters_to))
        return last is not None and follows(last, day)

    def _bears(self, topic: str) -> bool:
        """Whether an entry of this topic could change the answer: what explains a raised metabolite only where one may
        be raised, and anaemia and pregnancy only where B12 is open and something else makes it count; pregnancy also in
        deficiency."""
        if topic in _EXPLAINS_HOMOCYSTEINE:
            return self._may_be_raised(Analyte.HOMOCYSTEINE)
        if topic in _EXPLAINS_METABOLITES:
            return self._may_be_raised(*METABOLITES)
        if topic == ProblemKind.PREGNANCY and self.status in (
            Status.DEFICIENT,
            Status.FUNCTIONAL,
            Status.NOT_APPLICABLE,
        ):
            return True
        if topic not in (Analyte.HAEMOGLOBIN, ProblemKind.PREGNANCY):
            return True
        drafted = any(c.medicine is Medicine.FOLIC_ACID for d in self.facts.drafts for c in d.contents)
        beside = self.features or self.risks or self.perhaps_long_used or drafted or self.active_folic_acid
        return self.status in (Status.UNKNOWN, Status.INDETERMINATE) and bool(beside)

    def _may_be_raised(self, *analytes: Analyte) -> bool:
        """Whether any result of these is raised or may be, or one could not be used, whenever it was taken."""
        measured = any(
            is_raised(result, self.knowledge.analytes[analyte]) is not Presence.NO
            for analyte in analytes
            for result in self.labs.of(analyte)
        )
        return measured or bool(self.unused(*analytes))

    @once
    def _dose_matters(self) -> bool:
        """Whether it would change the answer to know how much B12 is taken."""
        level = self.reading.deciding
        is_on_it = level is not None and self.therapy.may_cover(level.taken)
        return is_on_it or self.therapy.is_current is Presence.NOT_KNOWN

    @once
    def _last_days(self) -> dict[Analyte, ClinicalDate]:
        """Of each analyte, the last day of a result that counts in full."""
        days: dict[Analyte, list[ClinicalDate]] = defaultdict(list)
        for result in self.labs.all:
            if result.is_coded and not result.is_preliminary:
                days[result.analyte].append(result.taken)
        return {analyte: last_day(taken) for analyte, taken in days.items()}

    def unread(self, *keys: DataKey) -> tuple[DataKey, ...]:
        """Which of these keys were neither complete nor registered as never sent."""
        return tuple(key for key in keys if key in self._unread) if self._unread else ()

    @once
    def _unread(self) -> frozenset[DataKey]:
        fine = (Availability.COMPLETE, Availability.NEVER_SENT)
        held = dict(self.facts.availability)
        return frozenset([key for key, availability in held.items() if availability not in fine])

    @once
    def active_folic_acid(self) -> tuple[Treatment, ...]:
        """Folic acid that is being taken now."""
        return tuple(t for t in self.facts.treatments if t.medicine is Medicine.FOLIC_ACID and t.is_active)


def _is_number(result: LabResult) -> bool:
    """Whether a result is final, coded, and more than a word."""
    return result.finding is None and result.is_coded and not result.is_preliminary


def _by_kind(problems: tuple[Problem, ...]) -> dict[ProblemKind, tuple[Problem, ...]]:
    found: dict[ProblemKind, list[Problem]] = defaultdict(list)
    for problem in problems:
        found[problem.kind].append(problem)
    return {kind: tuple(found[kind]) for kind in _KINDS if kind in found}


def result_fact(result: LabResult, knowledge: Knowledge, note: str = "") -> FactUsed:
    """A laboratory result as a row of the card's table."""
    remark = ", ".join(
        part
        for part in (
            note,
            "preliminary" if result.is_preliminary else "",
            _MARKS[result.flag] if result.flag in _MARKS and not result.printed_range else "",
            "" if result.is_coded else "recognised by name only",
        )
        if part
    )
    value = f"{result.printed} ({remark})" if remark else result.printed
    short = knowledge.analytes[result.analyte].short
    return FactUsed(short, value, str(result.taken), result.printed_range, result.source)


def problem_fact(problem: Problem, knowledge: Knowledge) -> FactUsed:
    """A problem as a row of the card's table."""
    known = knowledge.conditions[problem.kind]
    name = problem.name if problem.is_coded else f"{problem.name} (possible)"
    since = str(problem.since) if problem.since else ""
    fact = FactUsed(known.title, name, since, "", problem.source, known.short)
    return replace(fact, short=f"possible {fact.words}") if problem.is_suspected else fact


def issue_facts(issues: Iterable[DataIssue]) -> tuple[FactUsed, ...]:
    """Entries that could not be used, as rows of the card's table."""
    return tuple(FactUsed("Not used", f"{i.resource}: {i.issue}", str(i.day or "")) for i in issues)
