"""Which statement of the source article is carried by what, and which examples hold it in place."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.knowledge.model import ArticleStatement, Knowledge, Scale
from cds_service.rule_book.markdown import link, page, table
from cds_service.rule_book.numbers import LIMITS

_BOOK = "../cds_service/knowledge"
_OPENING = """# What of the source article is carried, and by what

Made from [coverage.yaml](../cds_service/knowledge/coverage.yaml) by `make rule-book`. The article is *{title}*
({publisher}, {year}); lines count from 1 in its text, and statements are told in our words. Rules lead to
[the rule book](../cds_service/knowledge/README.md), where each example is written out; every example is a test.
"""


def coverage(knowledge: Knowledge) -> str:
    """The page as Markdown, or "" where the knowledge speaks of no article."""
    article = knowledge.sources.get("source-article")
    if not knowledge.coverage or article is None:
        return ""
    deciding = [s for s in knowledge.coverage if not s.left_out and (s.rules or s.regimens or s.limits or s.parameters)]
    informing = [s for s in knowledge.coverage if not s.left_out and s not in deciding]
    left_out = [s for s in knowledge.coverage if s.left_out]
    return page(
        [
            _OPENING.format(title=article.title, publisher=article.publisher, year=article.year),
            "## What decides",
            table(
                ("lines", "statement", "rules", "numbers, regimens and lists", "told", "examples"),
                (
                    (_lines(s), s.says, _rules(s), _things(s, knowledge), _told(s), _examples(s, knowledge))
                    for s in deciding
                ),
            ),
            "## What informs",
            table(
                ("lines", "statement", "lists", "told"),
                ((_lines(s), s.says, _things(s, knowledge), _told(s)) for s in informing),
            ),
            "## What is left out",
            table(("lines", "what", "why"), ((_lines(s), s.says, s.left_out) for s in left_out)),
        ]
    )


def untold(knowledge: Knowledge) -> list[str]:
    """Each statement that is said to be told in words that its rule has not got, with how to mend it."""
    return [
        f"coverage.yaml: {statement.id}.told: {told.rule} does not say {told.words!r}; "
        "write the words into its rationale or a detail of its cards, or name the words that stand there"
        for statement in knowledge.coverage
        for told in statement.told
        if _bare(told.words) not in _bare(_passed_on(knowledge, told.rule))
    ]


def _passed_on(knowledge: Knowledge, rule_id: str) -> str:
    rule = knowledge.rules[rule_id]
    return " | ".join([rule.rationale, *(card.detail for card in rule.cards.values())])


def _bare(text: str) -> str:
    return " ".join(text.split()).casefold()


def _lines(statement: ArticleStatement) -> str:
    return ", ".join(str(line) for line in statement.lines)


def _rule(rule_id: str) -> str:
    return link(rule_id, f"{_BOOK}/README.md#{rule_id.lower()}")


def _rules(statement: ArticleStatement) -> str:
    return ", ".join(_rule(name) for name in statement.rules)


def _told(statement: ArticleStatement) -> str:
    return "; ".join(f'{_rule(told.rule)}: "{told.words}"' for told in statement.told)


def _things(statement: ArticleStatement, knowledge: Knowledge) -> str:
    return "; ".join(_each_thing(statement, knowledge))


def _each_thing(statement: ArticleStatement, knowledge: Knowledge) -> Iterator[str]:
    for name in statement.limits:
        analyte, _, limit = name.partition(".")
        found = [f"{getattr(s, limit)} {s.unit}" for s in knowledge.analytes[analyte].scales if _has(s, limit)]
        yield f"{link(analyte, f'{_BOOK}/analytes/{analyte}.yaml')} {LIMITS.get(limit, limit)} {' or '.join(found)}"
    for name in statement.parameters:
        parameter = knowledge.parameter_files[name]
        number = f"{parameter.value} {parameter.unit}".removesuffix(" 1")
        yield f"{link(name, f'{_BOOK}/parameters/{name}.yaml')} {number}"
    for kind in ("regimens", "tests", "conditions", "medicines"):
        for name in getattr(statement, kind):
            yield link(name, f"{_BOOK}/{kind}/{name}.yaml")


def _has(scale: Scale, limit: str) -> bool:
    return getattr(scale, limit) is not None


def _examples(statement: ArticleStatement, knowledge: Knowledge) -> str:
    return "; ".join(
        f"{name}: {', '.join(example.name for example in knowledge.rules[name].examples)}" for name in statement.rules
    )
