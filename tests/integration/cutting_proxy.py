"""A proxy in front of a server that dies in the middle of an answer."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def cutting_proxy(upstream: tuple[str, int], after: int) -> Iterator[int]:
    """A port of this machine that leads to `upstream`, and ends each connection after so many bytes of the answer."""

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(upstream) as server:
                asking = threading.Thread(target=_pass_on, args=(self.request, server))
                asking.start()
                left = after
                with contextlib.suppress(OSError):  # the client has had enough
                    while left and (piece := server.recv(min(left, 4096))):
                        self.request.sendall(piece)
                        left -= len(piece)
                    self.request.shutdown(socket.SHUT_RDWR)
                asking.join()

    class Proxy(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Proxy(("127.0.0.1", 0), Connection) as proxy:
        serving = threading.Thread(target=proxy.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield proxy.server_address[1]
        finally:
            proxy.shutdown()
            serving.join()


def _pass_on(client: Any, server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := client.recv(4096):
            server.sendall(piece)
        server.shutdown(socket.SHUT_RDWR)
