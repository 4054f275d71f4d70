"""What the dead letter holds of messages that were never delivered, and sending it again by hand.

It is sent under the ids that it had, from whichever process asks for it: beside a running service, too, which knows
nothing of it. Nothing is taken out of a dead letter; that a message has arrived after all is one entry more.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import JsonValue, ValidationError

from service.core.alerting import Alert
from service.core.ports import ALERT, NOTICE, Clock, Pace, Receipt, Rendered, Sink

RESENT = "resent"


class Undelivered(NamedTuple):
    """A message that never reached its sink.

    Attributes
    ----------
    written
        When it was given up, as the dead letter says.
    sink
        Name of the sink that it was for.
    fate, reason, attempts
        Why it was given up; ``digested`` if the sink was told of it by a number alone.
    message
        What would have been sent; its secrets are masked. Of a digested alert, the alert itself.
    """

    written: str
    sink: str
    fate: str
    reason: str
    attempts: int
    message: Rendered

    def is_named(self, ids: Iterable[str]) -> bool:
        """Whether one of `ids` is the message's, or that of an alert in it, with or without its revision."""
        own = {self.message.id}
        for alert, revision in self.message.alerts:
            own |= {alert, f"{alert}.{revision}"}
        return not own.isdisjoint(ids)


class Outstanding(NamedTuple):
    """What is in a dead letter and has not been sent again: messages, and how many alerts are merely listed in it."""

    messages: Sequence[Undelivered]
    listed: int


def outstanding(entries: Iterable[Mapping[str, Any]]) -> Outstanding:
    """Return what is outstanding of entries that are in the order in which they were written.

    What was written twice, before and after a crash, counts once; an entry that is none of ours is left out.
    """
    found: dict[tuple[str, str], Undelivered] = {}
    listed: set[tuple[str, str, str]] = set()
    for entry in entries:
        sink = str(entry.get("sink"))
        if isinstance(entry.get("listed"), list):
            listed |= {(sink, str(row[0]), str(row[1])) for row in entry["listed"]}
        elif entry.get("fate") == RESENT:
            found.pop((sink, str(entry.get("message_id"))), None)
        elif (one := _read(sink, entry)) is not None:
            found[sink, one.message.id] = one
    return Outstanding(list(found.values()), len(listed))


def resent(one: Undelivered) -> dict[str, JsonValue]:
    """Return the entry that says that a message has arrived after all."""
    alerts: list[JsonValue] = [[alert, revision] for alert, revision in one.message.alerts]
    return {"sink": one.sink, "fate": RESENT, "message_id": one.message.id, "alerts": alerts}


async def resend(
    sink: Sink, pace: Pace, messages: Sequence[Undelivered], clock: Clock
) -> AsyncIterator[tuple[Undelivered, Receipt]]:
    """Send messages once each, no faster than the receiver allows, and yield what became of each.

    It ends at the first that may be tried again later, or that tells that the address is wrong: the next would fare no
    better. Nor does it send more than the receiver takes in an hour.
    """
    for number, one in enumerate(messages[: pace.per_hour]):
        if number and pace.per_second:
            await clock.sleep(1 / pace.per_second)
        receipt = await _send(sink, one)
        yield one, receipt
        if receipt.outcome in {"retry", "broken"}:
            return


async def _send(sink: Sink, one: Undelivered) -> Receipt:
    messages = [one.message]
    if one.message.content_type == NOTICE:
        return Receipt("refused", "not_rendered")
    if one.message.content_type == ALERT:
        try:
            messages = sink.render([Alert.model_validate_json(one.message.body)])
        except ValidationError:
            return Receipt("refused", "damaged")
        except Exception as error:  # noqa: BLE001 - the next may be of another kind
            return Receipt("refused", f"bug_{type(error).__name__}")
    receipt = Receipt("sent", "")
    for message in messages:
        receipt = await sink.send(message)
        if receipt.outcome != "sent":
            break
    return receipt


def _read(sink: str, entry: Mapping[str, Any]) -> Undelivered | None:
    try:
        alerts = tuple((str(alert), int(revision)) for alert, revision in entry["alerts"])
        body = str(entry["body"]).encode("utf-8", "replace")
        message = Rendered(str(entry["message_id"]), alerts, body, str(entry["content_type"]))
        fate, reason, attempts = str(entry["fate"]), str(entry["reason"]), int(entry["attempts"])
        return Undelivered(str(entry["written"]), sink, fate, reason, attempts, message)
    except (KeyError, TypeError, ValueError):
        return None
