"""What is said when Azure cannot be reached: one line that shows neither an address with its signature nor a token."""

from azure.core.exceptions import AzureError, ClientAuthenticationError

from service.core.sign_in import sign_in_problem


def azure_reason(error: Exception) -> str:
    """Return what is the matter, in one line."""
    # The address may carry a signature. The first line says what is the matter, the rest is for Microsoft.
    what = str(error).strip().partition("\n")[0]
    if isinstance(error, ClientAuthenticationError) and error.response is None:  # no answer: there was no token
        what = sign_in_problem(error)
    return f"{type(error).__name__}: {what}"


def blob_trouble(what: str, place: str, error: AzureError, done: str = "reached") -> OSError:
    """Return what to raise for an error of the SDK: that `what`, which is at `place`, cannot be `done`, and why."""
    return OSError(f"{what} ({place}) cannot be {done} ({azure_reason(error)})")
