"""What can be configured of a generic webhook."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from service.options import Secrets
from service.sinks.posting.address import GuardedSinkSettings, file_problem
from service.sinks.webhook.signing import check_signing_secret


class WebhookSettings(GuardedSinkSettings):
    """Any receiver of CloudEvents with an OCSF Detection Finding, signed after Standard Webhooks."""

    kind: Literal["webhook"] = "webhook"
    """Makes this sink a generic webhook."""
    secrets: Secrets = Field(default=(), examples=[["whsec_…"]])
    """Signing secrets (whsec_ and base64); with several, each signs, so that they can be rotated."""
    secret_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/webhook-secret"])
    """File with a signing secret, instead of secrets; read again at every delivery."""

    @field_validator("secrets")
    @classmethod
    def _secrets_can_sign(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in value:
            check_signing_secret(secret.get_secret_value())
        return value

    @model_validator(mode="after")
    def _one_place_for_secrets(self) -> "WebhookSettings":
        if self.secrets and self.secret_file is not None:
            raise ValueError("needs at most one of secrets and secret_file")
        return self

    def file_problems(self) -> list[str]:
        """Say what is wrong now with the files that hold the address and the signing secret."""
        return super().file_problems() + file_problem("secret_file", self.secret_file, check_signing_secret)

    @property
    def signing(self) -> tuple[SecretStr | Path, ...]:
        """The signing secrets, or the file that holds one; empty means unsigned."""
        return self.secrets or ((self.secret_file,) if self.secret_file else ())
