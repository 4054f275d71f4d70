"""Posts a signed CloudEvent an alert to any receiver; retrying is the dispatcher's."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Clock, Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.posting.http_post import HttpPost, reveal_aside
from service.sinks.posting.posted_sink import PostedSink
from service.sinks.posting.receiver import READ_WITHIN, reveal
from service.sinks.webhook.rendering import render, render_notice
from service.sinks.webhook.signing import sign, signing_key
from service.waiting import OneAside


class WebhookSink(PostedSink):
    """Any receiver of signed CloudEvents.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    http
        Posts to the receiver's address.
    clock
        For signatures' timestamps.
    secrets
        Signing secrets (``whsec_`` and base64), or files that hold them; the message is signed with each, so that a
        secret can be rotated without a gap. None: unsigned.
    links
        Which links the findings carry.

    Raises
    ------
    ValueError
        If a secret given as such is not base64.

    References
    ----------
    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    def __init__(
        self,
        name: str,
        http: HttpPost,
        *,
        clock: Clock,
        secrets: Sequence[SecretStr | Path] = (),
        links: Links = ALL_LINKS,
    ) -> None:
        for secret in secrets:
            if isinstance(secret, SecretStr):
                signing_key(reveal(secret))
        super().__init__(name, http)
        self._clock = clock
        self._secrets = tuple(secrets)
        self._links = links
        self._aside = OneAside(READ_WITHIN)

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn each alert into one CloudEvent of its own."""
        return render(alerts, self._links)

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into a CloudEvent of its own."""
        return render_notice(notice)

    async def send(self, message: Rendered) -> Receipt:
        """Sign and post once."""
        try:
            keys = [signing_key(await reveal_aside(self._aside, secret)) for secret in self._secrets]
        except OSError:
            return Receipt("retry", "secret_unreadable")
        except ValueError:
            return Receipt("broken", "secret_invalid")
        signed = sign(message.id, self._clock.now(), message.body, keys) if keys else {}
        return await self._post(message, signed)
