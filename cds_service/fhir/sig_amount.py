"""How much at a time, from directions in words, after what they say of how often was taken out.

Told apart: a dose ("take 500 mg"), a count of units ("2 tablets"), a strength that stands beside a count ("500 mg, 1
tablet"), and a total in parentheses ("2 tablets (10 mg)"). A number that fits nowhere makes the whole unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from cds_service.fhir.amounts import MASS_IN_MG, Amount, Kind
from cds_service.fhir.sig_text import number

SEVERAL = "the directions name several amounts"


@dataclass(frozen=True, slots=True)
class Spelled:
    """An amount as spelled out; the fields are those of `sig.Sig`.

    `times`: how often the same amount is named. `names_a_form`: the mass stands before a word that may be a form of
    the product ("30 mg SoluTab"), so that without any frequency it describes the product and not the dose.
    """

    amount: Amount | None = None
    strength_mg: Fraction | None = None
    together_mg: Fraction | None = None
    is_weak: bool = False
    times: int = 1
    names_a_form: bool = False
    reason: str = ""


_N = r"(?P<{0}>\d+(?:\.\d+)?)(?:\s*(?:-|to|or)\s*(?P<{0}b>\d+(?:\.\d+)?))?"
_COUNT_N = _N.format("c")
_UNIT_WORDS = "|".join(sorted((re.escape(unit) for unit in MASS_IN_MG if unit != "ng"), key=len, reverse=True))
_MASS_N = _N.format("m") + r"\s*-?\s*(?P<mu>" + _UNIT_WORDS + r")\b"
_NOUN = (
    r"(?:(?:oral|chewable|ec|er|xr|sr|mr|dr|cr|ir|film-?coated|extended[- ]release|sustained[- ]release|dispersible"
    r"|sublingual|enteric[- ]coated|gastro-resistant|modified-release) )*"
    r"(?:tablets?|tabs?|tbl?s?|caplets?|capsules?|caps?|pills?|lozenges?|gumm(?:y|ies)|softgels?|sachets?|sprays?)\b"
)
CONCENTRATION = re.compile(
    r"\d+(?:\.\d+)?\s*(?:" + _UNIT_WORDS + r"|units?|iu)\s*(?:/|per|in)\s*(?:\d+(?:\.\d+)?)?\s*(?:ml|cc|l)\b"
)
BY_BODY = re.compile(
    r"\d\s*(?:"
    + _UNIT_WORDS
    + r"|ml|units?|iu)\s*(?:/|\b(?:per|each|every|for each|for every|a|por|par|pro|je)\b)\s*(?:1\s*)?"
    r"(?:kg|kilo(?!m)|k\b|lbs?\b|pounds?\b|sq(?:uare)?\b|m ?(?:2|²|\^ ?2|\*\*2)|met(?:er|re)s? squared|body|bsa\b)"
)
_TOTAL_FIRST = re.compile(_MASS_N + r"\s*(?:\(|=)\s*" + _COUNT_N + r"\s*" + _NOUN)
_TOTAL_SAID = re.compile(_COUNT_N + r"\s*" + _NOUN + r"\s*(?:\(|=|, ?)\s*(?:total )?" + _MASS_N + r" ?total")
_COUNT_FIRST = re.compile(_COUNT_N + r"\s*" + _NOUN + r"\s*(?:\(|=|, ?)\s*" + _MASS_N + r"(?P<each> ?each)?")
_COUNT_OF = re.compile(
    _COUNT_N + r"\s*(?:" + _NOUN + r"\s*)?(?:x|of(?: the)?|\*)\s*" + _MASS_N + r"(?:\s*" + _NOUN + r")?"
)
_COUNT_MASS_NOUN = re.compile(r"(?<![\d.])" + _COUNT_N + r"\s+" + _MASS_N + r"\s*-?\s*" + _NOUN)
_COUNT = re.compile(_COUNT_N + r"\s*" + _NOUN)
_MASS_NOUN = re.compile(_MASS_N + r"\s*-?\s*(?:/\s*)?" + _NOUN)
_MASS = re.compile(r"(?<![\d.])" + _MASS_N)
_TWICE = re.compile(
    rf"(?<![\d.])(?P<a>\d+(?:\.\d+)?)\s*(?P<au>{_UNIT_WORDS})\s*"
    rf"\(\s*(?P<b>\d+(?:\.\d+)?)\s*(?P<bu>{_UNIT_WORDS})\s*\)"
)
_FORM = re.compile(_MASS_N + r"\s+(?!(?:po|im|iv|sc|by|via|oral|orally|or|and|in|at|with|for|to|ng)\b)[a-z]")
_VOLUME = re.compile(_N.format("v") + r"\s*(?:mls?|cc|millilit(?:er|re)s?)\b")
_TAKEN = re.compile(r"\b(?:take|give|use|have)\s+" + _COUNT_N + r"(?![\w.])")
_BARE = re.compile(
    r"^[\s;]*(?:please )?(?:to )?(?:take|give|use|have|chew|swallow|dissolve|t)?\s*"
    + _COUNT_N
    + r"\s*(?=;|$|po\b|orally|by mouth|oral\b|in |with |sublingual|under |\.)"
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


def read_amount(text: str) -> Spelled:
    """The one amount in a plain text without frequencies; a reason where there are several."""
    for pattern, make in _FORMS:
        found = pattern.search(text)
        if found is not None:
            rest = text[: found.start()] + " ; " + text[found.end() :]
            return _alone(make(found), rest)
    if _COUNT.search(_MASS_NOUN.sub(" ; ", text)):
        return _counted(text)
    if _MASS.search(text):
        return _weighed(text)
    return _poured_or_bare(text)


def _counted(text: str) -> Spelled:
    """A number of units, perhaps with the strength of one beside it."""
    strengths = {_mass(found).low for found in _MASS.finditer(text)}
    text = _MASS.sub(" ; ", _MASS_NOUN.sub(" ; ", text))
    counts = [_amount(found, "c", Kind.UNIT) for found in _COUNT.finditer(text)]
    if len(set(counts)) > 1 or len(strengths) > 1:
        return Spelled(reason=SEVERAL)
    spelled = Spelled(counts[0], next(iter(strengths), None), times=len(counts))
    return _complete(spelled, _COUNT.sub(" ; ", text))


def _weighed(text: str) -> Spelled:
    """A mass: a dose, or, with a form and without a number ("5 mg tablet"), a strength."""
    text = _said_again(text)
    doses = [_mass(found) for found in _MASS.finditer(_MASS_NOUN.sub(" ; ", text))]
    strengths = [_mass(found) for found in _MASS_NOUN.finditer(text)]
    rest = _VOLUME.sub(" ; ", _MASS.sub(" ; ", text))
    if len(set(doses)) > 1 or len(set(strengths)) > 1:
        return Spelled(reason=SEVERAL)
    if doses:
        dose = Spelled(doses[0], strengths[0].low if strengths else None, times=len(doses))
        return _complete(replace(dose, names_a_form=_FORM.search(text) is not None), rest)
    taken = _TAKEN.search(rest)
    if taken is not None:
        counted = Spelled(_amount(taken, "c", Kind.UNIT), strengths[0].low)
        return _complete(counted, rest[: taken.start()] + rest[taken.end() :])
    return _complete(Spelled(strengths[0], is_weak=True), rest)


def _said_again(text: str) -> str:
    """The text without a mass in parentheses that repeats the one before it: `1 mg (1000 mcg)`."""
    found = _TWICE.search(text)
    if found is None or number(found["a"]) * MASS_IN_MG[found["au"]] != number(found["b"]) * MASS_IN_MG[found["bu"]]:
        return text
    return text[: found.end("au")] + " ; " + text[found.end() :]


def _poured_or_bare(text: str) -> Spelled:
    """A volume, or a number alone: one of whatever the product comes in."""
    volumes = [_amount(found, "v", Kind.VOLUME) for found in _VOLUME.finditer(text)]
    if volumes:
        if len(set(volumes)) > 1:
            return Spelled(reason=SEVERAL)
        return _complete(Spelled(volumes[0], times=len(volumes)), _VOLUME.sub(" ; ", text))
    bare = _BARE.search(text)
    if bare is None:
        return Spelled()
    return _complete(Spelled(_amount(bare, "c", Kind.UNIT)), text[: bare.start()] + " ; " + text[bare.end() :])


def _complete(spelled: Spelled, rest: str) -> Spelled:
    """The amount, unless a number is left over that may be part of the dose ("1 tablet in the morning, 2 at night")."""
    return Spelled(reason=SEVERAL) if _NUMBER.search(rest) else spelled


def _alone(spelled: Spelled, rest: str) -> Spelled:
    """The amount, unless another one stands beside it."""
    others = {_mass(found).low for found in _MASS.finditer(rest)}
    amount = spelled.amount.low if spelled.amount is not None and spelled.amount.kind is Kind.MASS else None
    said = {value for value in (spelled.strength_mg, spelled.together_mg, amount) if value is not None}
    if others - said:
        return Spelled(reason=SEVERAL)
    return _complete(spelled, _MASS.sub(" ; ", rest))


def _total(found: re.Match[str]) -> Spelled:
    """`40 mg (4 pills)`, `2 tablets (10 mg total)`: the mass is the dose."""
    count = _amount(found, "c", Kind.UNIT)
    mass = _mass(found)
    strength = mass.low / count.low if count.low == count.high and count.low > 0 and mass.low == mass.high else None
    return Spelled(mass, strength)


def _count_first(found: re.Match[str]) -> Spelled:
    """`1 tablet (5 mg)`: one unit holds 5 mg; `2 tablets (10 mg)`: of one or of both, the product has to tell."""
    count, mass = _amount(found, "c", Kind.UNIT), _mass(found)
    if found["each"] or count.high == 1:
        return Spelled(count, strength_mg=mass.low)
    return Spelled(count, together_mg=mass.low)


def _count_of(found: re.Match[str]) -> Spelled:
    """`2 x 5 mg`, `2 tablets of 5 mg`, `2 5 mg tablets`."""
    return Spelled(_amount(found, "c", Kind.UNIT), strength_mg=_mass(found).low)


def _amount(found: re.Match[str], group: str, kind: Kind) -> Amount:
    low = number(found[group])
    high = number(found[f"{group}b"]) if found[f"{group}b"] else low
    return Amount.of(kind, min(low, high), max(low, high))


def _mass(found: re.Match[str]) -> Amount:
    amount, factor = _amount(found, "m", Kind.MASS), MASS_IN_MG[found["mu"]]
    return replace(amount, low=amount.low * factor, high=amount.high * factor)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Spelled]], ...] = (
    (_TOTAL_FIRST, _total),
    (_TOTAL_SAID, _total),
    (_COUNT_FIRST, _count_first),
    (_COUNT_OF, _count_of),
    (_COUNT_MASS_NOUN, _count_of),
)
