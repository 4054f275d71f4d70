"""What an Event Hub's refusal, or its silence, means for somebody who may try again.

The SDK wraps what AMQP said into exceptions of its own, behind which the condition still stands.

References
----------
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot
"""

import socket
import ssl
from collections.abc import Iterator

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.eventhub.exceptions import AuthenticationError, EventHubError

from service.core.ports import Receipt

CLIENT_ERRORS = (EventHubError, AzureError, OSError, ValueError)
"""What the SDK raises for anything that the network, the hub or a sign-in does."""
TOO_LARGE = Receipt("refused", "too_large")

_BY_CONDITION = {
    "amqp:not-found": Receipt("broken", "hub_not_found"),
    "amqp:unauthorized-access": Receipt("broken", "not_authorized"),
    "com.microsoft:auth-failed": Receipt("broken", "not_authorized"),
    "amqp:client-error": Receipt("broken", "not_authorized"),
    "com.microsoft:entity-disabled": Receipt("broken", "hub_disabled"),
    "amqp:link:message-size-exceeded": TOO_LARGE,
    "com.microsoft:server-busy": Receipt("retry", "throttled"),
    "amqp:resource-limit-exceeded": Receipt("retry", "throttled"),
    "com.microsoft:timeout": Receipt("retry", "timeout"),
}
_BY_CAUSE: tuple[tuple[type[BaseException], Receipt], ...] = (
    (ClientAuthenticationError, Receipt("retry", "entra_token")),
    (TimeoutError, Receipt("retry", "timeout")),
    (ssl.SSLError, Receipt("retry", "tls")),
    (socket.gaierror, Receipt("retry", "dns")),
)


def receipt_of(error: BaseException) -> Receipt:
    """Return what came of an event that was not taken."""
    chain = list(_chain(error))
    for one in chain:
        if receipt := _BY_CONDITION.get(_condition(one)):
            return receipt
    for kind, receipt in _BY_CAUSE:
        if any(isinstance(one, kind) for one in chain):
            return receipt
    if isinstance(error, AuthenticationError):
        return Receipt("broken", "not_authorized")
    return Receipt("retry", "connection")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _condition(error: BaseException) -> str:
    condition = getattr(error, "condition", None)
    condition = getattr(condition, "value", condition)
    return condition.decode("ascii", "replace") if isinstance(condition, bytes) else ""
