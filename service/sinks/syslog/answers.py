"""What a collector's silence, or its hanging up, means for somebody who may try again: syslog has no other answers."""

import socket
import ssl

from service.core.ports import Receipt
from service.sinks.posting.guard import AddressRefusedError
from service.waiting import Occupied

_REASONS: tuple[tuple[type[OSError], Receipt], ...] = (
    (AddressRefusedError, Receipt("broken", "address_refused")),
    (Occupied, Receipt("retry", "occupied")),
    (TimeoutError, Receipt("retry", "timeout")),
    (ssl.SSLError, Receipt("retry", "tls")),
    (socket.gaierror, Receipt("retry", "dns")),
)


def receipt_of(error: OSError) -> Receipt:
    """Return what came of a message that was not taken."""
    return next((receipt for kind, receipt in _REASONS if isinstance(error, kind)), Receipt("retry", "connection"))
