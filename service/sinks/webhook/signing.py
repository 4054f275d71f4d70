"""Signs messages as Standard Webhooks has it.

References
----------
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

PREFIX = "whsec_"


def signing_key(secret: str) -> bytes:
    """Return the bytes of a secret such as ``whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw``.

    Raises
    ------
    ValueError
        If it is empty or not base64; the text does not repeat it.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("a webhook secret must be whsec_ followed by base64")
    return key


def sign(message_id: str, now: datetime, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Return the three Standard Webhooks headers, with one signature a key."""
    timestamp = str(int(now.timestamp()))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    signatures = (base64.b64encode(hmac.new(key, content, sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def check_signing_secret(secret: str) -> None:
    """Raise ValueError, without repeating it, for what is no signing secret as the specification has it."""
    try:
        key = signing_key(secret) if secret.startswith(PREFIX) else b""
    except ValueError:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("should be whsec_ and 24 to 64 bytes in base64")
