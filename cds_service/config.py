"""Settings: read from the environment once, at start; a wrong one stops the start and says how to mend it."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from environs import Env, EnvError, ValidationError, validate

from cds_service.errors import InvalidSettings

_ORIGIN = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_EXTERNAL = re.compile(rf"{_ORIGIN.pattern}(?:/(?!cds-services/?$)[A-Za-z0-9._~-]+)*/?")
_SANDBOX = "http://localhost:8080"  # where the CDS Hooks sandbox runs on a developer's machine
_KIBIBYTE = 1024
_DATABASE_URL = "sqlite:///var/b12-cds.sqlite3"
_MAX_BODY_BYTES = 10 * _KIBIBYTE * _KIBIBYTE
_RATE_PER_MINUTE = 6000
_SHORTEST_PASSWORD = 16
_BODY_RANGE = validate.Range(_KIBIBYTE, _KIBIBYTE**3)
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SITES = ("us", "uk")
DEFAULT_SITE = "us"
ENGLISH = "en"
_LANGUAGE = r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*"
_MEND = {
    "PORT": "Write a free TCP port, such as 8000.",
    "HOST": "Write the address to listen on, such as 127.0.0.1.",
    "B12_TODAY": "Write a day such as 2025-10-01, or leave it unset to use the clock.",
    "B12_TRUST": (
        "Write open (this machine only), required (clients that B12_CLIENTS lists), demo-sandbox (this machine only, "
        "with the public key of the CDS Hooks sandbox) or open-insecure (test data only)."
    ),
    "B12_FHIR_ALLOW_HTTP_LOCALHOST": "Write true or false.",
    "B12_DEADLINE_SECONDS": "Write seconds from 0.05 to 60, such as 2.0.",
    "B12_MAX_BODY_BYTES": "Write a number of bytes from 1024 to 1073741824, such as 10485760.",
    "B12_FEEDBACK_DAYS": "Write a number of days from 1 to 36500, such as 365.",
    "B12_ONE_ACTION": "Write true or false.",
    "B12_WORKERS": "Write a number of processes from 1 to 64.",
    "B12_THREADS": "Write a number of threads from 1 to 64.",
    "B12_MAX_WAITING": "Write a number of requests from 1 to 10000.",
    "B12_BODY_SECONDS": "Write seconds from 0.5 to 300, such as 10.",
    "B12_RATE_PER_MINUTE": "Write a number of requests, such as 6000; 0 is no limit.",
    "B12_LOG_LEVEL": "Write DEBUG, INFO, WARNING or ERROR.",
    "B12_PLAYGROUND": "Write true or false, or leave it unset: then it is on where only this machine can call.",
    "B12_SNOMED_AFFILIATE": "Write true or false.",
    "B12_SITE": f"Write one of {', '.join(SITES)}: the country whose products are offered.",
    "B12_LANGUAGE": "Write a language such as en or pt-BR: the name of its folder in languages/.",
}


class Trust(StrEnum):
    """Who may call.

    `open`: anyone on this machine. `open-insecure`: anyone at all. `required`: a listed client with a JWT.
    `demo-sandbox`: whoever signs with the CDS Hooks sandbox's key, whose private half is public; on this machine.
    """

    OPEN = "open"
    OPEN_INSECURE = "open-insecure"
    REQUIRED = "required"
    DEMO_SANDBOX = "demo-sandbox"

    @property
    def checks_callers(self) -> bool:
        """Whether a caller must show a token."""
        return self in (Trust.REQUIRED, Trust.DEMO_SANDBOX)


_FOR_THE_SANDBOX = (Trust.OPEN, Trust.DEMO_SANDBOX)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, with the environment variable of each field given in `from_environment`.

    `today` fixes the date (None: the clock). `never_sent` are prefetch keys that this site's EHR cannot send.
    `clients` is the file that lists the CDS clients, for trust `required`.
    `fhir_private_networks` are the address ranges, beyond public ones, in which an allowed FHIR server may live. `site`
    chooses among regimens whose products differ by country. Each of `workers` processes has so many `threads` at work
    and lets `max_waiting` more requests wait; one whose body is not there after `body_seconds` is given up. One
    caller may send `rate_per_minute` requests to each process (0: any number). `operations_password` opens the
    operations page (see `has_operations_page`).
    """

    port: int = 8000
    host: str = "127.0.0.1"
    today: date | None = None
    database_url: str = _DATABASE_URL
    knowledge_dir: Path | None = None
    trust: Trust = Trust.OPEN
    clients: Path | None = None
    cors_origins: tuple[str, ...] = (_SANDBOX,)
    fhir_origins: tuple[str, ...] = ()
    fhir_allow_http_localhost: bool = False
    fhir_private_networks: tuple[str, ...] = ()
    deadline_seconds: float = 2.0
    max_body_bytes: int = _MAX_BODY_BYTES
    never_sent: tuple[str, ...] = ()
    one_action: bool = False
    external_url: str = ""
    workers: int = 2
    threads: int = 4
    max_waiting: int = 64
    body_seconds: float = 10.0
    rate_per_minute: int = 0
    log_level: str = "INFO"
    snomed_affiliate: bool = True
    site: str = DEFAULT_SITE
    language: str = ENGLISH
    feedback_days: int = 365
    playground: bool = False
    knowledge_pages: bool = True
    operations_password: str = field(default="", repr=False)

    @property
    def is_ours_alone(self) -> bool:
        """Whether only this machine can call, and is asked nothing."""
        return self.trust is Trust.OPEN and is_loopback(self.host)

    @property
    def has_operations_page(self) -> bool:
        """Whether there is an operations page; it asks for the password where there is one."""
        return bool(self.operations_password) or self.is_ours_alone

    @classmethod
    def from_environment(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `env` (the process environment where it is None).

        Raises:
            InvalidSettings: one line for each variable that is wrong: its name, what is wrong, how to mend it.
        """
        reader = _MappingEnv(os.environ if env is None else env)
        fields = _read(reader)
        try:
            reader.seal()
        except EnvError as error:
            raise InvalidSettings(_problems(error)) from error
        settings = cls(**fields)
        _check_trust(settings)
        _check_playground(settings)
        return settings


class _MappingEnv(Env):
    """An environs reader over a given mapping, so that a test needs no process environment."""

    def __init__(self, source: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._source = source

    def is_blank(self, name: str) -> bool:
        """Whether the variable is there and holds nothing, as compose files pass an unset one."""
        return name in self._source and not self._source[name].strip()

    def _get_value(self, env_key: str, default: Any) -> Any:
        return default if self.is_blank(env_key) else self._source.get(env_key, default)


def _read(env: _MappingEnv) -> dict[str, Any]:
    trust = env.enum("B12_TRUST", default=Trust.OPEN, enum=Trust, by_value=True)
    host = env.str("HOST", default="127.0.0.1", validate=validate.Length(min=1))
    is_ours_alone = trust is Trust.OPEN and is_loopback(host or "")
    return {
        "port": env.int("PORT", default=8000, validate=validate.Range(1, 65535)),
        "host": host,
        "playground": env.bool("B12_PLAYGROUND", default=is_ours_alone),
        "knowledge_pages": env.bool("B12_KNOWLEDGE_PAGES", default=True),
        "operations_password": env.str("B12_OPERATIONS_PASSWORD", default="", validate=_password),
        "today": env.date("B12_TODAY", default=None),
        "database_url": env.str("B12_DATABASE_URL", default=_DATABASE_URL, validate=_database_url),
        "knowledge_dir": env.path("B12_KNOWLEDGE_DIR", default=None, validate=_existing_folder),
        "trust": trust,
        "clients": env.path("B12_CLIENTS", default=None, validate=_existing_file),
        "cors_origins": _origins(env, "B12_CORS_ORIGINS", (_SANDBOX,) if trust in _FOR_THE_SANDBOX else ()),
        "fhir_origins": _origins(env, "B12_FHIR_ORIGINS", ()),
        "fhir_allow_http_localhost": env.bool("B12_FHIR_ALLOW_HTTP_LOCALHOST", default=False),
        "fhir_private_networks": _listed(env, "B12_FHIR_PRIVATE_NETWORKS", (), _network),
        "deadline_seconds": env.float("B12_DEADLINE_SECONDS", default=2.0, validate=validate.Range(0.05, 60)),
        "max_body_bytes": env.int("B12_MAX_BODY_BYTES", default=_MAX_BODY_BYTES, validate=_BODY_RANGE),
        "never_sent": _listed(env, "B12_NEVER_SENT", (), None),
        "one_action": env.bool("B12_ONE_ACTION", default=False),
        "external_url": env.str("B12_EXTERNAL_URL", default="", validate=_external_url),
        "workers": env.int("B12_WORKERS", default=2, validate=validate.Range(1, 64)),
        "threads": env.int("B12_THREADS", default=4, validate=validate.Range(1, 64)),
        "max_waiting": env.int("B12_MAX_WAITING", default=64, validate=validate.Range(1, 10_000)),
        "body_seconds": env.float("B12_BODY_SECONDS", default=10.0, validate=validate.Range(0.5, 300)),
        "rate_per_minute": env.int("B12_RATE_PER_MINUTE", default=_rate(trust), validate=validate.Range(0, 10_000_000)),
        "log_level": env.str("B12_LOG_LEVEL", default="INFO", validate=validate.OneOf(_LEVELS)),
        "snomed_affiliate": env.bool("B12_SNOMED_AFFILIATE", default=True),
        "site": env.str("B12_SITE", default=DEFAULT_SITE, validate=validate.OneOf(SITES)),
        "language": env.str("B12_LANGUAGE", default=ENGLISH, validate=validate.Regexp(_LANGUAGE)),
        "feedback_days": env.int("B12_FEEDBACK_DAYS", default=365, validate=validate.Range(1, 36500)),
    }


def _rate(trust: Trust | None) -> int:
    """No limit where only this machine calls: whoever tries or measures the service there would meet it at once."""
    return 0 if trust in _FOR_THE_SANDBOX else _RATE_PER_MINUTE


def _listed(env: _MappingEnv, name: str, default: tuple[str, ...], check: Any) -> tuple[str, ...]:
    """A comma-separated list; blanks around its parts do not matter, and an empty variable is an empty list."""
    if env.is_blank(name):
        return ()
    found = env.list(name, default=None, subcast=str, validate=_each(check) if check else None)
    return default if found is None else tuple(part.strip() for part in found if part.strip())


def _each(check: Any) -> Any:
    def check_all(parts: list[str]) -> None:
        for part in parts:
            if part.strip():
                check(part.strip())

    return check_all


def _origins(env: _MappingEnv, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    return _listed(env, name, default, _origin)


def is_origin(text: str) -> bool:
    """Whether the text is an origin as settings write it: lower case, without a path."""
    return _ORIGIN.fullmatch(text) is not None


def _origin(text: str) -> None:
    if not is_origin(text):
        raise ValidationError(
            f"{text!r} is not an origin. Write scheme, host and, if needed, port, in lower case and without a path or "
            "a star, such as https://ehr.example.org or http://localhost:8080."
        )


def _network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValidationError(f"{text!r} is not a network. Write it such as 10.20.0.0/16.") from error


def _database_url(text: str) -> None:
    if "://" not in text:
        raise ValidationError(
            "is not a database address. Write sqlite:///path/to/file or postgresql+psycopg://user@host/name."
        )


def _existing_folder(path: Path) -> None:
    if not path.is_dir():
        raise ValidationError("is not a folder. Name the folder that holds your knowledge files, or leave it unset.")


def _existing_file(path: Path) -> None:
    if not path.is_file():
        raise ValidationError("is not a file. Name the YAML file that lists your CDS clients, or leave it unset.")


def _password(text: str) -> None:
    if text and len(text) < _SHORTEST_PASSWORD:
        raise ValidationError(
            f"must have {_SHORTEST_PASSWORD} characters or more, or be left unset: then there is no operations page, "
            "but on a service for this machine only. Make one with: openssl rand -base64 24"
        )


def _external_url(text: str) -> None:
    if text and not _EXTERNAL.fullmatch(text):
        raise ValidationError(
            "must be the absolute address under which EHRs call this service, in lower case up to its path and "
            "without /cds-services, such as https://cds.example.org or https://example.org/b12; or be left unset."
        )


def _problems(error: EnvError) -> str:
    found = getattr(error, "error_messages", {})
    lines = (
        f"{name}: {' '.join(map(str, problems))} {_MEND.get(name, '')}".rstrip() for name, problems in found.items()
    )
    return "\n".join(lines) or str(error)


def is_loopback(host: str) -> bool:
    """Whether a server bound to `host` can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _check_trust(settings: Settings) -> None:
    if settings.trust is Trust.REQUIRED:
        _check_required(settings)
    elif settings.clients is not None:
        raise InvalidSettings(
            f"B12_CLIENTS: names the clients that may call, but B12_TRUST={settings.trust} does not ask for them. Set "
            "B12_TRUST=required, or leave B12_CLIENTS unset."
        )
    if settings.trust in _FOR_THE_SANDBOX and not is_loopback(settings.host):
        anyone = "lets anyone call" if settings.trust is Trust.OPEN else "trusts a key that anyone can have"
        raise InvalidSettings(
            f"HOST: {settings.host!r} is reachable from other machines, and B12_TRUST={settings.trust} {anyone}. Set "
            "HOST to 127.0.0.1, list your clients with B12_TRUST=required, or accept the risk with "
            "B12_TRUST=open-insecure (test data only)."
        )


def _check_playground(settings: Settings) -> None:
    if settings.playground and settings.trust.checks_callers:
        raise InvalidSettings(
            f"B12_PLAYGROUND: the playground EHR signs no calls, and B12_TRUST={settings.trust} asks for that. Leave "
            "it unset, or use B12_TRUST=open on this machine."
        )


def _check_required(settings: Settings) -> None:
    if settings.clients is None:
        raise InvalidSettings(
            "B12_CLIENTS: is not set, and B12_TRUST=required needs it. Name the YAML file that lists your CDS clients."
        )
    if not settings.external_url:
        # Never taken from the Host header: a token for another service would then open this one.
        raise InvalidSettings(
            "B12_EXTERNAL_URL: is not set, and B12_TRUST=required needs it: a token names the address that it is for. "
            "Write the address under which EHRs call this service, such as https://cds.example.org."
        )
