"""A file that is read again: soon after it changed, never half written, and never for the worse."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cds_service.errors import InvalidSettings
from cds_service.web.trust.reread import LOOKED_AT_SECONDS, Reread


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float = LOOKED_AT_SECONDS) -> None:
        self.seconds += seconds


class Words:
    """A file of one word, which must not be `bad`, and how often it was read."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "word"
        self.path.write_text("first")
        self.clock = Clock()
        self.readings = 0
        self.time_of_day = 0.0
        self.while_reading: Callable[[], object] = lambda: None
        self.file = Reread(self.path, "B12_WORD", self._read, self.clock, lambda: self.time_of_day)

    def _read(self) -> str:
        self.readings += 1
        try:
            word = self.path.read_text()
        except OSError as error:
            raise InvalidSettings("B12_WORD: cannot be read") from error
        self.while_reading()
        if word == "bad":
            raise InvalidSettings("B12_WORD: is bad; write a better one")
        return word

    def after(self, *looks: float) -> str:
        """What holds after a look at each of these times."""
        for seconds in looks:
            self.clock.pass_by(seconds)
            self.file.current()
        return self.file.current()


@pytest.fixture
def words(tmp_path: Path) -> Words:
    return Words(tmp_path)


SOON = (LOOKED_AT_SECONDS, LOOKED_AT_SECONDS)


def test_a_change_holds_soon(words: Words) -> None:
    words.path.write_text("second")

    assert words.after(*SOON) == "second"


def test_a_file_that_does_not_change_is_read_once(words: Words) -> None:
    assert words.after(*SOON, *SOON) == "first"
    assert words.readings == 1


def test_the_file_is_looked_at_now_and_then_only(words: Words) -> None:
    words.path.write_text("second")

    assert words.after(*[LOOKED_AT_SECONDS / 100] * 90) == "first"


def test_a_change_that_is_long_past_holds_at_the_first_look(words: Words) -> None:
    """Nobody called in the night; who was taken out of the file is not let in by being the first in the morning."""
    words.path.write_text("second")
    words.time_of_day = words.path.stat().st_ctime + 3600

    assert words.after(LOOKED_AT_SECONDS) == "second"


def test_a_file_that_is_still_being_written_is_left_alone(words: Words) -> None:
    for word in ("s", "se", "sec", "seco"):
        words.path.write_text(word)
        assert words.after(LOOKED_AT_SECONDS) == "first"
    assert words.readings == 1

    assert words.after(LOOKED_AT_SECONDS) == "seco"


def test_what_changes_while_it_is_read_is_read_again(words: Words) -> None:
    words.path.write_text("second")
    words.while_reading = lambda: words.path.write_text("the third")

    assert words.after(*SOON) == "first"
    words.while_reading = lambda: None
    assert words.after(*SOON) == "the third"


@pytest.mark.parametrize("same_time", [True, False])
def test_a_file_that_takes_the_place_of_another_is_noticed(same_time: bool, words: Words, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("other")
    if same_time:
        was = words.path.stat()
        os.utime(other, ns=(was.st_atime_ns, was.st_mtime_ns))
    other.replace(words.path)

    assert words.after(*SOON) == "other"


def test_a_link_that_leads_to_another_file_is_noticed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "word").write_text(name)
    data, link = tmp_path / "..data", tmp_path / "word"
    data.symlink_to("a")
    link.symlink_to("..data/word")
    clock = Clock()
    file = Reread(link, "B12_WORD", link.read_text, clock)
    (tmp_path / "new").symlink_to("b")
    (tmp_path / "new").replace(data)  # as Kubernetes does with the files of a ConfigMap

    for _ in SOON:
        clock.pass_by()
        file.current()

    assert file.current() == "b"


@pytest.mark.parametrize("spoil", [lambda path: path.write_text("bad"), Path.unlink], ids=["bad", "gone"])
def test_what_cannot_be_used_changes_nothing_and_is_told_once(spoil: Callable[[Path], object], words: Words) -> None:
    spoil(words.path)

    with capture_logs() as logs:
        assert words.after(*SOON, *SOON, *SOON) == "first"

    told = [(line["log_level"], line["setting"], line["error"]) for line in logs]
    assert told == [("error", "B12_WORD", words.file.trouble)]
    assert words.file.trouble.startswith("B12_WORD: ")


def test_what_is_mended_holds_again(words: Words) -> None:
    words.path.rename(words.path.with_suffix(".kept"))
    words.path.write_text("bad")
    assert words.after(*SOON) == "first"
    assert words.file.trouble

    words.path.with_suffix(".kept").rename(words.path)

    with capture_logs() as logs:
        assert words.after(*SOON) == "first"
    assert words.file.trouble == ""
    assert [line["event"] for line in logs] == ["file read again"]


def test_a_bad_file_at_the_start_stops_it(tmp_path: Path) -> None:
    def read() -> str:
        raise InvalidSettings("B12_WORD: is bad")

    with pytest.raises(InvalidSettings):
        Reread(tmp_path / "word", "B12_WORD", read)


def test_nobody_waits_while_the_file_is_read(words: Words) -> None:
    words.path.write_text("second")
    words.after(LOOKED_AT_SECONDS)
    is_reading, may_go_on = threading.Event(), threading.Event()

    def hold() -> None:
        is_reading.set()
        assert may_go_on.wait(20)

    words.while_reading = hold
    words.clock.pass_by()
    reader = threading.Thread(target=words.file.current)
    reader.start()
    assert is_reading.wait(20)
    words.clock.pass_by()

    assert words.file.current() == "first"  # and not after the other has done

    may_go_on.set()
    reader.join(20)
    assert words.file.current() == "second"
