"""What settings and posting must agree on of a receiver: its secret address, the hosts it may have, who vouches for it.

Knows no HTTP client: settings are read by commands that post nothing.
"""

import ssl
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

READ_WITHIN = 5.0
"""Seconds for a file of a receiver's to be read."""


def reveal(secret: SecretStr | Path) -> str:
    """Return a secret's text, from memory or from its file as it is now; raises OSError or UnicodeError.

    >>> reveal(SecretStr("x"))
    'x'
    """
    if isinstance(secret, SecretStr):
        return secret.get_secret_value()
    return secret.read_text(encoding="utf-8-sig").strip()


def matches(host: str, patterns: Sequence[str]) -> bool:
    """Whether `host`, in lower case, is one of `patterns`.

    >>> matches("prod-1.westeurope.logic.azure.com", ["*.logic.azure.com"]), matches("logic.azure.com.evil", ["*.com"])
    (True, False)
    """
    folded = [pattern.lower() for pattern in patterns]
    return any(host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern for pattern in folded)


def tls_context(ca_file: Path | None) -> ssl.SSLContext | bool:
    """Return what verifies a receiver: the public authorities and, if given, those in a file of PEM.

    Raises
    ------
    OSError
        If the file cannot be read; `ssl.SSLError` if it holds no certificate.
    """
    if ca_file is None:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    return context
