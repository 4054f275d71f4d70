"""Finds out why the hub refuses us, and words it as one paragraph for an operator.

The SDK's exceptions often leave the reason out ("CBS Token authentication failed. Status code: None", or no error at
all when a link cannot be opened), but its log records have it. So a diagnosis reads the SDK's log for a second or two.
"""

import asyncio
import logging
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.eventhub.exceptions import AuthenticationError, EventHubError

from service.core.ports import SourceError
from service.core.sign_in import sign_in_problem
from service.source.options import Kind, SourceOptions

_SDK_LOG = "azure.eventhub._pyamqp"
SDK_ERRORS = (EventHubError, AzureError, OSError, ValueError)
"""What the SDK raises for anything that the network or the hub does."""

_SECRETS = re.compile(r"(sig|SharedAccessKey|SharedAccessSignature|access_token)=[^\s&;'\"]+", re.IGNORECASE)
_TRACKING = re.compile(r"\s*\.?\s*(To know more visit|Reference:\S+,|TrackingId:).*", re.DOTALL)
_REPETITION = re.compile(r"\s*\n\s*Error( condition|):.*", re.DOTALL)
_CONNECTING = "Failed to initiate the connection due to exception: "
_KINDS: dict[str, Kind] = {
    "amqp:not-found": "not-found",
    "amqp:unauthorized-access": "unauthorized",
    "amqp:client-error": "unauthorized",
    "amqp:socket-error": "unreachable",
    "amqp:link:stolen": "stolen",
    "amqp:resource-limit-exceeded": "throttled",
    "com.microsoft:server-busy": "throttled",
    "com.microsoft:argument-error": "bad-position",
    "com.microsoft:argument-out-of-range": "not-found",
    "amqp:internal-error": "lost",
    "amqp:link:detach-forced": "lost",
    "amqp:connection:forced": "lost",
}


class RefusalError(SourceError):
    """A `SourceError` that knows its kind."""

    def __init__(self, kind: Kind, paragraph: str) -> None:
        super().__init__(paragraph)
        self.kind: Kind = kind


def condition_of(error: BaseException) -> str:
    """Return the AMQP condition behind an exception of the SDK, or "" if there is none.

    The SDK wraps its AMQP error into an `EventHubError` without it; only the exception's context still has it.
    """
    seen: BaseException | None = error
    while seen is not None:
        condition = getattr(seen, "condition", None)
        if isinstance(condition, bytes):
            return bytes(getattr(condition, "value", condition)).decode("utf-8", "replace")
        seen = seen.__cause__ or seen.__context__
    return ""


def classify_error(error: BaseException, condition: str = "") -> Kind:
    """Return what kind of trouble an exception of the SDK is, with a condition seen elsewhere if there was one."""
    condition = condition or condition_of(error)
    text = str(error)
    if "amqp:link:stolen" in condition or "link:stolen" in text:
        return "stolen"
    if condition in _KINDS:
        return _KINDS[condition]
    if "Status code: 404" in text:
        return "not-found"
    if isinstance(error, AuthenticationError | ClientAuthenticationError):
        return "unauthorized"
    if _CONNECTING in text or isinstance(error, OSError):
        return "unreachable"
    return "lost" if isinstance(error, EventHubError) else "other"


def short(error: BaseException) -> str:
    """Return an exception's text on one line, at most 300 characters, without what might be a secret."""
    if isinstance(error, ClientAuthenticationError):
        return _SECRETS.sub(r"\1=***", sign_in_problem(error))
    text = " ".join(_TRACKING.sub("", _REPETITION.sub("", str(error))).split()) or type(error).__name__
    return textwrap.shorten(_SECRETS.sub(r"\1=***", text.removeprefix(_CONNECTING)), 300, placeholder=" …")


class SdkLogListener(logging.Handler):
    """Reads the SDK's log during one attempt: whether it attached, or was refused, with which condition and words."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.attached = asyncio.Event()
        self.refused = asyncio.Event()
        self.forget()

    def forget(self) -> None:
        """Forget the attempt, before another one."""
        self.attached.clear()
        self.refused.clear()
        self.condition = ""
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Read one record; frames come as named tuples in its arguments."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        if not arguments:
            return
        message, first = str(record.msg), arguments[0]
        if message.startswith("CBS Put token error") and isinstance(first, bytes):
            self._refuse(first, "")
        elif message.startswith("<- "):
            self._frame(type(first).__name__, first)

    def _frame(self, name: str, frame: object) -> None:
        error = getattr(frame, "error", None)
        source = getattr(frame, "source", None)
        if name == "AttachFrame" and source and b"/partitions/" in bytes(source[0] or b"").lower():
            self.attached.set()
        elif name in {"DetachFrame", "CloseFrame", "EndFrame"} and error:
            self._refuse(error[0], error[1] if len(error) > 1 else "")

    def _refuse(self, condition: object, words: object) -> None:
        if not self.refused.is_set():
            self.condition, self.words = _text(condition), _TRACKING.sub("", _text(words))
            self.refused.set()


def _text(value: object) -> str:
    value = getattr(value, "value", value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


@contextmanager
def listen_to_sdk_log() -> Iterator[SdkLogListener]:
    """Read the SDK's log for a while; nothing of it reaches the service's own log meanwhile."""
    log, listener = logging.getLogger(_SDK_LOG), SdkLogListener()
    before = log.level, log.propagate
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield listener
    finally:
        log.removeHandler(listener)
        log.setLevel(before[0])
        log.propagate = before[1]


def paragraph(kind: Kind, options: SourceOptions, detail: str) -> str:
    """Return one paragraph: what happened, what it most probably means, and what to do."""
    hub, host, group = options.hub_name, options.host, options.consumer_group
    said = f" ({detail})" if detail else ""
    port = urlsplit(f"//{host}").port or (443 if options.transport == "websocket" else 5671)
    if kind == "unreachable":
        return (
            f"The Event Hubs namespace at {host} cannot be reached{said}. Check its name for typing errors, that the "
            f"name resolves from here, and that outbound TCP on port {port} is allowed; where only 443 is open, use "
            "the websocket transport."
        )
    if kind == "unauthorized":
        remedy = (
            "Check that the connection string's policy and key are current (keys are rotated, policies deleted) and "
            "that the policy grants Listen on this hub."
            if options.connection_string is not None
            else "Grant the identity of this service the role Azure Event Hubs Data Receiver on the hub or its "
            "namespace; a new assignment needs some minutes to take effect."
        )
        return f"The namespace at {host} refuses our credential for the Event Hub '{hub}'{said}. {remedy}"
    if kind == "not-found":
        return (
            f"The namespace at {host} has no Event Hub named '{hub}', or not for this credential{said}. Check the "
            "hub's name, and that the namespace is the one that holds it."
        )
    if kind == "bad-position":
        return another_hub(options, said)
    if kind == "stolen":
        return (
            f"Another receiver has taken over the Event Hub '{hub}' at {host}, consumer group '{group}'{said}. "
            "Another instance of this service is active, or another product reads with the same consumer group: run "
            "one instance only, and give it a consumer group of its own."
        )
    return (
        f"The Event Hub '{hub}' at {host} does not serve us{said}. If this does not pass by itself, look at the "
        "namespace's health and its throttled requests in the Azure portal."
    )


def no_such_group(options: SourceOptions, detail: str) -> str:
    """Return the paragraph for a consumer group that does not exist."""
    return (
        f"The Event Hub '{options.hub_name}' at {options.host} refuses the consumer group "
        f"'{options.consumer_group}' ({detail}). Create that group on the hub, or correct its name; the group "
        "that every hub has is called $Default."
    )


def another_hub(options: SourceOptions, detail: str) -> str:
    """Return the paragraph for a hub that is not the one our positions come from."""
    return (
        f"The Event Hub '{options.hub_name}' at {options.host} ends before the position that we had reached{detail}, "
        "and was not created since: the configuration now names another hub. If that is meant, run 'unwonted state "
        "forget-positions', which keeps what has been learnt, and start again: the hub is then read from its "
        "beginning. Otherwise restore the hub's name."
    )
