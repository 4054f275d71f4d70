"""Sets up logging: structured lines through one formatter, for our own events and for those of libraries.

Each line is redacted last, tracebacks included, so that no secret is written. What is logged is decided elsewhere;
event names are stable snake_case.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO
from urllib.parse import quote, quote_plus

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.core.sign_in import sign_in_problem
from service.monitoring.log_storms import CalmHandler, LogStorms

MASK = "[redacted]"
SHORTEST_SECRET = 6
"""Shorter secrets are left to the patterns: to hide every "abc" would make logs unreadable."""

# One pass for all of them; what a group matches is kept, what follows it is masked.
_SECRET_PARTS = re.compile(
    r"(\bsig(?:nature)?(?:=|%3d))[^&;\s\"'\\<>]+"
    r"|(\b(?:SharedAccessKey|AccountKey|SharedAccessSignature)\s*=\s*)[^;\s\"'\\<>]+"
    r"|(\bBearer\s+)[A-Za-z0-9._~+/=-]+"
    r"|(\bwhsec_)[A-Za-z0-9+/=_-]+"
    r"|(\bhooks\.slack(?:-gov)?\.com(?::\d+)?/)[^\s\"'\\<>]+"
    r"|(\.logic\.azure\.(?:com|us|cn)(?::\d+)?/)[^\s\"'\\<>]+"
    r"|(\.environment\.api\.powerplatform\.(?:com|us|cn)(?::\d+)?/)[^\s\"'\\<>]+"
    r"|(\beyJ)[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]+)*"
    r"|(://)[^/@\s:\"']*:[^/@\s\"']+(?=@)",
    re.IGNORECASE,
)
_QUIET = {
    "azure": logging.WARNING,
    "azure.eventhub.aio._eventprocessor": logging.ERROR,  # the source logs what it warns of in a line of its own
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.WARNING,
    "py4j": logging.WARNING,
}


class Redactor:
    """Takes secrets out of texts and nested values: those that it knows, and whatever looks like one.

    Parameters
    ----------
    secrets
        Values that must not be written anywhere, be it as they are, percent-encoded or escaped.

    Examples
    --------
    >>> Redactor(["hunter2hunter2"])({"url": "https://x/?sig=abc", "why": ["not hunter2hunter2"]})
    {'url': 'https://x/?sig=[redacted]', 'why': ['not [redacted]']}
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Add secrets to those that it knows."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._known |= {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1]}
        # Longest first: a secret that begins with another one must not leave its end behind.
        ordered = sorted(self._known, key=lambda secret: (-len(secret), secret))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        return _SECRET_PARTS.sub(lambda match: f"{match[match.lastindex or 0]}{MASK}", text)

    def __call__(self, value: object) -> Any:
        """Return `value` without secrets; anything but plain data is replaced by its repr."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self(item) for item in value]
        if isinstance(value, datetime):
            return value.isoformat()
        return self.text(str(value) if isinstance(value, BaseException) else repr(value))


def configure(
    *,
    level: Literal["debug", "info", "warning", "error"] = "info",
    style: Literal["auto", "json", "console"] = "auto",
    stream: TextIO | None = None,
    redactor: Redactor,
    elapsed: Callable[[], float] | None = None,
) -> logging.Handler:
    """Set up logging for the process; may be called again, and replaces what it set up before.

    Parameters
    ----------
    level
        Least level written; the libraries' own lines are written from warning on.
    style
        ``json``: one object a line; ``console``: for people; ``auto``: console if `stream` is a terminal.
    stream
        Standard error unless given.
    redactor
        Takes the secrets out.
    elapsed
        Seconds on a clock that never goes back, by which a storm of lines that say the same is thinned out; None to
        write every line.
    """
    stream = stream or sys.stderr
    console = style == "console" or (style == "auto" and stream.isatty())
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
    ]
    renderer: Processor = (
        # rich's tracebacks show local variables, and so secrets: plain ones do not.
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        )
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )

    def redact(_: WrappedLogger, __: str, event: EventDict) -> Mapping[str, Any]:
        clean: dict[str, Any] = redactor(event)
        return clean

    handler = logging.StreamHandler(stream) if elapsed is None else CalmHandler(stream, LogStorms(elapsed))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=common,
            processors=[
                _timestamp,
                _one_line_of_a_sign_in,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                redact,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(threshold)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, threshold))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _last_words
    return handler


def _timestamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take the time from the record that logging made, so that the clock is not asked a second time."""
    record: logging.LogRecord = event["_record"]
    event["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return event


def _one_line_of_a_sign_in(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Leave of what azure-identity says of each credential that it tried the one that was meant."""
    if "\nAttempted credentials:" in str(event["event"]):
        event["event"] = f"no token: {sign_in_problem(Exception(event['event']))}"
    return event


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log an uncaught exception like any other line: Python's own output would not be redacted."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("service").critical("died", exc_info=(kind, error, trace))
