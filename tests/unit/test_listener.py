"""Where the service listens, and what is said where it cannot."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import Process

import pytest
import uvloop

from cds_service.config import Settings
from cds_service.errors import InvalidSettings
from cds_service.listener import Leaving, listen
from tests.conformance.server import free_port


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    with ExitStack() as until_then:
        yield [until_then.enter_context(listener) for listener in listen(settings)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1", "[::1]"])
def test_it_listens_on_names_and_on_addresses_of_both_kinds(host: str) -> None:
    if ":" in host and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    with listening(Settings(host=host, port=free_port())) as listeners:
        address = listeners[0].getsockname()
        reached = "127.0.0.1" if address[0] == "0.0.0.0" else address[0]

        socket.create_connection((reached, address[1]), timeout=5).close()


def test_all_addresses_of_ipv6_are_those_of_ipv4_too() -> None:
    if not _has_ipv6() or not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with listening(Settings(host="::", port=free_port())) as listeners:
        socket.create_connection(("127.0.0.1", listeners[0].getsockname()[1]), timeout=5).close()


def test_no_part_of_an_answer_waits_for_the_one_before() -> None:
    with (
        listening(Settings(port=free_port(), workers=1)) as (listener,),
        socket.create_connection(listener.getsockname(), timeout=5),
        listener.accept()[0] as taken,
    ):
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as trial:
        return trial.connect_ex(("::1", free_port())) == errno.ECONNREFUSED


def test_a_port_is_nobody_elses_and_whoever_wants_it_too_is_told_how_to_mend_that() -> None:
    settings = Settings(host="127.0.0.1", port=free_port())
    with listening(settings), pytest.raises(InvalidSettings, match="already in use") as refused:
        listen(settings)

    assert str(refused.value).startswith(f"PORT: {settings.port} is in use at 127.0.0.1")


def test_a_port_whose_last_connections_are_hardly_closed_can_be_used_again_at_once() -> None:
    settings = Settings(host="127.0.0.1", port=free_port(), workers=1)
    with listening(settings) as (listener,):
        caller = socket.create_connection(listener.getsockname())
        taken, _ = listener.accept()
        taken.close()  # first, so that it is this side which waits for stragglers
        caller.close()

    with listening(settings):
        pass


@pytest.mark.parametrize("host", ["198.51.100.7", "no-such-host.invalid", "a" * 300, "2001:db8::7"])
def test_a_host_that_is_not_here_is_told(host: str) -> None:
    with pytest.raises(InvalidSettings, match=r"^HOST: .* is no address of this machine") as refused:
        listen(Settings(host=host, port=free_port()))

    assert host in str(refused.value)


def test_a_port_that_needs_rights_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(InvalidSettings, match=r"^PORT: 80 may not be used by this user"):
        listen(Settings(port=80))


def test_what_else_can_go_wrong_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(InvalidSettings, match=r"^HOST, PORT: nothing can listen .*Too many open files"):
        listen(Settings(port=80))


def test_callers_are_dealt_out_to_all_workers() -> None:
    with listening(Settings(port=free_port(), workers=3)) as listeners, ExitStack() as until_then:
        for _ in range(90):
            until_then.enter_context(socket.create_connection(listeners[0].getsockname(), timeout=5))

        assert len(listeners) == 3
        assert all(_taken(listener, until_then) > 5 for listener in listeners)


def _taken(listener: socket.socket, until_then: ExitStack) -> int:
    listener.setblocking(False)
    taken = 0
    while True:
        try:
            until_then.enter_context(listener.accept()[0])
        except BlockingIOError:
            return taken
        taken += 1


ENDED = 7


def a_worker(is_early: bool) -> None:
    """A worker as granian runs it: its loop stops between the start and the serving. It tells itself to end."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    leaving = Leaving(socket.create_server(("127.0.0.1", 0)).detach())
    leaving.hold()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, os._exit, ENDED if each == signal.SIGINT else 1)
    if is_early:
        os.kill(os.getpid(), signal.SIGTERM)

    async def start() -> None:
        leaving(lambda: None)

    loop.run_until_complete(start())
    os.kill(os.getpid(), signal.SIGTERM)
    loop.run_forever()


@pytest.mark.parametrize(("is_early", "status"), [(True, -signal.SIGTERM), (False, ENDED)])
def test_a_worker_hears_that_it_is_to_end_while_its_loop_stands_still(is_early: bool, status: int) -> None:
    worker = Process(target=a_worker, args=(is_early,))
    worker.start()
    worker.join(20)
    is_over = worker.exitcode is not None
    worker.kill()
    worker.join()

    assert is_over
    assert worker.exitcode == status
