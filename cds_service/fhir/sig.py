"""Directions in words ("sigs") read as an amount and a frequency, or as the reason why they cannot be.

Nothing is guessed: two amounts, two frequencies, a changing dose or an ambiguous number give a reason. A strength that
stands in the text ("metformin 500 mg, 1 tablet daily") is told apart from the dose ("take 500 mg daily").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from cds_service.fhir.amounts import MASS_IN_MG, Amount, Kind
from cds_service.fhir.sig_frequency import Frequency, read_frequency
from cds_service.fhir.sig_text import LONGEST, is_ambiguous, number, plain


@dataclass(frozen=True, slots=True)
class Sig:
    """What directions say.

    `amount` is what is taken at a time, `frequency` how often a day. `strength_mg` is what the text says one unit
    holds. `together_mg` is a mass in parentheses after several units, which may be of one or of all. `is_weak`: the
    amount is a strength with a form ("5 mg tablet daily") and counts only where nothing else tells the dose.
    `is_single`: one dose, not a daily one. `is_changing`: the dose changes over time. `reason`: why the text, although
    it speaks of a dose, cannot be read.
    """

    amount: Amount | None = None
    frequency: Frequency | None = None
    strength_mg: Fraction | None = None
    together_mg: Fraction | None = None
    as_needed: bool = False
    is_single: bool = False
    is_weak: bool = False
    is_changing: bool = False
    reason: str = ""


_CHANGING = "the directions change the dose over time"
_PRN = re.compile(
    r"\bprn\b|\b(?:as|when|if|where)(?: and when)? ?(?:ever )?(?:is )?(?:needed|required|necessary)\b"
    r"|\bas necessary\b|\bsos\b|\bon demand\b|\bwhen (?:you )?need(?: it)?\b"
)
_MOST = re.compile(
    r"\b(?:max(?:imum)?\b|not (?:to |more|exceed)|no more than|do not (?:take|exceed)|don't (?:take|exceed))[^;,]*?"
    r"(?:$|;|,|\. |\.$)"
)
_LENGTH = re.compile(
    r"(?:\b(?:for|over|during)(?: (?:the )?(?:next|first|up to))?(?: a total of)?|\bx|\b[*]) ?"
    r"(?:\d+(?: ?- ?\d+)?|an?) ?-?"
    r"(?:days?|d|weeks?|wks?|w|months?|mths?|mo|years?|yrs?)\b|\bfor (?:life|ever)\b|\blifelong\b|\bfor \d+ doses\b"
    r"|\b\d+ ?(?:days?|weeks?|months?) (?:supply|course)\b"
)
_DATES = re.compile(
    r"\b(?:first dose|last dose|start(?:ing|s|ed)?|begin(?:ning|s)?|until|till|since|from|commenc\w+)\b[^;,]*"
    r"|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b"
)
_THEN = re.compile(r"\bthen\b|\bfollowed by\b|\bthereafter\b|\bafter(?:wards| that)\b|\band after \d")
_CHANGES = re.compile(
    r"\b(?:taper|titrat|wean|increas|decreas|reduc|step(?:ping)? (?:up|down)|escalat|sliding|gradual)\w*"
)
_SCHEME = re.compile(r"(?<![\d./-])(\d)-(\d)-(\d)(?:-(\d))?(?![\d/-])")
_DRINK = re.compile(
    r"\b(?:with|in) \d+(?:\.\d+)? ?(?:ml|oz|glass\w*) of (?:water|fluid|juice)\b"
    r"|\bwith (?:a )?(?:full )?glass\w* of \w+"
)

_N = r"(?P<{0}>\d+(?:\.\d+)?)(?:\s*(?:-|to|or)\s*(?P<{0}b>\d+(?:\.\d+)?))?"
_MASS_WORD = "|".join(sorted((re.escape(unit) for unit in MASS_IN_MG if unit != "ng"), key=len, reverse=True))
_MASS = r"\s*-?\s*(?P<{0}u>" + _MASS_WORD + r")\b"
_NOUN = (
    r"(?:(?:oral|chewable|ec|er|xr|sr|mr|dr|cr|ir|film-?coated|extended[- ]release|sustained[- ]release|dispersible"
    r"|sublingual|enteric[- ]coated|gastro-resistant|modified-release) )*"
    r"(?:tablets?|tabs?|tbl?s?|caplets?|capsules?|caps?|pills?|lozenges?|gumm(?:y|ies)|softgels?|sachets?|sprays?)\b"
)
_CONCENTRATION = re.compile(
    r"\d+(?:\.\d+)?\s*(?:" + _MASS_WORD + r"|units?|iu)\s*(?:/|per|in)\s*(?:\d+(?:\.\d+)?)?\s*(?:ml|cc|l)\b"
)
_VOLUME = re.compile(_N.format("v") + r"\s*(?:mls?|cc|millilit(?:er|re)s?)\b")
_UNITS_OF_ACTION = re.compile(r"\b\d+(?:\.\d+)?\s*(?:iu|units?|international units?)\b")

_TOTAL_FIRST = re.compile(_N.format("m") + _MASS.format("m") + r"\s*(?:\(|=)\s*" + _N.format("c") + r"\s*" + _NOUN)
_COUNT_FIRST = re.compile(
    _N.format("c")
    + r"\s*"
    + _NOUN
    + r"\s*(?:\(|=|, ?)\s*(?:total )?"
    + _N.format("m")
    + _MASS.format("m")
    + r"(?P<each> ?each)?"
)
_COUNT_OF = re.compile(
    _N.format("c")
    + r"\s*(?:"
    + _NOUN
    + r"\s*)?(?:x|of(?: the)?|\*)\s*"
    + _N.format("m")
    + _MASS.format("m")
    + r"(?:\s*"
    + _NOUN
    + ")?"
)
_COUNT_MASS_NOUN = re.compile(
    r"(?<![\d.])" + _N.format("c") + r"\s+" + _N.format("m") + _MASS.format("m") + r"\s*-?\s*" + _NOUN
)
_COUNT = re.compile(_N.format("c") + r"\s*" + _NOUN)
_MASS_NOUN = re.compile(_N.format("m") + _MASS.format("m") + r"\s*-?\s*(?:/\s*)?" + _NOUN)
_MASS_ONLY = re.compile(r"(?<![\d.])" + _N.format("m") + _MASS.format("m"))
_BARE = re.compile(
    r"^[\s;]*(?:please )?(?:to )?(?:take|give|use|have|chew|swallow|dissolve|t)?\s*"
    + _N.format("c")
    + r"\s*(?=;|$|po\b|orally|by mouth|oral\b|in |with |sublingual|under |\.)"
)


def read_sig(text: str) -> Sig:
    """Read directions. An empty Sig where they say nothing of amount or frequency."""
    if len(text) > LONGEST:
        return Sig(reason="the directions are too long to be read")
    words = plain(text)
    if is_ambiguous(words):
        return Sig(reason="a number in the directions can be read in two ways")
    words, as_needed = _without(_PRN, words)
    for aside in (_DRINK, _MOST, _LENGTH, _DATES):
        words = aside.sub(" ; ", words)
    if _CHANGES.search(words):
        return Sig(as_needed=as_needed, is_changing=True, reason=_CHANGING)
    steps = [step for step in _THEN.split(words) if re.search(r"\w", step)]
    read = [_read_step(step) for step in steps]
    return replace(_over_time(read), as_needed=as_needed)


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
    text = _CONCENTRATION.sub(" ; ", text)
    spoken = read_frequency(text)
    amount = _read_amount(spoken.rest)
    if spoken.reason:
        return replace(amount, amount=None, reason=amount.reason or spoken.reason)
    return replace(amount, frequency=spoken.frequency, is_single=spoken.is_single)


def _read_amount(text: str) -> Sig:
    """The one amount in a text without frequencies; a reason where there are several."""
    for pattern, make in (
        (_TOTAL_FIRST, _total_first),
        (_COUNT_FIRST, _count_first),
        (_COUNT_OF, _count_of),
        (_COUNT_MASS_NOUN, _count_of),
    ):
        found = pattern.search(text)
        if found is not None:
            rest = text[: found.start()] + " ; " + text[found.end() :]
            return _alone(make(found), rest)
    return _plain_amount(text)


def _plain_amount(text: str) -> Sig:
    """A number of units, a mass, a volume or a bare number."""
    count = _COUNT.search(text)
    masses = list(_MASS_ONLY.finditer(text))
    if count is not None and not _MASS_NOUN.fullmatch(count.group()):
        rest = text[: count.start()] + " ; " + text[count.end() :]
        sig = Sig(_amount(count, "c", Kind.UNIT))
        strengths = {_mass(found) for found in _MASS_ONLY.finditer(rest)}
        if len(strengths) > 1 or _COUNT.search(_MASS_ONLY.sub(" ; ", rest)):
            return Sig(reason="the directions name several amounts")
        strength = next(iter(strengths), None)
        return sig if strength is None else replace(sig, strength_mg=strength.low)
    if masses:
        if len({_mass(found) for found in masses}) > 1:
            return Sig(reason="the directions name several amounts")
        return Sig(_mass(masses[0]), is_weak=_MASS_NOUN.search(text) is not None)
    volume = _VOLUME.search(text)
    if volume is not None:
        return Sig(_amount(volume, "v", Kind.VOLUME))
    bare = _BARE.search(text)
    return Sig(_amount(bare, "c", Kind.UNIT)) if bare is not None else Sig()


def _total_first(found: re.Match[str]) -> Sig:
    """`40 mg (4 pills)`: the mass is the dose."""
    return Sig(_mass(found))


def _count_first(found: re.Match[str]) -> Sig:
    """`1 tablet (5 mg)`: one unit holds 5 mg; `2 tablets (10 mg)`: of one or of both, the product has to tell."""
    count, mass = _amount(found, "c", Kind.UNIT), _mass(found)
    if found["each"] or count.high == 1:
        return Sig(count, strength_mg=mass.low)
    return Sig(count, together_mg=mass.low)


def _count_of(found: re.Match[str]) -> Sig:
    """`2 x 5 mg`, `2 tablets of 5 mg`, `2 5 mg tablets`."""
    return Sig(_amount(found, "c", Kind.UNIT), strength_mg=_mass(found).low)


def _alone(sig: Sig, rest: str) -> Sig:
    """The amount, unless another one stands beside it."""
    others = {_mass(found).low for found in _MASS_ONLY.finditer(rest)}
    said = {value for value in (sig.strength_mg, sig.together_mg, sig.amount.low if sig.amount else None) if value}
    if others - said or _COUNT.search(_MASS_ONLY.sub(" ; ", rest)):
        return Sig(reason="the directions name several amounts")
    return sig


def _amount(found: re.Match[str], group: str, kind: Kind) -> Amount:
    low = number(found[group])
    high = number(found[f"{group}b"]) if found[f"{group}b"] else low
    return Amount.of(kind, min(low, high), max(low, high))


def _mass(found: re.Match[str]) -> Amount:
    amount, factor = _amount(found, "m", Kind.MASS), MASS_IN_MG[found["mu"]]
    return Amount.of(Kind.MASS, amount.low * factor, amount.high * factor)
