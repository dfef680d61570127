"""Calls to a server whose address its user typed: for the commands that play the EHR, never for a hook request.

No allow-list stands before it, because whoever types an address means it. All else holds as for the guarded session:
one origin, no redirect followed, no cookie and no stored password sent, and an answer of bounded size. A proxy and
certificates of one's own (HTTPS_PROXY, REQUESTS_CA_BUNDLE) are taken from the environment, as such a user expects.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3
from urllib3.util.retry import Retry

from cds_service.errors import NotFhir, OutboundRefused, ServerUnreachable, TlsFailed
from cds_service.outbound.addresses import Origin

_TIMEOUTS = (10.0, 60.0)  # to connect, and between two pieces of an answer: a transaction of a whole record takes long
_MOST_BYTES = 64 * 1024 * 1024
_CHUNK = 64 * 1024
_NOT_DONE = frozenset({429, 503})  # the server says that it did nothing yet, so that anything may be sent again
_UNSURE = frozenset({500, 502, 504})
_RETRY = Retry(total=None, backoff_factor=0.5, backoff_max=8)
_LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `content` is the JSON of the body, None where it is none."""

    status: int
    content: Any
    location: str = ""


class TypedAddress:
    """Sends requests below one base address, with a bearer token where one is given."""

    def __init__(
        self, base: str, token: str = "", *, tries: int = 5, wait: Callable[[float], None] = time.sleep
    ) -> None:
        """`wait` sleeps between two tries.

        Raises:
            OutboundRefused: this is no plain address, or the token would be sent where others can read it.
        """
        self.base = base.rstrip("/")
        try:
            self._origin = Origin.of(self.base)
        except OutboundRefused as refused:
            like = "Write it such as https://ehr.example.org/fhir"
            raise OutboundRefused(f"{shown(base)!r}: {refused}. {like}") from None
        if "?" in self.base:
            raise OutboundRefused(f"{shown(base)!r}: a base address has no question mark in it")
        if token and self._origin.scheme == "http" and not self._origin.is_local:
            raise OutboundRefused("a token is sent over https only, or to this machine itself: use https, or no token")
        if any(not 33 <= ord(sign) <= 126 for sign in token):
            raise OutboundRefused("the token holds blanks or other characters that no token has: give one token alone")
        self._token = token
        self._tries = tries
        self._wait = wait
        self._session = requests.Session()
        self._session.trust_env = not self._origin.is_local  # a proxy cannot reach this machine by the name it goes by
        self._session.auth = _as_it_is  # else requests would send a password of .netrc
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def send(
        self,
        method: str,
        path: str = "",
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Answer:
        """The answer, whatever its status. `path` is below the base, or an address of the same server.

        What is `repeatable` may be done twice without harm and is sent again after any failure; else only where the
        server says that it did nothing. Retry-After is honoured.

        Raises:
            ServerUnreachable, TlsFailed: there is no answer. NotFhir: a redirect. OutboundRefused: another server.
        """
        url = self._url(path)
        retry: Retry = _RETRY
        for last in (number == self._tries for number in range(1, self._tries + 1)):
            answer, asked_to_wait, problem = self._attempt(method, url, body, headers or {})
            if answer is not None and not _worth_again(answer.status, repeatable):
                return answer
            if last or (answer is None and not repeatable):
                if answer is not None:
                    return answer
                raise ServerUnreachable(f"{self._place} does not answer: {problem}")
            retry = retry.increment(method=method, url="", error=None)
            self._wait(min(asked_to_wait or retry.get_backoff_time(), _LONGEST_WAIT))
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    @property
    def _place(self) -> str:
        return f"{self._origin.scheme}://{self._origin.host}:{self._origin.port}"

    def _url(self, path: str) -> str:
        is_whole = path.startswith(("http://", "https://", "//"))  # a search may well hold "://" further on
        url = urljoin(f"{self.base}/", path) if is_whole else f"{self.base}/{path}" if path else self.base
        if Origin.of(url) != self._origin:
            raise OutboundRefused(f"an answer leads to another server ({shown(url)}), which is not called")
        return url

    def _attempt(
        self, method: str, url: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[Answer | None, float | None, str]:
        """One call: its answer, how long the server asks to wait, and why there is no answer."""
        content = None if body is None else json.dumps(body).encode()
        try:
            with self._session.request(
                method,
                url,
                data=content,
                headers=self._headers(headers, with_body=content is not None),
                timeout=_TIMEOUTS,
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.is_redirect:
                    to = shown(response.headers.get("Location", ""))
                    raise NotFhir(f"{self._place} leads on to {to}; give that address, if it is the right one")
                location = response.headers.get("Location", "")
                return Answer(response.status_code, _json(response), location), _retry_after(response), ""
        except requests.exceptions.SSLError as error:
            raise TlsFailed(f"{self._place}: {_tls_problem(error)}") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            problem = _plainly(error)
            if any(isinstance(one, urllib3.exceptions.NewConnectionError) for one in _causes(error)):
                raise ServerUnreachable(f"{self._place} does not answer: {problem}") from error  # nor will it soon
            return None, None, problem

    def _headers(self, more: Mapping[str, str], *, with_body: bool) -> dict[str, str]:
        headers = {"Accept": "application/fhir+json, application/json;q=0.9"}
        if with_body:
            headers["Content-Type"] = "application/fhir+json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers | dict(more)


def shown(text: str) -> str:
    """A text from outside as it may stand in a message: one line, no control characters, cut."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text[:201])
    return plain if len(plain) <= 200 else f"{plain[:200]}…"


def _worth_again(status: int, repeatable: bool) -> bool:
    return status in _NOT_DONE or (repeatable and status in _UNSURE)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _json(response: requests.Response) -> Any:
    body = bytearray()
    for piece in response.iter_content(_CHUNK):
        body += piece
        if len(body) > _MOST_BYTES:
            raise ServerUnreachable(f"the answer is larger than {_MOST_BYTES // 1024 // 1024} MB and was not read")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _retry_after(response: requests.Response) -> float | None:
    try:
        return _RETRY.parse_retry_after(response.headers["Retry-After"])
    except (KeyError, urllib3.exceptions.InvalidHeader):
        return None


def _tls_problem(error: requests.exceptions.SSLError) -> str:
    found = next((e for e in _causes(error) if isinstance(e, ssl.SSLError)), None)
    if isinstance(found, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({shown(found.verify_message)}). "
            "Name your own authority's certificates in REQUESTS_CA_BUNDLE, or mend the certificate"
        )
    reason = shown(str(found.reason)) if found is not None and found.reason else "the handshake failed"
    return f"no secure connection could be made ({reason}). Is it perhaps a port that speaks http?"


def _causes(error: object) -> Iterator[object]:
    """An error and all that are wrapped in it: requests wraps urllib3's, which wraps Python's own."""
    yield error
    if isinstance(error, BaseException):
        inner = (getattr(error, "reason", None), error.__cause__, *error.args)
        for one in inner:
            if isinstance(one, BaseException):
                yield from _causes(one)


def _plainly(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    causes = list(_causes(error))
    if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in causes):
        return "there is no machine of this name. Is the name spelt right?"
    system = next((one for one in causes if isinstance(one, OSError) and one.strerror), None)
    if system is not None:
        return f"{system.strerror}. Is it running there?"
    return "the connection broke. Does it speak http there?"
