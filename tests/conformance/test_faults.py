"""What breaks around the service while it runs: each fault has its answer, within its time, and loses nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import time_machine
from flask.testing import FlaskClient

from cds_service.config import Settings
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web import create_app
from tests.conformance.conftest import hook_request
from tests.conformance.server import OURS, ROOT, Running, running

PATH = "/cds-services/b12-patient-view"
FEEDBACK = f"{PATH}/feedback"


def item(card: str) -> dict[str, Any]:
    when = "2025-10-01T09:30:00Z"
    return {"feedback": [{"card": card, "outcome": "overridden", "outcomeTimestamp": when}]}


def call(service: Running) -> int:
    """The status of one call, on a connection of its own."""
    return requests.post(service.url + PATH, json=hook_request(), timeout=20).status_code


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.1)


def workers(service: Running) -> set[int]:
    """The processes that answer."""
    listed = subprocess.run(
        ["/bin/ps", "-o", "pid=,args=", "--ppid", str(service.process.pid)], capture_output=True, text=True
    )
    return {int(line.split()[0]) for line in listed.stdout.splitlines() if "worker-" in line}


def is_answered(service: Running) -> bool:
    try:
        return call(service) == 200
    except requests.ConnectionError:
        return False


@contextmanager
def called_all_the_time(service: Running) -> Iterator[list[int | str]]:
    """Calls one after another, each on a new connection, while the block runs; what became of each."""
    answers: list[int | str] = []
    is_over = threading.Event()

    def go_on() -> None:
        while not is_over.is_set():
            try:
                answers.append(call(service))
            except requests.RequestException as error:
                answers.append(type(error).__name__)

    caller = threading.Thread(target=go_on)
    caller.start()
    try:
        yield answers
    finally:
        is_over.set()
        caller.join(30)


# Processes


def test_a_worker_that_is_killed_is_replaced_and_the_others_answer(tmp_path: Path) -> None:
    with running(tmp_path, B12_WORKERS="2") as service:
        until(lambda: len(workers(service)) == 2)
        requests.post(service.url + FEEDBACK, json=item("before"), timeout=20).raise_for_status()
        before = workers(service)
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(workers(service) - {killed}) == 2)
        until(lambda: is_answered(service))

        assert {call(service) for _ in range(20)} == {200}
        assert requests.post(service.url + FEEDBACK, json=item("after"), timeout=20).status_code == 200
        assert service.process.poll() is None
    store = Store(f"sqlite:///{service.database}")
    assert [record.card for record in store.feedback_history()] == ["before", "after"]
    store.close()


forked = pytest.mark.skipif(
    not sys.platform.startswith("linux") or multiprocessing.get_start_method() != "fork",
    reason="only workers that are forked on Linux have a queue that outlives them (docs/decisions.md)",
)


@forked
def test_whoever_waits_for_a_worker_that_dies_is_answered_by_the_next(tmp_path: Path) -> None:
    with running(tmp_path, B12_WORKERS="1") as service:
        until(lambda: len(workers(service)) == 1)
        until(lambda: is_answered(service))
        (dying,) = workers(service)
        os.kill(dying, signal.SIGSTOP)  # it takes no more connections
        waiting = [ThreadPoolExecutor(1).submit(call, service) for _ in range(5)]
        time.sleep(1)
        os.kill(dying, signal.SIGKILL)

        assert [answer.result(30) for answer in waiting] == [200] * 5
        assert workers(service) - {dying}


@forked
def test_a_worker_that_ends_still_answers_whoever_it_has_just_let_in(tmp_path: Path) -> None:
    with running(tmp_path, B12_WORKERS="1") as service:
        until(lambda: is_answered(service))
        (ending,) = workers(service)
        host, port = service.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as let_in:
            time.sleep(0.3)
            os.kill(ending, signal.SIGTERM)
            let_in.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")

            answer = let_in.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"connection: close" in answer.lower()
        assert call(service) == 200  # it waited for the worker that came in the place of this one
        assert ending not in workers(service)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT], ids=lambda told: told.name)
def test_a_stop_that_all_processes_are_told_at_once_ends_them(told: signal.Signals, tmp_path: Path) -> None:
    with running(tmp_path, B12_WORKERS="2") as service:
        until(lambda: len(workers(service)) == 2)
        os.killpg(service.process.pid, told)

        assert service.process.wait(10) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(service.process.pid, 0)


@forked
def test_a_stop_does_not_wait_for_a_worker_that_has_only_begun_to_start(tmp_path: Path) -> None:
    with running(tmp_path, B12_WORKERS="1") as service:
        (killed,) = workers(service)
        os.kill(killed, signal.SIGKILL)
        until(lambda: bool(workers(service) - {killed}), 10)
        service.process.terminate()

        assert service.process.wait(10) == 0


def test_a_second_start_on_the_same_port_is_refused_and_takes_no_calls(tmp_path: Path) -> None:
    with running(tmp_path, B12_WORKERS="1") as service:
        port = service.url.rpartition(":")[2]
        settings = os.environ | {"PORT": port, "B12_DATABASE_URL": f"sqlite:///{tmp_path}/second.sqlite3"}
        second = subprocess.run([*OURS, "serve"], cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60)

        assert second.returncode == 1
        assert f"PORT: {port} is in use at 127.0.0.1: address already in use" in second.stderr
        assert "Serving on" not in second.stdout
        assert call(service) == 200


def broken(folder: Path) -> None:
    (folder / "rules").mkdir()
    (folder / "rules" / "broken.yaml").write_text("id: [", encoding="utf-8")


def test_a_worker_that_is_replaced_while_files_are_broken_has_the_knowledge_of_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge"
    folder.mkdir()
    with running(tmp_path, B12_WORKERS="2", B12_KNOWLEDGE_DIR=str(folder)) as service:
        until(lambda: len(workers(service)) == 2)
        version = requests.get(f"{service.url}/ready", timeout=20).json()["knowledgeVersion"]
        broken(folder)
        before = workers(service)
        for killed in sorted(before):
            os.kill(killed, signal.SIGKILL)
        until(lambda: len(workers(service) - before) == 2)
        until(lambda: is_answered(service))

        assert {call(service) for _ in range(10)} == {200}
        assert requests.get(f"{service.url}/ready", timeout=20).json()["knowledgeVersion"] == version
        assert service.process.poll() is None


def test_knowledge_that_proposes_what_is_not_fhir_changes_nothing_at_a_reload(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge" / "regimens"
    folder.mkdir(parents=True)
    with running(tmp_path, B12_WORKERS="2", B12_KNOWLEDGE_DIR=str(folder.parent)) as service:
        until(lambda: len(workers(service)) == 2)
        before = workers(service)
        ours = (ROOT / "cds_service/knowledge/regimens/im-replacement.yaml").read_text(encoding="utf-8")
        (folder / "im-replacement.yaml").write_text(ours.replace("repeats: 0", "repeats: 99999999999"), "utf-8")
        os.kill(service.process.pid, signal.SIGHUP)
        until(lambda: "not started anew" in service.log.read_text())

        assert {call(service) for _ in range(10)} == {200}
        assert workers(service) == before


def test_knowledge_that_is_broken_at_a_reload_changes_nothing_and_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge"
    folder.mkdir()
    with running(tmp_path, B12_WORKERS="2", B12_KNOWLEDGE_DIR=str(folder)) as service:
        until(lambda: len(workers(service)) == 2)
        before = workers(service)
        broken(folder)
        os.kill(service.process.pid, signal.SIGHUP)
        until(lambda: "not started anew" in service.log.read_text())

        assert {call(service) for _ in range(10)} == {200}
        assert workers(service) == before
    said = next(line for line in service.log.read_text().splitlines() if "not started anew" in line)
    assert json.loads(said)["error"].startswith("rules/broken.yaml")


def test_a_reload_puts_new_workers_in_the_place_of_the_old_and_answers_all_the_while(tmp_path: Path) -> None:
    with running(tmp_path, B12_WORKERS="2") as service:
        until(lambda: len(workers(service)) == 2)
        before = workers(service)
        with called_all_the_time(service) as answers:
            os.kill(service.process.pid, signal.SIGHUP)
            until(lambda: len(workers(service)) == 2 and not workers(service) & before, 60)
            time.sleep(1)

    assert len(answers) > 10
    assert set(answers) == {200}


def test_out_of_file_descriptors_newcomers_wait_and_nothing_is_lost(tmp_path: Path) -> None:
    few = ("/bin/sh", "-c", 'ulimit -n 128 && exec "$@"', "sh", *OURS)
    with running(tmp_path, few, B12_WORKERS="1") as service:
        port = int(service.url.rpartition(":")[2])
        assert call(service) == 200
        held = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(200)]
        with called_all_the_time(service) as answers:
            time.sleep(2)
            for connection in held:
                connection.close()
            until(lambda: 200 in answers, 40)
        until(lambda: is_answered(service))

        assert requests.post(service.url + FEEDBACK, json=item("after"), timeout=20).status_code == 200
        assert set(answers) <= {200, 503, "ReadTimeout", "ConnectionError"}
        assert service.process.poll() is None


# The database


@pytest.fixture
def service(knowledge: Knowledge, offered: tuple[CdsService, ...], tmp_path: Path) -> Iterator[FlaskClient]:
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    yield create_app(Settings(), offered, knowledge, store).test_client()
    store.close()


def test_a_database_whose_file_is_gone_is_told_and_a_clinician_still_gets_cards(
    knowledge: Knowledge, offered: tuple[CdsService, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "volume"
    folder.mkdir()
    store = Store(f"sqlite:///{folder}/b12.sqlite3")
    client = create_app(Settings(), offered, knowledge, store).test_client()
    assert client.post(FEEDBACK, json=item("before")).status_code == 200
    store.close()  # its connections end with the volume
    folder.rename(tmp_path / "away")

    answer = client.post(PATH, json=hook_request())
    assert (answer.status_code, len(answer.get_json()["cards"])) == (200, 1)
    refused = client.post(FEEDBACK, json=item("during"))
    assert (refused.status_code, client.get("/ready").status_code) == (503, 503)
    assert int(refused.headers["Retry-After"]) > 0

    (tmp_path / "away").rename(folder)
    assert client.post(FEEDBACK, json=item("during")).status_code == 200
    assert [record.card for record in store.feedback_history()] == ["before", "during"]
    store.close()


def test_a_database_that_can_only_be_read_acknowledges_nothing_and_a_clinician_still_gets_cards(
    knowledge: Knowledge, offered: tuple[CdsService, ...], tmp_path: Path
) -> None:
    made = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    made.prepare()
    made.close()
    store = Store(f"sqlite:///file:{tmp_path}/b12.sqlite3?mode=ro&uri=true")
    client = create_app(Settings(), offered, knowledge, store).test_client()

    answer = client.post(PATH, json=hook_request())
    assert (answer.status_code, len(answer.get_json()["cards"])) == (200, 1)
    assert client.post(FEEDBACK, json=item("during")).status_code == 503
    assert client.get("/ready").status_code == 503
    store.close()


# The clock


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400), timedelta(hours=-2)])
def test_a_clock_that_jumps_and_comes_back_costs_no_answer_and_no_feedback(
    jump: timedelta, service: FlaskClient
) -> None:
    now = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)
    for number, moment in enumerate((now, now + jump, now + timedelta(seconds=9))):
        with time_machine.travel(moment, tick=True):
            answer = service.post(PATH, json=hook_request())
            assert answer.status_code == 200
            assert answer.get_json()["cards"]
            assert service.post(FEEDBACK, json=item(str(number))).status_code == 200
            assert service.get("/ready").status_code == 200
            assert service.get("/cds-services").status_code == 200


# Names


def asked_of(client: FlaskClient, without: str) -> tuple[Any, float]:
    request = hook_request(fhirServer="https://fhir.example.org/fhir")
    del request["prefetch"][without]
    began = time.monotonic()
    return client.post(PATH, json=request), time.monotonic() - began


@pytest.mark.parametrize("seconds", [0, 30], ids=["fails", "hangs"])
def test_a_name_that_cannot_be_resolved_is_told_within_the_deadline(
    seconds: float,
    knowledge: Knowledge,
    offered: tuple[CdsService, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A resolver knows no deadline of ours: the answer must not wait for it."""
    is_over = threading.Event()

    def resolve(*_: object, **__: object) -> Any:
        is_over.wait(seconds)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    settings = Settings(fhir_origins=("https://fhir.example.org",), deadline_seconds=1.0)
    client = create_app(settings, offered, knowledge, store).test_client()
    optional, took = asked_of(client, "allergies")
    required, took_too = asked_of(client, "labs")
    is_over.set()
    store.close()

    assert (optional.status_code, required.status_code) == (200, 412)
    assert max(took, took_too) < 3
    assert "allerg" in optional.get_json()["cards"][0]["detail"].lower()
    assert required.get_json()["issue"][0]["expression"] == ["prefetch.labs"]
