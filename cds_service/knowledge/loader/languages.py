"""A language is a folder of words alone, `languages/<language>/`, laid into the files of the same paths.

It holds no number, code or example, so that no limit can differ between languages. A language is whole or refused: a
card half in one language and half in another is worse than one that cannot be read. English may be given in part, which
is how a site changes a sentence without copying its file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from cds_service.config import ENGLISH
from cds_service.knowledge.schemas.base import did_you_mean

FOLDER = "languages"
_SHOWN: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "rules": (("title",), ("cards", "*", "summary"), ("cards", "*", "detail"), ("cards", "*", "patient")),
    "analytes": (("title",), ("short",)),
    "tests": (("title",),),
    "medicines": (("title",), ("short",)),
    "conditions": (("title",), ("short",)),
    "specimens": (("title",),),
    "regimens": (("title",), ("label",), ("medicine_text",), ("route_text",), ("steps", "*", "text")),
    "override-reasons.yaml": (("*", "display"),),
    "patient-page.yaml": (("*",),),
}
"""The texts that a clinician or patient may be shown."""
_MAY_BE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "rules": (("statement",), ("rationale",)),
    "regimens": (("note",),),
    "parameters": (("statement",),),
    "sources.yaml": (("*", "title"),),
}
"""Texts of the rule book, which a language may leave in English."""


def split_by_language(files: Mapping[str, bytes], language: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of the knowledge, and those of this language by the path of the file that they speak for."""
    within = f"{FOLDER}/{language}/"
    own = {name: content for name, content in files.items() if not name.startswith(f"{FOLDER}/")}
    return own, {name.removeprefix(within): content for name, content in files.items() if name.startswith(within)}


def lay_in(document: dict[str, Any], told: Mapping[str, Any], path: str, language: str) -> Iterator[str]:
    """Put the words that are `told` into the document, and say what does not fit or is missing."""
    name = f"{FOLDER}/{language}/{path}"
    kind = path.partition("/")[0]
    shown, may_be = _SHOWN.get(kind, ()), _MAY_BE.get(kind, ())
    ours = {at: text for at, text in _texts(document) if _fits(at, shown + may_be)}
    given = dict(_texts(told))
    for at, words in given.items():
        if at not in ours:
            known = sorted(".".join(place) for place in ours)
            yield f"{name}: {'.'.join(at)}: is no text of {path}; {did_you_mean('.'.join(at), known)}"
            continue
        odd = _blanks(words) - _blanks(ours[at])
        if odd:
            yield f"{name}: {'.'.join(at)}: {{{min(odd)}}} is not filled in here; {_may_hold(_blanks(ours[at]))}"
            continue
        _put(document, at, words)
    if language != ENGLISH:
        yield from (
            f"{name}: {'.'.join(at)}: is missing; translate it" for at in ours if _fits(at, shown) and at not in given
        )


def sentences_of(listed: Mapping[str, Any], told: Mapping[str, Any], language: str) -> Iterator[str]:
    """What is wrong with the words that a language gives for the sentences of the code."""
    name = f"{FOLDER}/{language}/sentences.yaml"
    known = [text for texts in listed.values() for text in texts]
    for template, words in told.items():
        if template not in known:
            yield f"{name}: {template!r}: is no sentence of sentences.yaml; {did_you_mean(template, known)}"
        elif not isinstance(words, str) or not words.strip():
            yield f"{name}: {template!r}: must be text; write the sentence in this language"
        elif _blanks(words) != _blanks(template):
            yield f"{name}: {template!r}: must hold the same blanks; {_may_hold(_blanks(template))}"
    if language != ENGLISH:
        yield from (f"{name}: {text!r}: is missing; translate it" for text in known if text not in told)


def _texts(node: object, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a document with its place."""
    if isinstance(node, str):
        yield at, node
    inner = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from _texts(value, (*at, str(key)))


def _fits(at: tuple[str, ...], patterns: tuple[tuple[str, ...], ...]) -> bool:
    return any(
        len(pattern) == len(at) and all(want in ("*", got) for want, got in zip(pattern, at, strict=True))
        for pattern in patterns
    )


def _put(document: Any, at: tuple[str, ...], words: str) -> None:
    *way, last = at
    for key in way:
        document = document[int(key)] if isinstance(document, list) else document[key]
    document[last] = words


def _blanks(text: str) -> set[str]:
    try:
        return {blank for _, blank, _, _ in Formatter().parse(text) if blank is not None}
    except ValueError:
        return set()  # the schema says what is wrong with its braces


def _may_hold(blanks: set[str]) -> str:
    return f"it may hold {', '.join(f'{{{blank}}}' for blank in sorted(blanks))}" if blanks else "it has none"
