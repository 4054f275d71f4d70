"""Every registered kind of sink, made ready for tests from the registry alone: a new kind needs no line here."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from service.core.ports import Receipt, Sink
from service.sinks.integration import SinkSettings
from service.sinks.posting.address import PostedSinkSettings
from service.sinks.registry import KINDS, build_sink
from service.sinks.stdout.settings import StdoutSettings
from service.sinks.stdout.sink import StdoutSink
from tests.fakes.alerts import SUBSCRIPTION, alert
from tests.fakes.clock import FakeClock

PLANTED = "planted-5ecret"
SIGNING = "whsec_cGxhbnRlZC01ZWNyZXQtc2lnbmluZyBzZWNyZXQ="
CONNECTION = (
    f"Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey={PLANTED};EntityPath=alerts"
)
LINKS = {
    "workspace": f"{SUBSCRIPTION}/resourceGroups/soc/providers/Microsoft.OperationalInsights/workspaces/soc",
    "runbook_url": "https://wiki.contoso.com/runbooks/{detector}?from=unwonted",
}
POSTED = [kind for kind, one in KINDS.items() if issubclass(one.settings, PostedSinkSettings)]
NEEDED = frozenset({"endpoint", "host", "recipients", "rule_id", "sender"})
"""Options without which there is nowhere to send to, where there is no address to post to: their examples will do."""
MACHINES = frozenset(
    {"application/cloudevents+json; charset=utf-8", "application/x-ndjson", "application/vnd.unwonted.row+json"}
)
"""Types of messages that no person reads: they hold what was logged, as it was logged."""


def configured(kind: str, **given: Any) -> SinkSettings:
    """Return options of a sink that may post to this machine, with every secret that it can have planted."""
    model = KINDS[kind].settings
    options: dict[str, Any] = {name: True for name in ("allow_loopback", "allow_private") if name in model.model_fields}
    options |= {
        name: field.examples[0] for name, field in model.model_fields.items() if name in NEEDED and field.examples
    }
    for name, field in model.model_fields.items():
        if name != "url" and field.annotation == tuple[SecretStr, ...]:
            options[name] = [SIGNING]
        elif name != "url" and SecretStr in (field.annotation, *get_args(field.annotation)):
            options[name] = CONNECTION if name == "connection_string" else PLANTED
    if kind in POSTED and not given.keys() & {"url", "url_file"}:
        options["url_file"] = "/unused"
    made: SinkSettings = model.model_validate({**options, **given})
    return made


def made(kind: str, **given: Any) -> Sink:
    """Build a sink of `kind`."""
    settings = configured(kind, **given)
    if isinstance(settings, StdoutSettings):  # its stream is the terminal's, in whose colours no test is interested
        return StdoutSink(kind, io.BytesIO(), style=settings.format, links=settings.links)
    return build_sink(kind, settings, FakeClock())


def posting(kind: str, url: str, folder: Path) -> Sink:
    """Build a sink of `kind` that finds `url` in a file, where no check of the configuration has seen it."""
    file = folder / "url"
    file.write_text(url, encoding="utf-8", errors="surrogatepass")
    return made(kind, url_file=file)


async def sent(sink: Sink) -> Receipt:
    """Send one alert, and close the sink."""
    try:
        return await sink.send(sink.render([alert()])[0])
    finally:
        await sink.close()


def styles(kind: str) -> list[str]:
    """Return the values that a kind's option `format` can have, if it has one."""
    field = KINDS[kind].settings.model_fields.get("format")
    return [str(value) for value in get_args(field.annotation)] if field else []


SINKS: dict[str, Callable[[], Sink]] = {
    name: partial(made, kind, **({"format": name} if name != kind else {}), **LINKS)
    for kind in KINDS
    for name in styles(kind) or [kind]
}
"""What makes each, one for each `format` where there are several; with all links."""
