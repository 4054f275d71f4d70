"""Alerts for machines: a CloudEvent with an OCSF Detection Finding in it, signed as Standard Webhooks has it.

What the finding looks like is `ocsf`'s; retrying is the dispatcher's.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pydantic import SecretStr

from service.core.alerting import Alert
from service.core.notices import Notice
from service.core.ports import Clock, Receipt, Rendered
from service.sinks import notice_content
from service.sinks.alert_content import ALL_LINKS, Links
from service.sinks.http_post import HttpPost, OpenSession, by_status, open_session, reveal
from service.sinks.ocsf import SCHEMA, detection_finding
from service.sinks.pagination import Element
from service.sinks.wording import iso

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
SOURCE = "/unwonted"
LARGEST = 262_144


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
        return [self._rendered(alert) for alert in alerts]

    def render_notice(self, notice: Notice) -> Rendered:
        """Turn a notice into a CloudEvent of a type of its own, ``unwonted.blindness.opened`` and the like."""
        body = encoded(notice_content.cloud_event(notice, source=self._source))
        return Rendered(f"{notice.id}.{notice.revision}", notice_content.told(notice), body, CONTENT_TYPE)

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

    def _rendered(self, alert: Alert) -> Rendered:
        body = encoded(cloud_event(alert, self._links, source=self._source))
        return Rendered(f"{alert.id}.{alert.revision}", ((alert.id, alert.revision),), body, CONTENT_TYPE)


def cloud_event(alert: Alert, links: Links = ALL_LINKS, *, source: str = SOURCE) -> Element:
    """Return `alert` as a CloudEvents 1.0 event in structured mode, ready for JSON, at most 256 KiB of it.

    What Azure allows as a name is told as it was logged: only texts of more than 1,024 characters and lists of more
    than 20 are cut. If the event is still too large, shorter texts are cut, too, and the least surprising findings are
    left out and counted.
    """
    event: Element = {
        "specversion": "1.0",
        "id": f"{alert.id}.{alert.revision}",
        "source": source,
        "type": "unwonted.alert.updated" if alert.revision > 1 else "unwonted.alert.created",
        "subject": alert.id,
        "time": iso(alert.found_at),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
    }
    for longest, findings in ((1024, 100), (128, 50), (64, 5)):
        event["data"] = detection_finding(_cut_alert(alert, longest, findings), links)
        if len(encoded(event)) <= LARGEST:
            break
    return event


def encoded(event: Element) -> bytes:
    """Return an event as compact JSON in UTF-8."""
    # A lone surrogate has no UTF-8; a question mark in a name is better than an alert that cannot be sent.
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _cut_alert(alert: Alert, longest: int, findings: int) -> Alert:
    told = [
        finding.model_copy(update={field: _cut(value, longest) for field, value in finding})
        for finding in alert.findings[:findings]
    ]
    texts = ("actor_id", "actor_name", "operation", "identities")
    names = {field: _cut(getattr(alert, field), longest) for field in texts}
    omitted = alert.finding_count - len(told)
    return alert.model_copy(update={**names, "findings": tuple(told), "omitted": omitted})


def _cut(value: object, longest: int) -> object:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - 1] + "…"
    if isinstance(value, tuple | list):
        return type(value)(_cut(item, longest) for item in value[:20])
    if isinstance(value, dict):
        return {key: _cut(item, longest) for key, item in value.items()}
    return value


def signing_key(secret: str) -> bytes:
    """Return the bytes of a secret such as ``whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw``.

    Raises
    ------
    ValueError
        If it is empty or not base64; the text does not repeat it.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
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
