"""Recognising a thing by its name: only ever "possible", and never against a word that rules it out."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from cds_service.fhir.beside import is_beside
from cds_service.fhir.codings import is_word

# In English and the languages of the names: es, pt, it, fr, de, nl, sv, da, no.
# What says not of which kind ("not otherwise specified", "non-insulin-dependent") does not take a problem back.
_OF_A_KIND = (
    r"(?!-|[ ]?insulin| (?:otherwise|elsewhere|further spe|due to|caused by|related to|improv|respond|controlled"
    r"|n[äa]her|nader|n[äæa]rm[ae]re|(?:ge)?spe[cs]ifi(?:ed|cat|ce|se|é)|especificad|clas(?:ificad|sif)|klassif|pr[ée]cis"
    r"|debid|controlad|dovut|op?gegeven|bezeichnet))"
)
_NO = r"(?:no|not|non|n[ãa]o|nicht|niet|inte|ikke)"
_DENIED_BEFORE = re.compile(
    rf"(?:\b{_NO}\b{_OF_A_KIND}[^.;,]*|\b{_NO}-"
    r"|\b(?:never|nil|denies|denied|without|negative for|absence of|rule out|ruled out|r/o|excluded?"
    r"|screen(?:ing|ed)?(?: for)?|d[ée]pistage|cribado|tamiza(?:je|ci[óo]n)|rastreio|rastreamento"
    r"|at risk (?:of|for)|risk (?:of|for)|former(?:ly)?|prevention of"
    r"|sin|ning[úu]na?|niega|descarta(?:r|d[oa])?|riesgo de|sem|nenhuma?|nega|risco de|senza|nessuna?|rischio di"
    r"|sans|pas d[e'’]|aucune?|absence d[e'’]|risque d[e'’]|keine?[nrsm]?|ohne|ausschluss|risiko f[üo]r"
    r"|geen|zonder|risico op|ingen|inga|inget|utan|uden|uten|risk f[öo]r)(?!\w)[^.;,]*|\bex[- ]?)$",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"^[\w ]{0,24}(?:[:(=-]\s*|\b(?:was |is |has been )?)"
    rf"(?:{_NO}\b{_OF_A_KIND}|(?:none|absent|negativ[eoa]?|false|excluded|ruled out|unlikely|stopped|nein|nee|nej|nei"
    r"|descartad[oa]|exclu[ií]d[oa]|esclus[oa]|exclue?|[ée]limin[ée]e?|ausgeschlossen|uitgesloten|utesluten|udelukket"
    r"|utelukket)\b)",
    re.IGNORECASE,
)
# "Diabetic neuropathy screening" is a test, whose result may still be told; "neuropathy, screening overdue" is not one.
_SCREENED_AFTER = re.compile(
    r"^\w{0,6}(?: (?:annual|yearly|risk|foot|feet))?[ -]\(?screen(?:ing)?s?\b"
    r"(?!.{0,40}\b(?:positiv|abnormal|fail|found|detect|reactive|show))",
    re.IGNORECASE,
)
_OF_A_RELATIVE = re.compile(
    r"\b(?:family|fam\.?) (?:history|hx)\b|\bfhx?\b|\bf/h\b|"
    r"\b(?:mother|father|sister|brother|son|daughter|aunt|uncle|grand(?:mother|father)|parent|sibling|cousin)"
    r"(?:s|'s|’s)?\b(?! (?:is )?(?:currently |exclusively )?breast)|"
    r"\bantecedentes? familiar|\bhist[óo]ri(?:a|al) familiar|\bant[ée]c[ée]dents? famili|\banamnesi familiar"
    r"|\bfamiliarit[àa] per\b|\bfamili(?:en|e)?-?\s?anamnese|\bfamili[äa]re (?:vor)?belastung|\bhereditet f[öo]r\b"
    r"|\bfamili(?:e|är|ær)\w* disposi|\b(?:in der|in de|en la|dans la|in|na|i) famil(?:ie|ien|ia|ille|iglia|[íi]lia)\b|"
    r"\b(?:madre|padre|herman[oa]|mãe|irmão|irmã|fratello|sorella|mère|père|frère|s(?:œ|oe)ur|mutter|bruder"
    r"|schwester|moeder|broer|zus|syster|søster)s?\b|\b(?:vater|vader|mor|far|moder|fader|bror)(?=:| (?:mit|hat|met"
    r"|heeft|med|har)\b)",
    re.IGNORECASE,
)
# Whoever tells of the patient, or is named for something else ("mother of twins"), does not have the problem.
_TELLS_BEFORE = re.compile(
    r"(?:\b(?:reported|noted|noticed|observed|described|witnessed|stated|accompanied|supported|cared for|seen|told"
    r"|brought in) by|\b(?:according to|per|lives with|laut|selon|seg[úu]n|secondo|segundo|volgens|enligt|if[øo]lge))"
    r"(?: (?:the|her|his|their|la|el|sa|su|der|die))?\s*$",
    re.IGNORECASE,
)
_OF_CHILDREN = re.compile(r"^ of (?:twins|triplets|\d+|an?|one|two|three|four|five|six)\b", re.IGNORECASE)
_TOO = re.compile(r"^ (?:(?:is|was|has|had) )?(?:also|too|likewise)\b|^ as well\b", re.IGNORECASE)
_HAS_IT_BEFORE = re.compile(
    r"(?:^\W*|\b(?:in|of|bei|hos|chez|en|em|na|no|nel|i)"
    r"(?: (?:the|her|his|their|(?:the )?patient['’]s|la|el|su|sa))?\s+)$",
    re.IGNORECASE,
)
_STANDS_LAST = re.compile(r"\W*")
# Of pregnancy and breast-feeding, a mother is the patient herself.
_HERSELF = re.compile(r"\b(?:mother|madre|mãe|mère|mutter|moeder|moder|mor)\b(?!['’]s|\s*:)", re.IGNORECASE)


LONGEST_TEXT: Final = 300
"""A name is short; a note of megabytes is not searched to its end."""
_CLAUSE = 80


@lru_cache(maxsize=256)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{name})" for name in names))


@lru_cache(maxsize=4096)
def _is_found(text: str, names: tuple[str, ...]) -> bool:
    """Records call most things by the same few thousand names, so most searches have been made before."""
    return _pattern(names).search(text) is not None


def name_matches(text: str, names: tuple[str, ...], not_names: tuple[str, ...] = ()) -> bool:
    """Whether any of `names` is found in `text` and none of `not_names` is.

    Both are regular expressions on lower-case text, as the knowledge files write them.
    """
    text = text[:LONGEST_TEXT].lower()
    if not names or not _is_found(text, names):
        return False
    return not not_names or not _is_found(text, not_names)


def without_names(text: str, names: tuple[str, ...]) -> str:
    """A text in lower case, with a blank in place of each of `names`."""
    return _pattern(names).sub(" ", text[:LONGEST_TEXT].lower())


def name_affirmed(
    text: str, names: tuple[str, ...], not_names: tuple[str, ...] = (), beside: tuple[str, ...] = ()
) -> bool:
    """`name_matches`, and at one place at least the text does not deny it: "no evidence of ...", "... ruled out".

    Where words `beside` are given, one of them must say something of the name at that place.
    """
    if not name_matches(text, names, not_names):
        return False
    text = text[:LONGEST_TEXT].lower()
    return any(
        _DENIED_BEFORE.search(text[max(0, found.start() - _CLAUSE) : found.start()]) is None
        and not any(
            after.match(text[found.end() : found.end() + _CLAUSE]) for after in (_DENIED_AFTER, _SCREENED_AFTER)
        )
        and (not beside or is_beside(text, found.start(), found.end(), _pattern(beside)))
        for found in _pattern(names).finditer(text)
    )


def is_cut(text: str | None) -> bool:
    """Whether a name says more than is read of it."""
    return text is not None and len(text) > LONGEST_TEXT and is_word(text[LONGEST_TEXT:])


def is_of_a_relative(text: str, *, is_coded: bool = False, is_of_a_mother: bool = False) -> bool:
    """Whether a text speaks of the family ("mother had ...", "family history of ...") and not of the patient.

    Where a code says what the patient has (`is_coded`), the text must say that a relative has it: one who is named
    beside it ("...; mother also affected") takes nothing back. Of what only a mother can have (`is_of_a_mother`),
    "mother" is the patient.
    """
    text = text[:LONGEST_TEXT]
    if is_of_a_mother:
        text = _HERSELF.sub(" ", text)
    return any(_is_of(text, found.start(), found.end(), is_coded) for found in _OF_A_RELATIVE.finditer(text))


def _is_of(text: str, start: int, end: int, is_coded: bool) -> bool:
    """Whether the relative who is named from `start` to `end` is who has it."""
    before, after = text[:start], text[end:]
    is_first = not any(map(str.isalnum, before))
    if _TELLS_BEFORE.search(before) or _OF_CHILDREN.match(after) or (not is_first and _TOO.match(after)):
        return False
    return not is_coded or bool(_HAS_IT_BEFORE.search(before)) or _STANDS_LAST.fullmatch(after) is not None
