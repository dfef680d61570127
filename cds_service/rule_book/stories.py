"""The index of the patient stories in `fixtures/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.loader.documents import UnreadableDocument, parse
from cds_service.rule_book.markdown import link, page, table

_OPENING = "Made from each `story.yaml` by `make rule-book`. All patients are made up."


def story_index(folder: Path) -> str:
    """The index as Markdown, from the title, hooks and point of each `<name>/story.yaml`.

    Raises:
        InvalidKnowledge: a story cannot be read, has no title, or does not say what it shows.
    """
    rows: list[tuple[str, ...]] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*/story.yaml")):
        try:
            story = parse(path.read_text(encoding="utf-8"))
            rows.append(_row(path.parent.name, story if isinstance(story, Mapping) else {}))
        except (UnreadableDocument, ValueError) as error:
            problems.append(f"{path.parent.name}/story.yaml: {error}")
    if problems:
        raise InvalidKnowledge(problems)
    return page(["# Patient stories", _OPENING, table(("story", "patient", "what it shows", "hooks"), rows)])


def _row(name: str, story: Mapping[str, object]) -> tuple[str, ...]:
    title, shows, hooks = story.get("title"), story.get("shows"), story.get("hooks")
    if not title or not shows:
        raise ValueError("title or shows is missing; write both")
    named = ", ".join(str(hook) for hook in hooks) if isinstance(hooks, list) else ""
    return link(name, f"{name}/"), str(title), str(shows), named
