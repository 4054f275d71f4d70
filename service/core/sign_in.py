"""Says in one line why nobody could be signed in to Microsoft Entra: azure-identity tells of each credential it tried.

Which credentials there are to try is up to whoever signs in.
"""

import re
import textwrap
from typing import Final

_LONGEST: Final = 400
_NOTHING: Final = (
    "there is nothing to sign in with here: no workload identity, no managed identity, no AZURE_CLIENT_ID with a "
    "secret or certificate, and no Azure CLI"
)

_CHAIN = "Attempted credentials:"
_ATTEMPT = re.compile(r"^\t(\w+)(?::[ ]*(.*(?:\n(?!\t|To mitigate).*)*))?", re.MULTILINE)
_ABSENT = re.compile(
    r"authentication unavailable|not found on path|not installed|to be installed|could not be found|not supported on|"
    r"no response|unexpected content type",
    re.IGNORECASE,
)
_MEANT = re.compile(r"has not been assigned|Missing required arguments: '\w+'(, '\w+')?\.")
"""What is said of a credential that is there in part, although the same text calls it unavailable."""
_TAIL = re.compile(r"\s*(\bTrace ID:|\n\s*Content:|To mitigate this issue).*", re.DOTALL)
_LINK = re.compile(r"(?:^|(?<=[.!?\s]))[A-Z][^.!?\n]*https?://\S+?(?:\.(?=\s|$)|(?=\s|$)[^.\n]*\.?)")


class SignInFailed(OSError):  # noqa: N818 - it says what happened
    """There is no token for Azure; the text says why, in one line."""


def sign_in_problem(error: BaseException, credential: str = "") -> str:
    """Return why a token could not be had, of the credential that was meant to give it.

    Parameters
    ----------
    error
        What azure-identity raised.
    credential
        Which one did, if it does not say so itself.

    Examples
    --------
    >>> sign_in_problem(FileNotFoundError(2, "No such file or directory", "token"), "WorkloadIdentityCredential")
    'WorkloadIdentityCredential: No such file or directory: token'
    """
    text = str(error)
    if _CHAIN in text:
        attempts = _ATTEMPT.findall(text.partition(_CHAIN)[2])
        meant = [one for one in attempts if not _ABSENT.search(one[1]) or _MEANT.search(one[1])]
        if not meant:
            return _NOTHING
        credential, text = meant[0]
    elif isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.strerror}: {error.filename}"
    text = " ".join(_LINK.sub("", _TAIL.sub("", text)).split()).removeprefix(f"{credential} ")
    named = f"{credential}: " if credential else ""
    return textwrap.shorten(f"{named}{text or type(error).__name__}", _LONGEST, placeholder=" …")
