"""What a mail server's answer, or its silence, means for somebody who may try again.

As RFC 5321 has it, 4yz may pass and 5yz will not. A no to the letter (after DATA) is a no to that letter; a no to who
we are, to the sender or to every recipient is a no to all letters.

References
----------
https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
"""

import smtplib
import socket
import ssl
from typing import Literal

from service.core.ports import Receipt
from service.sinks.email.conversation import NoStartTlsError
from service.sinks.posting.guard import AddressRefusedError
from service.waiting import Occupied

_CONNECTION = Receipt("retry", "connection")
_REASONS: tuple[tuple[type[Exception], Receipt], ...] = (
    (AddressRefusedError, Receipt("broken", "address_refused")),
    (UnicodeEncodeError, Receipt("broken", "password_invalid")),
    (Occupied, Receipt("retry", "occupied")),
    (TimeoutError, Receipt("retry", "timeout")),
    (ssl.SSLError, Receipt("retry", "tls")),
    (socket.gaierror, Receipt("retry", "dns")),
    (ValueError, Receipt("retry", "smtp_protocol")),  # last: a certificate that is refused is one, too
)


def receipt_of(error: OSError | ValueError) -> Receipt:
    """Return what came of a letter that was not taken."""
    return _answered(error) or next((receipt for kind, receipt in _REASONS if isinstance(error, kind)), _CONNECTION)


def _answered(error: OSError | ValueError) -> Receipt | None:
    """Return what the server said, or its hanging up, means; None if it has not come to that."""
    receipt: Receipt | None
    match error:
        case smtplib.SMTPServerDisconnected():
            # smtplib tells of a server that says nothing as of one that hangs up.
            receipt = Receipt("retry", "timeout") if isinstance(error.__context__, TimeoutError) else _CONNECTION
        case smtplib.SMTPRecipientsRefused():
            # One that may pass is enough: the letter may get to somebody yet.
            receipt = _by_code(min(code for code, _ in error.recipients.values()), "broken")
        case smtplib.SMTPDataError():
            receipt = _by_code(error.smtp_code, "refused")
        case smtplib.SMTPAuthenticationError() if error.smtp_code >= 500:
            receipt = Receipt("broken", "login_refused")
        case smtplib.SMTPResponseException():
            receipt = _by_code(error.smtp_code, "broken")
        case NoStartTlsError():
            receipt = Receipt("broken", "starttls_missing")
        case smtplib.SMTPException():
            receipt = Receipt("broken", "login_unsupported")
        case _:
            receipt = None
    return receipt


def _by_code(code: int, permanently: Literal["refused", "broken"]) -> Receipt:
    if 500 <= code < 600:
        return Receipt(permanently, f"smtp_{code}")
    return Receipt("retry", f"smtp_{code}" if 400 <= code < 500 else "smtp_protocol")
