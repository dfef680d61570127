"""A service's answer on a terminal: the cards as an EHR would show them, and the assessment behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

ASSESSMENT = "org.b12-cds.assessment"
_COLOURS = {"info": "blue", "warning": "yellow", "critical": "red"}
_SIGNS = {"fires": "●", "cannot-tell": "?"}


def cards(answer: Mapping[str, Any]) -> RenderableType:
    """The cards of an answer, one panel each, numbered as their suggestions are; or that there are none."""
    shown = [_card(card, number) for number, card in enumerate(answer.get("cards") or (), 1)]
    return Group(*shown) if shown else Text("No cards: assessed, nothing to say.", style="green")


def problem(status: int, answer: Mapping[str, Any]) -> RenderableType:
    """An error answer: the issues of its OperationOutcome."""
    lines = [f"HTTP {status}"]
    for issue in answer.get("issue") or ():
        where = ", ".join(issue.get("expression") or ())
        text = (issue.get("details") or {}).get("text") or issue.get("diagnostics") or issue.get("code", "")
        lines.append(f"{where}: {text}" if where else str(text))
    return Panel(Text("\n".join(lines)), title="Not assessed", border_style="red")


def assessment(found: Mapping[str, Any]) -> RenderableType:
    """Status, what each rule found and on what, what was missing, and what in the data could not be used."""
    heading = Text.assemble(
        "Vitamin B12 status: ",
        (str(found.get("status")), "bold"),
        f"   as of {found.get('asOf')}, knowledge {found.get('knowledgeVersion')}",
    )
    parts: list[RenderableType] = [heading, _findings(list(found.get("findings") or ()))]
    issues = found.get("dataIssues") or ()
    if issues:
        parts.append(_table("Not used, or only with care", ("Where", "What"), _issues(issues)))
    return Group(*parts)


def _card(card: Mapping[str, Any], number: int) -> Panel:
    colour = _COLOURS.get(str(card.get("indicator")), "white")
    parts: list[RenderableType] = [Text(str(card.get("summary")), style=f"bold {colour}")]
    if card.get("detail"):
        parts += ["", Markdown(str(card["detail"]))]
    for place, suggestion in enumerate(card.get("suggestions") or (), 1):
        star = " (recommended)" if suggestion.get("isRecommended") else ""
        parts += ["", Text(f"{number}.{place} [ {suggestion.get('label')} ]{star}", style="reverse")]
        parts += [Text(f"    {a.get('type')}: {a.get('description')}") for a in suggestion.get("actions") or ()]
    reasons = [str(reason.get("display")) for reason in card.get("overrideReasons") or ()]
    if reasons:
        parts += ["", Text(f"Set aside because: {' / '.join(reasons)}", style="dim")]
    source = card.get("source") or {}
    parts += ["", Text(f"{source.get('label')}  {source.get('url', '')}", style="dim")]
    return Panel(Group(*parts), title=f"{number} · {card.get('indicator')}", border_style=colour, title_align="left")


def _findings(findings: Sequence[Mapping[str, Any]]) -> Table:
    """What fires first, then what cannot be told; what does not fire is left to --json."""
    told = [finding for outcome in _SIGNS for finding in findings if finding.get("outcome") == outcome]
    return _table("● fires   ? cannot tell", ("Rule", "Facts", "Recommends"), map(_finding, told))


def _finding(finding: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [*map(str, finding.get("facts") or ()), *(f"missing: {what}" for what in finding.get("missing") or ())]
    sign = _SIGNS[str(finding.get("outcome"))]
    return f"{sign} {finding.get('rule')}", "\n".join(lines), "\n".join(finding.get("recommends") or ())


def _issues(issues: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [(" ".join(filter(None, (i.get("resource"), i.get("field")))), str(i.get("issue"))) for i in issues]


def _table(title: str, headings: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(*headings, title=title, title_justify="left", title_style="bold")
    for row in rows:
        table.add_row(*map(Text, row))  # Text: brackets in clinical words are no markup
    return table
