import logging

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.eventhub._pyamqp.error import AMQPConnectionError, AMQPLinkError, ErrorCondition
from azure.eventhub._pyamqp.performatives import AttachFrame, DetachFrame
from azure.eventhub.exceptions import AuthenticationError, ConnectError, ConnectionLostError, EventHubError

from service.source.diagnosis import classify_error, condition_of, listen_to_sdk_log, paragraph, short
from service.source.options import SourceOptions

KEY = "c2VjcmV0LW9mLXRoZS1odWI="
OPTIONS = SourceOptions(namespace="acme.servicebus.windows.net", hub="logs", consumer_group="unwonted")


def wrapped(error: Exception, into: type[EventHubError] = ConnectError) -> EventHubError:
    """What the SDK makes of its own AMQP errors."""
    try:
        try:
            raise error
        except Exception as inner:  # noqa: BLE001 - the SDK does the same
            raise into(str(inner), inner) from None  # type: ignore[arg-type]
    except EventHubError as outer:
        return outer


def test_the_condition_is_found_behind_the_sdks_wrapping() -> None:
    inner = AMQPConnectionError(ErrorCondition.SocketError, description="refused")
    assert condition_of(wrapped(inner)) == "amqp:socket-error"
    assert condition_of(ValueError("no condition")) == ""


@pytest.mark.parametrize(
    ("error", "condition", "kind"),
    [
        (wrapped(AMQPLinkError(b"amqp:link:stolen", description="newcomer"), ConnectionLostError), "", "stolen"),
        (wrapped(AMQPLinkError(b"com.microsoft:server-busy")), "", "throttled"),
        (wrapped(AMQPLinkError(b"amqp:not-found")), "", "not-found"),
        (AuthenticationError("CBS Token authentication failed. Status code: None"), "", "unauthorized"),
        (AuthenticationError("CBS Token authentication failed. Status code: None"), "amqp:not-found", "not-found"),
        (ConnectError("Management connection failed. Status code: 404"), "", "not-found"),
        (ConnectError("Failed to initiate the connection due to exception: gaierror"), "", "unreachable"),
        (ConnectionRefusedError(), "", "unreachable"),
        (TimeoutError(), "", "unreachable"),
        (ClientAuthenticationError("no such tenant"), "", "unauthorized"),
        (EventHubError("whatever"), "", "lost"),
        (ValueError("Invalid link"), "com.microsoft:argument-error", "bad-position"),
        (KeyError("x"), "", "other"),
    ],
)
def test_an_error_is_of_a_kind(error: Exception, condition: str, kind: str) -> None:
    assert classify_error(error, condition) == kind


def test_what_is_said_of_an_error_holds_no_secret_and_no_tracking_id_on_one_line() -> None:
    said = short(
        ValueError(f"bad\n token SharedAccessSignature sr=x&sig={KEY}&se=1; SharedAccessKey={KEY} TrackingId:9_G")
    )
    assert KEY not in said
    assert "\n" not in said
    assert "TrackingId" not in said


def test_an_error_without_words_is_called_by_its_name() -> None:
    assert short(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize(
    "kind", ["unreachable", "unauthorized", "not-found", "bad-position", "stolen", "throttled", "lost", "other"]
)
def test_every_kind_has_its_paragraph_that_names_the_place(kind: str) -> None:
    text = paragraph(kind, OPTIONS, "amqp:internal-error")  # type: ignore[arg-type]
    assert "acme.servicebus.windows.net" in text
    assert "\n" not in text
    assert text.endswith(".")


def test_attaching_and_being_refused_are_read_from_the_frames_that_the_sdk_logs() -> None:
    log = logging.getLogger("azure.eventhub._pyamqp.aio._link_async")
    rejected = AttachFrame(**dict.fromkeys(AttachFrame._fields))
    accepted = rejected._replace(source=[b"amqps://acme/logs/ConsumerGroups/g/Partitions/0"])
    cbs = rejected._replace(source=[b"$cbs"])
    with listen_to_sdk_log() as listener:
        log.debug("-> %r", accepted)
        log.debug("<- %r", cbs)
        log.debug("<- %r", rejected)
        log.debug("<- %r", DetachFrame(3, True, None))
        assert not listener.attached.is_set()
        assert not listener.refused.is_set()
        log.debug("<- %r", accepted)
        assert listener.attached.is_set()
        words = b"No such group. To know more visit https://x. TrackingId:1_G, Timestamp:2026"
        log.debug("<- %r", DetachFrame(3, True, [b"amqp:not-found", words, None]))
        assert (listener.condition, listener.words) == ("amqp:not-found", "No such group")
        log.debug("<- %r", DetachFrame(3, True, [b"amqp:link:stolen"]))
        assert listener.condition == "amqp:not-found"
        listener.forget()
        log.info("CBS Put token error: %r", AMQPLinkError(b"amqp:client-error"))
        assert not listener.refused.is_set()


def test_the_sdks_log_stays_out_of_ours_during_a_diagnosis_and_is_as_before_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("azure.eventhub._pyamqp")
    before = (log.level, log.propagate, list(log.handlers))
    with listen_to_sdk_log() as listener:
        logging.getLogger("azure.eventhub._pyamqp.aio._cbs_async").info("CBS Put token error: %r", b"amqp:not-found")
    assert listener.condition == "amqp:not-found"
    assert listener.refused.is_set()
    assert caplog.records == []
    assert (log.level, log.propagate, list(log.handlers)) == before
