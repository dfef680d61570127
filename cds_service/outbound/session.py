"""The one HTTP session: GET only, pooled, to allowed addresses only, within a deadline and a size."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import connection as urllib3_connection
from urllib3.util.retry import Retry

from cds_service.errors import FhirServerFailed, NotOnFhirServer, OutboundRefused
from cds_service.outbound.addresses import AddressRules, Origin
from cds_service.outbound.deadline import CURRENT, Deadline

_CHUNK = 64 * 1024
_CONNECTIONS = 64  # kept open: eleven keys at once, for each of a few requests at once
_AGAIN = frozenset({429, 502, 503, 504})
_NOT_THERE = frozenset({404, 410})
_RETRY = Retry(total=2, status_forcelist=_AGAIN, allowed_methods=["GET"], backoff_factor=0.05, redirect=0)
_MAX_BYTES = 20 * 1024 * 1024
# A search that is answered from a cache misses the order signed a moment ago (HAPI keeps results for a minute).
_HEADERS = {"Accept": "application/fhir+json, application/json;q=0.9", "Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: float | None
    body: bytes


class GuardedSession:
    """Fetches FHIR JSON. Safe to share between threads."""

    def __init__(self, rules: AddressRules, max_bytes: int = _MAX_BYTES) -> None:
        self._rules = rules
        self._max_bytes = max_bytes
        self._session = requests.Session()
        # Neither proxies nor .netrc credentials of the environment, and no cookie from one patient's call to the next.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _GuardedAdapter(rules)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def check(self, url: str) -> None:
        """Whether the URL may be called at all.

        Raises:
            OutboundRefused: it may not.
        """
        self._rules.check_url(url)

    def get(self, url: str, *, token: str, deadline: Deadline) -> bytes:
        """The body of a successful answer; `token` goes into the header and nowhere else.

        Raises:
            OutboundRefused: the address is not one that may be called; nothing was sent.
            FhirServerFailed: no success in time, within the size and without a redirect; NotOnFhirServer where the
                server says that it does not have this.
        """
        self._rules.check_url(url)
        headers = dict(_HEADERS)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        retry: Retry = _RETRY
        current = CURRENT.set(deadline)
        try:
            while True:
                answer = self._attempt(url, headers, deadline)
                if answer is not None and answer.status not in _AGAIN:
                    return _success(answer)
                retry = _next(retry, answer)
                deadline.wait(answer.retry_after if answer and answer.retry_after else retry.get_backoff_time())
        finally:
            CURRENT.reset(current)

    def close(self) -> None:
        """Close all pooled connections."""
        self._session.close()

    def _attempt(self, url: str, headers: dict[str, str], deadline: Deadline) -> _Answer | None:
        """One call; None where the connection broke, which is worth another try."""
        deadline.check()
        try:
            response = self._session.get(
                url, headers=headers, timeout=deadline.remaining, allow_redirects=False, stream=True
            )
            with response:
                return _Answer(response.status_code, _retry_after(response), self._read(response, deadline))
        except requests.Timeout as error:
            raise FhirServerFailed("the FHIR server did not answer in time") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            deadline.check()
            return None
        finally:
            deadline.release()

    def _read(self, response: requests.Response, deadline: Deadline) -> bytes:
        """The body of a success, piece by piece, so that neither its size nor its pace can exceed what is allowed."""
        if response.status_code != requests.codes.ok:
            return b""
        body = bytearray()
        while piece := response.raw.read1(_CHUNK, decode_content=True):
            body += piece
            if len(body) > self._max_bytes:
                raise FhirServerFailed(f"the FHIR server's answer is larger than {self._max_bytes} bytes")
            deadline.check()
        deadline.check()  # a connection that was ended at the deadline looks like the end of an answer
        return bytes(body)


def _success(answer: _Answer) -> bytes:
    if 300 <= answer.status < 400:
        raise FhirServerFailed("the FHIR server answered with a redirect, which is not followed")
    if answer.status != requests.codes.ok:
        failure = NotOnFhirServer if answer.status in _NOT_THERE else FhirServerFailed
        raise failure(f"the FHIR server answered with status {answer.status}")
    return answer.body


def _next(retry: Retry, answer: _Answer | None) -> Retry:
    why = f"status {answer.status}" if answer is not None else "a broken connection"
    try:
        return retry.increment(method="GET", url="", error=None)
    except urllib3.exceptions.MaxRetryError as error:
        raise FhirServerFailed(f"the FHIR server answered with {why}, also when asked again") from error


def _retry_after(response: requests.Response) -> float | None:
    try:
        return _RETRY.parse_retry_after(response.headers["Retry-After"])
    except (KeyError, urllib3.exceptions.InvalidHeader):
        return None


def _connect(connection: HTTPConnection, rules: AddressRules, scheme: str) -> socket.socket:
    """Resolve once, check every address, and connect to one of just those: a name cannot change in between."""
    host = connection.host.strip("[]")
    origin = Origin(scheme, f"[{host}]" if ":" in host else host.lower(), connection.port)
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise urllib3.exceptions.NewConnectionError(connection, "the name cannot be resolved") from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        rules.check_address(origin, ipaddress.ip_address(address.partition("%")[0]))
    problem: OSError | None = None
    for address in addresses:
        try:
            return urllib3_connection.create_connection(
                (address, connection.port), connection.timeout, socket_options=connection.socket_options
            )
        except OSError as error:
            problem = error
    raise urllib3.exceptions.NewConnectionError(connection, "no address answers") from problem


def _hold(connected: Any) -> None:
    deadline = CURRENT.get()
    if deadline is not None and connected is not None:
        deadline.hold(connected)


def _pools(rules: AddressRules) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools, with connections that keep the rules."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, rules, "http")

        def getresponse(self) -> Any:
            _hold(self.sock)
            return super().getresponse()

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, rules, "https")

        def getresponse(self) -> Any:
            _hold(self.sock)
            return super().getresponse()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        super().__init__(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._rules)

    def proxy_manager_for(self, *_args: Any, **_kwargs: Any) -> Any:
        raise OutboundRefused("calls through a proxy are not made")
