"""What signing in comes to: somebody, a token that is not accepted, or a provider that does not do its part."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class ProviderFailed(OSError):  # noqa: N818 - it says what happened
    """The provider cannot be reached or does not answer as one; the text says how, in one line without secrets."""


class TokenRefused(Exception):  # noqa: N818 - it says what happened
    """A token is not accepted; the text says why, in one line without anything of the token."""


class SignedIn(NamedTuple):
    """Whom a token is about, as the provider says.

    Attributes
    ----------
    subject
        Id that stays the same whatever somebody is called: Entra's ``oid``, else ``sub``.
    name
        What people call them; may be empty.
    roles, groups
        App roles, and ids of groups.
    groups_left_out
        Whether the provider says that there are too many groups to name.
    hint
        What tells the provider whom to sign out; empty if it gave nothing for that.
    """

    subject: str
    name: str
    roles: frozenset[str]
    groups: frozenset[str]
    groups_left_out: bool
    hint: str


def signed_in(claims: Mapping[str, Any]) -> SignedIn:
    """Return whom the claims of a token that was accepted are about.

    >>> signed_in({"sub": "1", "name": "Ann", "roles": ["reader", 7], "hasgroups": True})[1:5]
    ('Ann', frozenset({'reader'}), frozenset(), True)
    """
    said = {name: value for name, value in claims.items() if isinstance(value, str) and value}
    left_out = claims.get("_claim_names")
    return SignedIn(
        subject=said.get("oid") or said.get("sub") or "",
        # An application that has signed in by itself has no name.
        name=next((said[one] for one in ("preferred_username", "upn", "email", "name") if one in said), ""),
        roles=_texts(claims.get("roles")),
        groups=_texts(claims.get("groups")),
        groups_left_out=claims.get("hasgroups") is True or (isinstance(left_out, dict) and "groups" in left_out),
        hint=said.get("login_hint", ""),
    )


def error_code(said: str) -> str:
    """Return the code of an error as the protocol has it; empty if it is none: it could be made up for a page of ours.

    >>> error_code("access_denied"), error_code("<b>you have won</b>")
    ('access_denied', '')
    """
    return said if said.isascii() and said.replace("_", "").isalpha() and len(said) <= 60 else ""


def _texts(value: object) -> frozenset[str]:
    # Some providers write a single value without the list around it.
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(one for one in values if isinstance(one, str))
