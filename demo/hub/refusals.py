"""The ways in which the service says no, with the conditions and words that Azure uses, so that clients read the same.

Texts follow what users of the real service have posted; each closes with a tracking id and a time, as there.
"""

from datetime import datetime
from itertools import count

from demo.hub.performatives import AmqpError


class Refusal(Exception):  # noqa: N818 - it is an answer, raised to end the asking
    """Something the peer asked for and does not get.

    Parameters
    ----------
    condition
        AMQP error condition, such as ``amqp:not-found``.
    description
        The sentence for people.
    """

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description


_numbers = count(1)


def error(refusal: Refusal, hub: str, now: datetime) -> AmqpError:
    """The refusal as it goes on the wire."""
    tracking = f"TrackingId:{next(_numbers):032x}_B0, SystemTracker:emulator:eventhub:{hub}"
    return AmqpError(refusal.condition, f"{refusal.description} {tracking}, Timestamp:{now:%Y-%m-%dT%H:%M:%S}", {})


def not_found(path: str) -> Refusal:
    """There is no such hub or consumer group."""
    return Refusal(
        "amqp:not-found",
        f"The messaging entity 'sb://{path}' could not be found."
        " To know more visit https://aka.ms/sbResourceMgrExceptions.",
    )


def bad_partition(partition: str, partitions: int) -> Refusal:
    """There is no such partition."""
    return Refusal(
        "com.microsoft:argument-out-of-range",
        "The specified partition is invalid for an EventHub partition sender or receiver."
        f" It should be between 0 and {partitions - 1}."
        f"\r\nParameter name: PartitionId\r\nActual value was {partition}.",
    )


def bad_offset(offset: str, last: str) -> Refusal:
    """The offset is not of this partition: most often of a hub that was deleted and created again."""
    return Refusal(
        "com.microsoft:argument-error",
        f"The supplied offset '{offset}' is invalid. The last offset in the system is '{last}'",
    )


def bad_sequence_number(number: int, last: int) -> Refusal:
    """The sequence number is beyond the partition's end."""
    return Refusal(
        "com.microsoft:argument-error",
        f"The supplied sequence number '{number}' is invalid. The last sequence number in the system is '{last}'",
    )


def bad_filter(selector: object) -> Refusal:
    """The selector is none that the service knows."""
    return Refusal("amqp:invalid-field", f"The filter '{selector}' is not a position in an event hub.")


def unauthorised(claim: str, path: str) -> Refusal:
    """No valid token covers this entity."""
    return Refusal(
        "amqp:unauthorized-access",
        f"Unauthorized access. '{claim}' claim(s) are required to perform this operation. Resource: 'sb://{path}'.",
    )


def renew_token(link: str, claim: str, path: str) -> Refusal:
    """The token that opened this link has expired."""
    return Refusal(
        "amqp:link:detach-forced",
        f"The link '{link}' is force detached. Code: RenewToken. Details: {unauthorised(claim, path).description}.",
    )


def stolen(name: str, epoch: int, newcomer: str, higher: int) -> Refusal:
    """A newcomer has taken this reader's place."""
    return Refusal(
        "amqp:link:stolen",
        f"New receiver '{newcomer}' with higher epoch of '{higher}' is created hence current receiver '{name}' with"
        f" epoch '{epoch}' is getting disconnected."
        " If you are recreating the receiver, make sure a higher epoch is used.",
    )


def lower_epoch(name: str, epoch: int, holder: str, higher: int) -> Refusal:
    """Another reader has the place and a higher level."""
    return Refusal(
        "amqp:link:stolen",
        f"Receiver '{holder}' with a higher epoch of '{higher}' already exists. Receiver '{name}' with epoch {epoch}"
        " cannot be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity,"
        " or ensure all old epoch receivers are closed or disconnected.",
    )


def too_many_readers(limit: int, names: list[str]) -> Refusal:
    """The partition has as many readers without a level as it may have."""
    return Refusal(
        "amqp:resource-limit-exceeded",
        "Exceeded the maximum number of allowed receivers per partition in a consumer group which is"
        f" {limit}. List of connected receivers - {', '.join(names)}.",
    )


def too_large(size: int, limit: int) -> Refusal:
    """The message is larger than the link said it may be."""
    return Refusal(
        "amqp:link:message-size-exceeded",
        f"The received message (delivery-id:0, size:{size} bytes) exceeds the limit ({limit} bytes)"
        " currently allowed on the link.",
    )


def server_busy() -> Refusal:
    """The namespace is throttled."""
    return Refusal(
        "com.microsoft:server-busy",
        "The request was terminated because the entity is being throttled. Error code : 50002."
        " Please wait 4 seconds and try again.",
    )
