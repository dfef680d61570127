"""Reading feedback back: the full history, the last state of each card, and what it says of each rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import quote, unquote

from sqlalchemy import and_, delete, exists, func, select
from sqlalchemy.orm import Session

from cds_service.storage.models import CardShownRow, FeedbackCommentRow, FeedbackRow

UNKNOWN_CARD = "(card not known)"


@dataclass(frozen=True, slots=True)
class FeedbackRecord:
    """One item as it was received; `is_latest` says whether it is the state that counts for its card.

    `rules`, `indicator` and `knowledge_version` are those of the card, and empty where it was not noted as shown.
    `comment` is free text and may hold patient data.
    """

    service: str
    card: str
    outcome: str
    outcome_timestamp: datetime
    received_at: datetime
    is_latest: bool
    accepted_suggestions: tuple[str, ...] = ()
    reason_system: str = ""
    reason_code: str = ""
    comment: str = ""
    rules: tuple[str, ...] = ()
    indicator: str = ""
    knowledge_version: str = ""


@dataclass(slots=True)
class RuleFeedback:
    """What clinicians did with the cards of one rule; `reasons` are counted by (system, code).

    A card that speaks for several rules counts for each of them.
    """

    rule: str
    shown: int = 0
    accepted: int = 0
    overridden: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RuleUse:
    """How often cards of one rule were shown in a time, and what clinicians did with just those; without free text."""

    rule: str
    shown: int = 0
    accepted: int = 0
    overridden: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def unanswered(self) -> int:
        """Of how many nothing was reported."""
        return max(0, self.shown - self.accepted - self.overridden)


def joined(ids: Iterable[str]) -> str:
    """Ids in one text, separated by blanks; a client may have ids that hold blanks themselves."""
    return " ".join(quote(each) for each in ids)


def separated(text: str) -> tuple[str, ...]:
    """The ids again."""
    return tuple(map(unquote, text.split()))


def history(session: Session) -> list[FeedbackRecord]:
    """All items, in the order of their arrival."""
    newest_first = (FeedbackRow.outcome_timestamp.desc(), FeedbackRow.id.desc())
    place = func.row_number().over(partition_by=(FeedbackRow.service, FeedbackRow.card), order_by=newest_first)
    of_its_card = and_(CardShownRow.card == FeedbackRow.card, CardShownRow.service == FeedbackRow.service)
    query = (
        select(FeedbackRow, CardShownRow, FeedbackCommentRow.comment, place)
        .outerjoin(CardShownRow, of_its_card)
        .outerjoin(FeedbackCommentRow, FeedbackCommentRow.feedback == FeedbackRow.id)
        .order_by(FeedbackRow.id)
    )
    return [_record(item, card, comment or "", place == 1) for item, card, comment, place in session.execute(query)]


def by_rule(session: Session) -> list[RuleFeedback]:
    """The last states, counted by rule, with how often the rule's cards were shown."""
    found: dict[str, RuleFeedback] = {}
    shown = session.execute(select(CardShownRow.rules, func.count()).group_by(CardShownRow.rules))
    for rules, count in shown:
        for rule in rules.split():
            found.setdefault(rule, RuleFeedback(rule)).shown += count
    for record in history(session):
        if record.is_latest:
            _count(found, record)
    return sorted(found.values(), key=lambda each: each.rule)


def use_since(session: Session, since: datetime) -> list[RuleUse]:
    """The cards shown since then, by rule, each with the last state that was reported of it.

    Counted by the database, which reads no comment for it.
    """
    limit = since.astimezone(UTC)
    found: dict[str, RuleUse] = {}
    query = select(CardShownRow.rules, func.count()).where(CardShownRow.shown_at >= limit).group_by(CardShownRow.rules)
    for rules, count in session.execute(query):
        for rule in rules.split():
            found.setdefault(rule, RuleUse(rule)).shown += count
    newest_first = (FeedbackRow.outcome_timestamp.desc(), FeedbackRow.id.desc())
    place = func.row_number().over(partition_by=FeedbackRow.card, order_by=newest_first).label("place")
    of_its_card = and_(CardShownRow.card == FeedbackRow.card, CardShownRow.service == FeedbackRow.service)
    told = (CardShownRow.rules, FeedbackRow.outcome, FeedbackRow.reason_system, FeedbackRow.reason_code)
    states = select(*told, place).join(CardShownRow, of_its_card).where(CardShownRow.shown_at >= limit).subquery()
    columns = (states.c.rules, states.c.outcome, states.c.reason_system, states.c.reason_code)
    for rules, outcome, system, code, count in session.execute(
        select(*columns, func.count()).where(states.c.place == 1).group_by(*columns)
    ):
        for use in (found.setdefault(rule, RuleUse(rule)) for rule in rules.split()):
            use.accepted += count if outcome == "accepted" else 0
            use.overridden += count if outcome == "overridden" else 0
            if code and outcome == "overridden":
                use.reasons[system, code] += count
    return sorted(found.values(), key=lambda each: each.rule)


def shown_between(session: Session, edges: Sequence[datetime]) -> list[int]:
    """How many cards were shown from each moment to the next."""
    moments = [edge.astimezone(UTC) for edge in edges]
    counts = [
        func.count().filter(and_(CardShownRow.shown_at >= first, CardShownRow.shown_at < last))
        for first, last in pairwise(moments)
    ]
    window = and_(CardShownRow.shown_at >= moments[0], CardShownRow.shown_at < moments[-1])
    return list(session.execute(select(*counts).where(window)).one())


def purge(session: Session, before: datetime) -> int:
    """Delete what was received before this moment, and the cards shown before it that nothing speaks of any more.

    Returns how many items of feedback are gone.
    """
    limit = before.astimezone(UTC)
    old = select(FeedbackRow.id).where(FeedbackRow.received_at < limit)
    session.execute(delete(FeedbackCommentRow).where(FeedbackCommentRow.feedback.in_(old)))
    gone = session.scalar(select(func.count()).select_from(old.subquery())) or 0
    session.execute(delete(FeedbackRow).where(FeedbackRow.received_at < limit))
    is_answered = exists().where(FeedbackRow.card == CardShownRow.card)
    session.execute(delete(CardShownRow).where(CardShownRow.shown_at < limit, ~is_answered))
    return gone


def _count(found: dict[str, RuleFeedback], record: FeedbackRecord) -> None:
    for rule in record.rules or (UNKNOWN_CARD,):
        counted = found.setdefault(rule, RuleFeedback(rule))
        counted.accepted += record.outcome == "accepted"
        counted.overridden += record.outcome == "overridden"
        if record.reason_code:
            counted.reasons[record.reason_system, record.reason_code] += 1
        if record.comment:
            counted.comments.append(record.comment)


def _record(item: FeedbackRow, card: CardShownRow | None, comment: str, is_latest: bool) -> FeedbackRecord:
    return FeedbackRecord(
        service=item.service,
        card=item.card,
        outcome=item.outcome,
        outcome_timestamp=_in_utc(item.outcome_timestamp),
        received_at=_in_utc(item.received_at),
        is_latest=is_latest,
        accepted_suggestions=separated(item.accepted_suggestions),
        reason_system=item.reason_system,
        reason_code=item.reason_code,
        comment=comment,
        rules=tuple(card.rules.split()) if card else (),
        indicator=card.indicator if card else "",
        knowledge_version=card.knowledge_version if card else "",
    )


def _in_utc(moment: datetime) -> datetime:
    """SQLite gives moments back without their zone, which is always UTC here."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
