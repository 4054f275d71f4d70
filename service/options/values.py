"""The kinds of value that an option can hold, and the base that makes every section strict, frozen and discreet.

Which options there are is `service.settings` and the sinks' to say.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SecretStr, WithJsonSchema

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Names of this machine: what is sent there goes over no network."""

UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_DURATION_HELP = "should be a duration such as 20s, 15m, 1h30m or 7d, or a number of seconds"
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_NAMESPACE = re.compile(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d{1,5})?|localhost(:\d{1,5})?")
_UNIT_HELP = "should be a duration with its unit such as 20s, 15m, 1h30m or 7d"


class Section(BaseModel):
    """A group of options: unknown keys are errors, values never change, and errors never quote what was typed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )


def parse_duration(value: object, *, unit: bool = False) -> timedelta:
    """Read a duration as people write it.

    Parameters
    ----------
    value
        Text such as ``"20s"``, ``"15m"``, ``"1h30m"``, ``"7d"`` or ``"500ms"``, or a number of seconds.
    unit
        Whether it must have one: who types ``8`` on a command line seldom means seconds.

    Raises
    ------
    ValueError
        If it is anything else, or negative; the text of the error does not repeat the value.

    Examples
    --------
    >>> parse_duration("1h30m") == parse_duration(5400) == timedelta(minutes=90)
    True
    """
    if unit and not (isinstance(value, str) and _DURATION.fullmatch(value.strip()) and value.strip()):
        raise ValueError(_UNIT_HELP)
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        seconds = _seconds(str(value).strip())
    try:
        duration = timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise ValueError(_DURATION_HELP) from None
    if duration < timedelta(0):
        raise ValueError("should not be negative")
    return duration


def _seconds(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(_DURATION_HELP)
    return sum(float(part) * unit for part, unit in zip(match.groups(), UNITS.values(), strict=True) if part)


def format_duration(value: timedelta) -> str:
    """Write a duration the way `parse_duration` reads it, whole units only.

    >>> format_duration(timedelta(minutes=90)), format_duration(timedelta(0))
    ('1h30m', '0s')
    """
    left = round(value / timedelta(milliseconds=1))
    parts = []
    for unit, seconds in UNITS.items():
        # A day is written as 24h: that is how people speak of windows and horizons.
        count, rest = divmod(left, round(seconds * 1000)) if unit != "d" or left > 86_400_000 else (0, left)
        if count:
            parts.append(f"{count}{unit}")
        left = rest
    return "".join(parts) or "0s"


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("should be longer than nothing")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"^(\d+(\.\d+)?|(\d+(\.\d+)?(ms|[dhms]))+)$"}, {"type": "number"}]}
    ),
]
"""Zero or more time, written ``20s``, ``15m``, ``1h30m``, ``7d`` or as a number of seconds."""

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
"""As `Duration`, but not zero."""


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A list of texts; one text with commas will do, so that an environment variable can hold it."""

Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_split)]
"""As `Texts`, each of them a secret."""


def read_secret(value: SecretStr | None, file: Path | None) -> SecretStr | None:
    """Return a secret given directly or kept in a file, which is read again each time so that it can be rotated.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    if file is None:
        return value
    return SecretStr(file.read_text(encoding="utf-8-sig").strip())


def named_by(connection_string: str) -> tuple[str, str]:
    """Return the host and the hub that a connection string of an Event Hub names, in lower case; empty if it does not.

    >>> named_by("Endpoint=sb://Contoso.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=Log")
    ('contoso.servicebus.windows.net', 'log')
    """
    keys, _, values = zip(*(part.strip().partition("=") for part in connection_string.lower().split(";")), strict=True)
    parts = dict(zip(keys, values, strict=True))
    try:
        return urlsplit(parts.get("endpoint", "")).hostname or "", parts.get("entitypath", "")
    except ValueError:
        return "", ""


def check_connection_string(text: str) -> None:
    """Raise ValueError, without repeating it, for what is no connection string of an Event Hub."""
    keys = {part.partition("=")[0].strip().lower() for part in text.split(";")}
    signed = "sharedaccesssignature" in keys or {"sharedaccesskeyname", "sharedaccesskey"} <= keys
    if "endpoint" not in keys or not signed:
        raise ValueError("should look like Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…")


def host_name(text: str, example: str) -> str:
    """Return a host's name or address in lower case, for an option that takes nothing but that.

    Raises
    ------
    ValueError
        It is something else; says what it should look like.

    Examples
    --------
    >>> host_name("Mail.Example.com", "mail.example.com")
    'mail.example.com'
    """
    if not _HOST.fullmatch(text):
        raise ValueError(f"should be the name of a host, {example}")
    return text.lower()


def check_namespace(text: str) -> None:
    """Raise ValueError for what is no host of an Event Hubs namespace, or of an emulator on this machine."""
    if not _NAMESPACE.fullmatch(text):
        raise ValueError("should be a host alone, such as contoso.servicebus.windows.net")
