"""A model that answers elsewhere: where, in which protocol, how patiently. A value only; scheduler/remote.py asks.

No secret is kept here: a header's value is named as `env:NAME`, and read from the environment of the process that asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from quarterdeck.core.errors import UsageError
from quarterdeck.core.models.circuit_breaker import BreakerPolicy
from quarterdeck.core.models.row_answers import Gives
from quarterdeck.core.toml_table import expected_names

FROM_ENVIRONMENT = "env:"
ROWS = "$rows"  # in a JSON template: the rows, as a list of objects
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SECRET = re.compile(r"key|token|secret|sig|passw|auth|cred", re.IGNORECASE)
_OURS = ("content-type", "content-length", "host", "accept", "transfer-encoding", "connection")


class Protocol(StrEnum):
    """What a remote model is asked in."""

    V2 = "open-inference-v2"  # the URL of POST .../v2/models/NAME/infer; one input tensor a field
    JSON = "json"  # a template of ours


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """How rows become a JSON body, and where in the answer's body the answers are."""

    request: Any = field(default_factory=lambda: {"rows": ROWS})  # JSON with "$rows" in exactly one place
    answers: str = "predictions"  # dotted path to the list with one answer a row; "": the body itself
    answer: str = ""  # dotted path within each answer; "": the answer itself


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteModel:
    """An HTTP endpoint as a model."""

    url: str
    protocol: Protocol = Protocol.V2
    gives: Gives | None = None  # None: not known yet; what was seen when it was imported
    template: Template | None = None  # of the protocol "json"
    output: str | None = None  # v2: which output tensor holds the answers; None: it has but one
    connect_timeout_s: float = 2.0
    timeout_s: float = 10.0  # for a batch, retries among it
    retries: int = 2  # after a failed connection, 429 and 5xx
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    headers: Mapping[str, str] = field(default_factory=dict)  # name -> "env:NAME"

    def __post_init__(self) -> None:
        _check_url(self.url)
        _check_headers(self.headers)
        _check_patience(self)
        if self.protocol is Protocol.JSON and count_rows(self.used_template.request) != 1:
            raise UsageError(
                f'the request template must hold "{ROWS}" in exactly one place', hint=f'{{ rows = "{ROWS}" }}'
            )

    @property
    def used_template(self) -> Template:
        return self.template or Template()

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"headers": dict(self.headers)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RemoteModel:
        """From to_json(), or from a file of the same keys, all but `url` optional. UsageError names a wrong one."""
        _check_keys(data, cls.__slots__, "remote model")
        if not isinstance(data.get("url"), str):
            raise UsageError("a remote model needs a `url`", hint='url = "https://host/v2/models/name/infer"')
        values = dict(data)
        try:
            values["protocol"] = Protocol(data.get("protocol", Protocol.V2))
            values["gives"] = None if data.get("gives") is None else Gives(data["gives"])
        except ValueError as error:
            raise UsageError(str(error), hint=f"protocol is {' or '.join(Protocol)}") from error
        for name, kind in (("template", Template), ("breaker", BreakerPolicy)):
            if data.get(name) is not None:
                _check_keys(data[name], kind.__slots__, name)
                values[name] = kind(**data[name])
        return cls(**{name: value for name, value in values.items() if value is not None or name == "template"})


def count_rows(template: Any) -> int:
    """In how many places of a JSON value "$rows" stands."""
    if isinstance(template, Mapping):
        return sum(count_rows(item) for item in template.values())
    if isinstance(template, list | tuple):
        return sum(count_rows(item) for item in template)
    return int(template == ROWS)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UsageError(f"{url!r} is no http or https URL", hint="https://host/v2/models/name/infer")
    if parts.username is not None or parts.password is not None:
        raise UsageError("the URL holds a user's name or password", hint='use headers = { Authorization = "env:NAME" }')
    secrets = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if _SECRET.search(name)]
    if secrets:
        hint = 'secrets are not kept in the registry: use headers = { name = "env:NAME" }'
        raise UsageError(f"the URL's {secrets[0]!r} looks like a secret", hint=hint)
    if parts.fragment or not url.isascii() or any(character.isspace() for character in url):
        raise UsageError(f"{url!r} holds a fragment, a space or a character that is not ASCII", hint="write it encoded")


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            raise UsageError(f"{name!r} is no header that can be set")
        variable = str(value).removeprefix(FROM_ENVIRONMENT)
        if not str(value).startswith(FROM_ENVIRONMENT) or not _VARIABLE.fullmatch(variable):
            hint = f'{name} = "env:NAME": the value is read from the environment variable NAME of the server'
            raise UsageError(f"the header {name} does not say which environment variable holds its value", hint=hint)


def _check_patience(model: RemoteModel) -> None:
    within = (
        ("connect_timeout_s", model.connect_timeout_s, 0.01, 60.0),
        ("timeout_s", model.timeout_s, 0.01, 300.0),
        ("retries", model.retries, 0, 5),
        ("breaker.failures", model.breaker.failures, 1, 1000),
        ("breaker.pause_s", model.breaker.pause_s, 0.01, 3600.0),
    )
    for name, value, low, high in within:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise UsageError(f"{name} is {value!r}; expected {low:g} to {high:g}")


def _check_keys(data: Any, known: Any, what: str) -> None:
    if not isinstance(data, Mapping):
        raise UsageError(f"{what} is no table")
    for name in data:
        if name not in known:
            raise UsageError(f"{what} has no key {name!r}; {expected_names(str(name), tuple(known))}")
