"""Posts a signed CloudEvent an alert to any receiver; retrying is the dispatcher's."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from service.core.alerting import Alert
from service.core.notices import Notice
from service.core.ports import Clock, Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.content.cloud_event import SOURCE
from service.sinks.posting.http_post import HttpPost, OpenSession, by_status, open_session
from service.sinks.posting.receiver import reveal
from service.sinks.webhook.rendering import render, render_notice
from service.sinks.webhook.signing import sign, signing_key


class WebhookSink:
    """Any receiver of signed CloudEvents.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    url
        The receiver's address, or a file that holds it and is read anew for each message.
    clock
        For signatures' timestamps and Retry-After dates.
    secrets
        Signing secrets (``whsec_`` and base64), or files that hold them; the message is signed with each, so that a
        secret can be rotated without a gap. None: unsigned.
    links
        Which links the findings carry.
    source
        The CloudEvents source: which installation speaks.
    allow_hosts
        Hosts that may be posted to, ``*.`` standing for any subdomain; None for any.
    allow_private
        Whether addresses that are not globally routable may be connected to, this machine included.
    session
        Makes the HTTP session, once, at the first message.

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
        url: SecretStr | Path,
        *,
        clock: Clock,
        secrets: Sequence[SecretStr | Path] = (),
        links: Links = ALL_LINKS,
        source: str = SOURCE,
        allow_hosts: Sequence[str] | None = None,
        allow_private: bool = False,
        session: OpenSession = open_session,
    ) -> None:
        for secret in secrets:
            if isinstance(secret, SecretStr):
                signing_key(reveal(secret))
        self._name = name
        self._clock = clock
        self._secrets = tuple(secrets)
        self._links = links
        self._source = source
        self._http = HttpPost(
            url,
            clock=clock,
            allow_hosts=allow_hosts,
            allow_loopback=allow_private,
            allow_private=allow_private,
            session=session,
        )

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn each alert into one CloudEvent of its own."""
        return render(alerts, self._links, source=self._source)

    def render_notice(self, notice: Notice) -> Rendered:
        """Turn a notice into a CloudEvent of its own."""
        return render_notice(notice, source=self._source)

    async def send(self, message: Rendered) -> Receipt:
        """Sign and post once."""
        headers = {"content-type": message.content_type}
        try:
            keys = [signing_key(reveal(secret)) for secret in self._secrets]
        except OSError:
            return Receipt("retry", "secret_unreadable")
        except ValueError:
            return Receipt("broken", "secret_invalid")
        if keys:
            headers |= sign(message.id, self._clock.now(), message.body, keys)
        answer = await self._http.post(message.body, headers)
        return answer if isinstance(answer, Receipt) else by_status(answer)

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()
