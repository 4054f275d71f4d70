"""The options of signing in to the console by OpenID Connect."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from service.options import LOOPBACK, Section, Texts

_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
_MANY_TENANTS = ("/common/", "/organizations/", "/consumers/")


class SignInSettings(Section):
    """Who may enter the console, by OpenID Connect (Microsoft Entra or another); needs console.public_url."""

    issuer: str | None = Field(default=None, examples=["https://login.microsoftonline.com/TENANT-ID/v2.0"])
    """Address of the provider, as its tokens name it; without one, whoever has the console's token may enter."""
    client_id: str | None = Field(default=None, examples=["9a9a9a9a-0000-4000-8000-0000000000c1"])
    """Id of the app registration, for which tokens have to be."""
    client_secret: SecretStr | None = Field(default=None, examples=["…"])
    """What proves to the provider that it is us; a secret: prefer one of the files."""
    client_secret_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/console-client-secret"])
    """File with that secret, read again at each sign-in, so that it can be rotated."""
    client_assertion_file: Path | None = Field(
        default=None, examples=["/var/run/secrets/azure/tokens/azure-identity-token"]
    )
    """File with a signed token instead of a secret, read again each time: that of a workload identity, on AKS."""
    tenants: Texts = Field(default=(), examples=["9a9a9a9a-0000-4000-8000-0000000000a1"])
    """Ids of the tenants whose people may enter; needed where the issuer is for many, such as …/organizations/v2.0."""
    reader_roles: Texts = ("reader",)
    """App roles (claim roles) that may look."""
    reader_groups: Texts = ()
    """Ids of groups (claim groups) that may look."""
    analyst_roles: Texts = ("analyst",)
    """App roles that may look, give verdicts, handle incidents and test sinks."""
    analyst_groups: Texts = ()
    """Ids of groups that may do so."""
    ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of the provider, besides the public ones."""

    @field_validator("issuer")
    @classmethod
    def _issuer_is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not is_origin(value, path=True):
            raise ValueError("should be https://HOST/…, or http://127.0.0.1:PORT for a provider on this machine")
        return value

    @model_validator(mode="after")
    def _whole(self) -> "SignInSettings":
        if self.issuer is None:
            return self
        proofs = ("client_secret", "client_secret_file", "client_assertion_file")
        given = [name for name in proofs if getattr(self, name) is not None]
        checks = [
            (bool(self.client_id), "issuer needs client_id"),
            (len(given) == 1, "needs exactly one of client_secret, client_secret_file and client_assertion_file"),
            (
                bool(self.reader_roles or self.reader_groups or self.analyst_roles or self.analyst_groups),
                "nobody could enter: needs one of reader_roles, reader_groups, analyst_roles and analyst_groups",
            ),
            (
                bool(self.tenants) or not any(one in f"{self.issuer}/" for one in _MANY_TENANTS),
                "tenants should say who may enter, since issuer is for people of any tenant",
            ),
        ]
        if problems := [problem for holds, problem in checks if not holds]:
            raise ValueError("\n".join(problems))
        return self


def is_origin(value: str, *, path: bool = False) -> bool:
    """Whether something is an https address, or one of this machine; without a path unless one may be there.

    >>> is_origin("https://unwonted.contoso.example"), is_origin("http://localhost:8090"), is_origin("http://x.example")
    (True, True, False)
    """
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = (
        not (parts.query or parts.fragment)
        and _AUTHORITY.fullmatch(parts.netloc) is not None
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )
    named = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    return bool(host) and named and plain and (path or not parts.path)
