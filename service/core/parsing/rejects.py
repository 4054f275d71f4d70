"""Why a record was refused, with a sample that may be shown to people: bounded, and without secrets or addresses."""

import re
from enum import StrEnum
from typing import NamedTuple

SAMPLE_LENGTH = 1024
_WINDOW = 4 * SAMPLE_LENGTH


class RejectReason(StrEnum):
    """The fixed list; a metric label and the first word of every dead letter."""

    NOT_JSON = "not_json"  # a message in which no record can be made out
    MALFORMED = "malformed"  # a record that is not JSON even after repair
    TRUNCATED = "truncated"  # the message ends inside a record
    TOO_DEEP = "too_deep"  # nested beyond what a decoder can follow
    OVERSIZED = "oversized"  # a message larger than any that Event Hubs carries, or a record than any that Azure writes
    GIVEN_UP = "given_up"  # the rest of a message of which too much could not be read
    SET_ASIDE = "set_aside"  # a message that was being read when the process ended, again and again
    NOT_A_RECORD = "not_a_record"  # JSON, but neither an activity record nor any other log's
    NO_TIME = "no_time"  # the record does not say when
    BAD_TIME = "bad_time"  # it says so in a way that cannot be read, or without a time zone
    NO_ACTION = "no_action"  # the record does not say what was done


class Reject(NamedTuple):
    """A record (or message) that was refused; or several of one message, for the same reason.

    Attributes
    ----------
    reason
        One of the fixed list.
    sample
        Beginning of what was refused, at most 1,024 characters, redacted; may be empty.
    detail
        What exactly was wrong, in words; redacted too.
    records
        How many records it stands for; at least 1.
    """

    reason: RejectReason
    sample: str
    detail: str
    records: int = 1


class Refusal(Exception):  # noqa: N818 - not an error of the program: the verdict on a record, on its way to a Reject
    """Raised inside the package when a record cannot become an event."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


_MASK = "***"
# Every pattern starts only where a run begins and never gives back what it took: linear on hostile text.
_ADDRESS = re.compile(r"(?<![\w.+#'%-])[\w.+#'%-]++@[\w.-]++")
_TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]++(?:\.[\w-]*+)*+")
_BEARER = re.compile(r"(?i)\b(bearer|basic|sharedaccesssignature)\s++[^\s\"',;}]++")
_PAIR = re.compile(
    r"(?i)(?<![a-z])((?:sig|signature|code|pwd|(?:account|shared(?:access)?|api|access)?key|password|\w{0,32}secret"
    r"|\w{0,32}token)(?:=|%3d))[^\s\"'&;,}\\]++"
)
_BLOB = re.compile(r"(?<![\w+/=-])(?:[A-Za-z0-9+/]{42,}+={1,2}|[A-Za-z0-9_+-]{43,}+=*+)")
# The head of "key":"value" in JSON, and in JSON inside JSON strings, where each level has its own number of
# backslashes before a quote.
_HEAD = re.compile(r"""(?<!\\)(\\*+)"([^"\\]{1,200}+)\1"\s*+:\s*+\1\"""")
_QUOTE = re.compile(r"""(?<!\\)(\\*+)\"""")
_PSEUDO = re.compile(r"('([^'\\]{1,200}+)'\s*+:\s*+')(?:[^'\\]++|\\.)*+", re.DOTALL)
_PRIVATE = re.compile(
    r"(?i)password|passwd|pwd|secret|token|credential|connectionstring|(?:access|account|primary|secondary|private|api"
    r"|shared|storage)_?key|^(?:key|keys|sig|sas|aio|rh|uti|puid)$|signature|givenname|surname|/name$|upn$|emailaddress"
    r"|unique_name|nameidentifier|^caller$"
)
_RAGGED = re.compile(r"(?<![^\s\",;{}\[\]])[^\s\",;{}\[\]]++\Z")


def redact(text: str) -> str:
    """Mask secrets and people in `text`: signatures, keys, tokens, passwords, e-mail addresses and names in claims.

    Examples
    --------
    >>> redact('{"caller":"ann@contoso.com","url":"https://x.blob.core.windows.net/c?sv=1&sig=abc%3D"}')
    '{"caller":"***","url":"https://x.blob.core.windows.net/c?sv=1&sig=***"}'
    """
    text = _PSEUDO.sub(_mask_pseudo, _mask_members(text))
    text = _BEARER.sub(rf"\1 {_MASK}", text)
    text = _PAIR.sub(rf"\1{_MASK}", text)
    text = _ADDRESS.sub(_MASK, text)
    text = _TOKEN.sub(_MASK, text)
    return _BLOB.sub(_MASK, text)


def _mask_members(text: str) -> str:
    pieces: list[str] = []
    done = 0
    for head in _HEAD.finditer(text):
        if head.start() >= done and _PRIVATE.search(head[2]):
            pieces += (text[done : head.end()], _MASK)
            done = _end_of_value(text, head.end(), len(head[1]))
    return "".join((*pieces, text[done:]))


def _end_of_value(text: str, start: int, level: int) -> int:
    """Return where a string that began at `level` backslashes ends; rather too late than too early."""
    for quote in _QUOTE.finditer(text, start):
        if len(quote[1]) <= level:
            return quote.start()
    return len(text)


def _mask_pseudo(match: re.Match[str]) -> str:
    return match[1] + _MASK if _PRIVATE.search(match[2]) else match[0]


def reject(reason: RejectReason, raw: bytes, detail: str, records: int = 1) -> Reject:
    """Make a `Reject` with a sample of the refused bytes.

    A secret cut in two by the window's edge could escape its pattern, so the window is wider than the sample and its
    last, ragged word goes.
    """
    sample = redact(_window(raw[:_WINDOW].decode("utf-8", "replace"), cut=len(raw) > _WINDOW))
    if len(sample) > SAMPLE_LENGTH:
        sample = sample[: SAMPLE_LENGTH - 1] + "…"
    return Reject(reason, sample, redact(_window(detail[:_WINDOW], cut=len(detail) > _WINDOW))[:200], records)


def _window(text: str, *, cut: bool) -> str:
    return _RAGGED.sub("", text) if cut else text
