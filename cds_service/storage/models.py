"""The tables. No column is meant for a patient's id, name or data; `feedback_comments` may hold some all the same."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The base of all tables."""


class FeedbackRow(Base):
    """One item of feedback on one card (CDS Hooks 2.0.1, "Feedback").

    `digest` identifies the item by its content, so that a batch that is sent again is not counted twice.
    """

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    service: Mapped[str] = mapped_column(String(100), index=True)
    card: Mapped[str] = mapped_column(String(200), index=True)
    outcome: Mapped[str] = mapped_column(String(20))
    outcome_timestamp: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    accepted_suggestions: Mapped[str] = mapped_column(Text, default="")
    reason_system: Mapped[str] = mapped_column(String(500), default="")
    reason_code: Mapped[str] = mapped_column(String(200), default="")
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class FeedbackCommentRow(Base):
    """What a clinician wrote with an item of feedback. POSSIBLE PATIENT DATA: it is free text, and in nobody's control.

    A table of its own, so that it can be granted, exported and deleted apart from what was chosen.
    """

    __tablename__ = "feedback_comments"

    feedback: Mapped[int] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True)
    comment: Mapped[str] = mapped_column(Text)


class CardShownRow(Base):
    """One card that went to an EHR. `rules` and `suggestions` are space-separated."""

    __tablename__ = "cards_shown"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    card: Mapped[str] = mapped_column(String(36), unique=True)
    service: Mapped[str] = mapped_column(String(100), index=True)
    rules: Mapped[str] = mapped_column(String(500))
    indicator: Mapped[str] = mapped_column(String(20))
    knowledge_version: Mapped[str] = mapped_column(String(100))
    suggestions: Mapped[str] = mapped_column(Text, default="")
    shown_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class SeenJtiRow(Base):
    """One token that was used (CDS Hooks 2.0.1, "Trusting CDS Clients": a `jti` is never accepted twice).

    `jti` is the digest of what the client sent, which may be of any length and hold any character.
    """

    __tablename__ = "seen_jti"

    issuer: Mapped[str] = mapped_column(String(500), primary_key=True)
    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
