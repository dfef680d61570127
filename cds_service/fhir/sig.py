"""Directions in words ("sigs") read as an amount and a frequency, or as the reason why they cannot be.

Nothing is guessed: two amounts, two frequencies, a changing dose or an ambiguous number give a reason. A strength that
stands in the text ("metformin 500 mg, 1 tablet daily") is told apart from the dose ("take 500 mg daily").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from cds_service.fhir.amounts import Amount, Kind
from cds_service.fhir.sig_amount import BY_BODY, CONCENTRATION, SEVERAL, read_amount
from cds_service.fhir.sig_frequency import DAYS_IN, Frequency, read_frequency
from cds_service.fhir.sig_text import has_long_number, is_ambiguous, is_too_long, plain


@dataclass(frozen=True, slots=True)
class Sig:
    """What directions say.

    `amount` is what is taken at a time, `frequency` how often a day, `lasts_days` for how long ("for 7 days").
    `strength_mg` is what the text says one unit holds. `together_mg` is a mass in parentheses after several units,
    which may be of one or of all. `is_weak`: the amount is a strength with a form ("5 mg tablet daily") and counts only
    where nothing else tells the dose. `is_single`: one dose, not a daily one. `doses`: how many in all ("x 3 doses").
    `is_changing`: the dose changes over time. `is_doubted`: the text speaks of not taking it, perhaps only under some
    condition; `is_not_taken`: it says outright that it is not taken. `reason`: why the text, although it speaks of a
    dose, cannot be read.
    """

    amount: Amount | None = None
    frequency: Frequency | None = None
    strength_mg: Fraction | None = None
    together_mg: Fraction | None = None
    lasts_days: Fraction | None = None
    as_needed: bool = False
    is_single: bool = False
    doses: int | None = None
    is_weak: bool = False
    is_changing: bool = False
    is_doubted: bool = False
    is_not_taken: bool = False
    reason: str = ""


_CHANGING = "the directions change the dose over time"
_DOUBTED = "the directions speak of not taking it"
_PRN = re.compile(
    r"\bprn\b|\b(?:as|when|if|where)(?: and when)? ?(?:ever )?(?:is )?(?:needed|required|necessary)\b"
    r"|\bas necessary\b|\bsos\b|\bon demand\b|\bwhen (?:you )?need(?: it)?\b"
)
_MOST = re.compile(
    r"\b(?:max(?:imum)?\b|not (?:to |more|exceed)|no more than|do(?: not|n't) (?:take more|use more|exceed))[^;,]*?"
    r"(?:$|;|,|\. |\.$)"
)
_LENGTH = re.compile(
    r"(?:\b(?:for|over|during)(?: (?:the )?(?:next|first|up to))?(?: a total of)?|\bx|\b[*]) ?"
    r"(?:\d+(?: ?- ?\d+)?|an?) ?-?"
    r"(?:days?|d|weeks?|wks?|w|months?|mths?|mo|years?|yrs?)\b|\bfor (?:life|ever)\b|\blifelong\b|\bfor \d+ doses\b"
    r"|\b\d+ ?(?:days?|weeks?|months?) (?:supply|course)\b"
)
_DURATION = re.compile(
    r"(?:\b(?:for|over|during)(?: (?:the )?(?:next|first))?(?: a total of)?|\bx) ?(\d{1,4}) ?-?(d|w|m|y)"
    r"(?:ays?|eeks?|ks?|onths?|ths?|o|ears?|rs?)?\b"
)
_DOSES = re.compile(
    r"(?:\bx|\bfor|\btotal of|\bseries of) ?(?!1 )(\d{1,3}) (?:doses?|injections?|shots?)\b"
    r"(?! (?:a|per|each|every|daily|weekly))"
    r"|(?:(?<=daily )|(?<=eekly )|(?<=onthly ))x ?(\d{1,3})(?= ?(?:$|[;.,)]))"
)
# "once every visit", "once in 3 months", "once, repeat at 3 months": more than one dose after all.
_AGAIN = re.compile(
    r"\b(?:every|each|repeat(?:ed)?|again|visits?|cycles?|ongoing|q ?\d+)\b|\b1 times? (?:in (?:an?\b|\d)|an?\b|per\b)"
)
_DATES = re.compile(
    r"\b(?:first dose|last dose|start(?:ing|s|ed)?|begin(?:ning|s)?|until|till|since|(?<!apart )from|commenc\w+)\b"
    r"[^;,]*"
    r"|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b"
)
_THEN = re.compile(r"\bthen\b|\bfollowed by\b|\bthereafter\b|\bafter(?:wards| that)\b|\band after \d")
_NOT_TAKING = (
    r"(?:not (?:currently |presently )?(?:taking|taken|using|receiving)(?: it| this| (?:the |this )?medication)?"
    r"|no longer (?:taking|takes|taken|using|receiving|needed|required|prescribed)(?: it| this)?"
    r"|discontinued|stopped|ceased|on hold|held|withheld|suspended|declin(?:ed|es)|refus(?:ed|es|ing))"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_A_DATE = r"(?:\d{1,2}[/.-]\d|(?:19|20)\d\d\b|(?:\d{1,2} )?" + _MONTH + r" (?:19|20)?\d\d)"
# A clause of its own: folic acid "on days not taking methotrexate" is taken, and what is "held if" something, or "held
# 2 days before" it, is taken at other times.
_SAID_OUTRIGHT = re.compile(
    r"(?:^|[;:.,()\[*-])\s*(?:medication |(?:the )?(?:patient|pt) |currently |now |has |is |was |been |self[- ])*"
    + _NOT_TAKING
    + r"\s*(?=$|[;:.,()\]*-]|(?:on |in |from )?"
    + _A_DATE
    + r"|(?:since|as of|due to|because|by|per|for now|at present|at the moment)\b)"
)
_NOT_TAKEN = re.compile(
    r"\b(?:discontinued?(?! if| when)|stop(?:ped)?(?! if| when)|hold(?! (?:under|in|against|tab))|withh[eo]ld)\b"
    r"|\bno longer\b|\bnot taking\b|\bdeclin(?:ed|es)\b|\brefus(?:ed|es|ing)\b"
    r"|\bdo not (?:take|give|use|inject)\b(?! (?:with|if|within|on|at|when|after|before|into))"
)
_ASIDES = re.compile(
    r"\b\d+(?:-\d+)? ?(?:hours?|hrs?|minutes?|mins?)(?: (?:before|after|prior|apart|away))\b"
    r"|\b(?:disp(?:ense)?|refills?|qty|quantity|repeats?|supply|mitte)\b\W*\d+|#\s*\d+|\b\d+ (?:refills?|repeats?)\b"
    r"|\b(?:in|into|as) (?:\d+ )?(?:equal(?:ly)? )?divided doses\b"
    r"|\bin (?:1|each) nostril\b|\bin \d+ (?:days?|weeks?|months?)\b"
)
_UP_TO = re.compile(r"\bup to \d")
_UNITS_OF_ACTION = re.compile(r"\b\d+(?:\.\d+)?\s*(?:iu|units?|international units?)\b")
_CHANGES = re.compile(
    r"\b(?:taper|titrat|wean|increas|decreas|reduc|step(?:ping)? (?:up|down)|escalat|sliding|gradual)\w*"
)
_SCHEME = re.compile(r"(?<![\d./-])(\d)-(\d)-(\d)(?:-(\d))?(?![\d/-])")
_DRINK = re.compile(
    r"\b(?:with|in) \d+(?:\.\d+)? ?(?:ml|oz|glass\w*) of (?:water|fluid|juice)\b"
    r"|\bwith (?:a )?(?:full )?glass\w* of \w+"
)


def read_sig(text: str) -> Sig:
    """Read directions. An empty Sig where they say nothing of amount or frequency."""
    if is_too_long(text):
        return Sig(reason="the directions are too long to be read")
    return _read(text)


def says_not_taken(text: str) -> bool:
    """Whether a text says outright that a medicine is not taken: "patient not taking", "stopped in July"."""
    return not is_too_long(text) and not has_long_number(text) and bool(_SAID_OUTRIGHT.search(plain(text)))


# As many as one request can hold (`reading_limit`): the same directions are read once, whatever stands beside them.
@lru_cache(maxsize=8192)
def _read(text: str) -> Sig:
    if has_long_number(text):
        return Sig(reason="a number in the directions is too long to be read")
    words = plain(text)
    if is_ambiguous(words):
        return Sig(reason="a number in the directions can be read in two ways")
    words, as_needed = _without(_PRN, words)
    if _SAID_OUTRIGHT.search(words):
        return Sig(as_needed=as_needed, is_changing=True, is_doubted=True, is_not_taken=True, reason=_DOUBTED)
    lasts, doses, is_repeated = _lasting(words), _counted(words), _AGAIN.search(words) is not None
    for aside in (_DOSES, _DRINK, _MOST, _LENGTH, _DATES, _ASIDES):
        words = aside.sub(" ; ", words)
    if _NOT_TAKEN.search(words):
        return Sig(as_needed=as_needed, is_changing=True, is_doubted=True, reason=_DOUBTED)
    if _CHANGES.search(words):
        return Sig(as_needed=as_needed, is_changing=True, reason=_CHANGING)
    steps = [step for step in _THEN.split(words) if re.search(r"\w", step)]
    read = [_read_step(step) for step in steps]
    told = _over_time(read)
    is_one_step = len(steps) == 1
    return replace(
        told,
        as_needed=as_needed,
        lasts_days=lasts if is_one_step else None,
        doses=doses if is_one_step else None,
        is_single=told.is_single and is_one_step and not is_repeated,
    )


def _lasting(words: str) -> Fraction | None:
    """The days of the one duration that is named; None where there is none, or several."""
    found = {(n[1], n[2]) for n in _DURATION.finditer(words)}
    if len(found) != 1:
        return None
    count, unit = found.pop()
    days = DAYS_IN[{"d": "d", "w": "wk", "m": "mo", "y": "a"}[unit]]
    return Fraction(count) * days if Fraction(count) > 0 else None


def _counted(words: str) -> int | None:
    """The one number of doses that is named; None where there is none, or several."""
    found = {int(n[1] or n[2]) for n in _DOSES.finditer(words)}
    return found.pop() or None if len(found) == 1 else None


def _without(pattern: re.Pattern[str], text: str) -> tuple[str, bool]:
    text, count = pattern.subn(" ; ", text)
    return text, count > 0


def _over_time(steps: list[Sig]) -> Sig:
    """One step is itself; several are a dose that changes, unless all say the same."""
    if not steps:
        return Sig()
    if len(steps) == 1 or all(step == steps[0] for step in steps):
        return steps[0]
    return Sig(is_changing=True, reason=_CHANGING)


def _read_step(text: str) -> Sig:
    scheme = _SCHEME.search(text)
    if scheme is not None:
        units = Fraction(sum(int(part) for part in scheme.groups() if part))
        return Sig(Amount.of(Kind.UNIT, units), Frequency.of(Fraction(1))) if units else Sig()
    if _UNITS_OF_ACTION.search(text):
        return Sig(reason="the dose is in international units, which do not tell the amount")
    if BY_BODY.search(text):
        return Sig(reason="the dose goes by the patient's weight or body surface")
    text = CONCENTRATION.sub(" ; ", text)
    spoken = read_frequency(text)
    said = read_amount(spoken.rest)
    reason = said.reason or spoken.reason
    if (
        not reason
        and said.times > 1
        and not (spoken.is_by_parts and spoken.frequency == Frequency.of(Fraction(said.times)))
    ):
        reason = SEVERAL  # "5 mg in the morning and 5 mg at night" is one dose twice; "5 mg daily and 5 mg" is what?
    frequency = spoken.frequency
    if frequency is not None and _UP_TO.search(spoken.rest):
        frequency = Frequency(Fraction(0), frequency.high)
    return Sig(
        amount=None if reason else said.amount,
        frequency=None if reason else frequency,
        strength_mg=said.strength_mg,
        together_mg=said.together_mg,
        is_single=spoken.is_single,
        is_weak=said.is_weak or (said.names_a_form and frequency is None and not spoken.is_single),
        reason=reason,
    )
