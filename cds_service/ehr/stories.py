"""Where the patient stories are: beside this package, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

STORIES = Path(__file__).resolve().parents[2] / "fixtures"
