"""Secrets are planted wherever one can be, and looked for wherever one may not be; so are people's names."""

import asyncio
import gzip
import sys
from base64 import b64encode
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from demo.hub import EmbeddedHub
from demo.receiver import Fault, Receiver
from tests.fakes.azurite import Account
from tests.fakes.openid_provider import CLIENT, OpenIdProvider, providing, saying
from tests.integration.service_process import ROOT, ServiceProcess, clock, configuration
from tests.service.console.provided import free_port
from tests.service.core.parsing.samples import XMLSOAP, human, message, record

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

HUB_KEY = b64encode(b"planted: the hub's own key").decode()
SINK_KEY = b64encode(b"planted: the key of the hub that alerts go to").decode()
SIGNING_KEY = b64encode(b"planted: what signs the webhook's messages").decode()
IN_ADDRESS = "planted-in-an-address-0123456789"
IN_QUERY = "planted-in-a-query-9876543210"
IN_HEADER = "planted-in-a-header-5647382910"
IN_PROXY = "planted-password-of-a-proxy"
CLIENT_SECRET = "planted-secret-of-the-console"
PERSON = "wilhelmina.planted"


async def fetch(port: int, path: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return await answer.text()


async def sign_in_once_well_and_once_badly(console: int, provider: OpenIdProvider) -> None:
    """Go to the provider and back, the second time to one that repeats our secret in its refusal."""
    for refusal in (None, saying({"error": CLIENT_SECRET, "error_description": CLIENT_SECRET}, 401)):
        if refusal is not None:
            provider.misbehave["/token"] = refusal
        browser = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        async with browser, browser.get(f"http://127.0.0.1:{console}/enter?next=/api/v1/session") as answer:
            said = await answer.text()
        assert (answer.status, CLIENT_SECRET in said) == (200 if refusal is None else 503, False)


async def unwonted(config: Path, *arguments: str) -> str:
    """Run a command; returns all that it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", *arguments, "--config", str(config)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode()


async def test_no_secret_leaves_the_service_and_no_name_becomes_a_metric(
    tmp_path: Path, storage: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens there; what goes to this machine does not go through it.
    monkeypatch.setenv("HTTPS_PROXY", f"http://bob:{IN_PROXY}@127.0.0.1:9")
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(EmbeddedHub(partitions=2, key=HUB_KEY))
        alerts = await stack.enter_async_context(EmbeddedHub(hub="alerts", partitions=2, key=SINK_KEY))
        alerts.refuse_tokens(401, f"no: {SINK_KEY}")
        receiver = await stack.enter_async_context(Receiver())
        (tmp_path / "header").write_text(f"GenieKey {IN_HEADER}\n")
        hooks = f"http://127.0.0.1:{receiver.port}"
        provider, console = await stack.enter_async_context(providing(clock)), free_port()
        secret_file = tmp_path / "client-secret"
        secret_file.write_text(CLIENT_SECRET)
        provider.secret = CLIENT_SECRET
        config = configuration(
            hub,
            console={"enabled": True, "port": console, "public_url": f"http://127.0.0.1:{console}"},
            sign_in={"issuer": provider.issuer, "client_id": CLIENT, "client_secret_file": str(secret_file)},
            snapshots={"path": str(tmp_path / "state"), "every": "1s"},
            detectors={"rare_action": {"threshold": 0}, "rare_failure": {"threshold": 0}},
            dead_letter={"kind": "blob", "connection_string": storage.connection_string, "container": "letters"},
            sinks={
                "hook": {
                    "kind": "webhook",
                    "url": f"{hooks}/webhook?sig={IN_QUERY}",
                    "allow_private": True,
                    "secrets": [f"whsec_{SIGNING_KEY}"],
                },
                "nobody": {
                    "kind": "slack",
                    "url": f"http://127.0.0.1:9/services/{IN_ADDRESS}",
                    "allow_loopback": True,
                },
                "proxied": {"kind": "slack", "url": f"https://hooks.slack.com/services/{IN_ADDRESS}"},
                "events": {"kind": "event_hub", "connection_string": alerts.connection_string},
                "pager": {
                    "kind": "template",
                    "preset": "json",
                    "url": f"{hooks}/{IN_HEADER}",
                    "allow_private": True,
                    "header_files": {"Authorization": str(tmp_path / "header")},
                },
                "broken": {"kind": "teams", "url": f"{hooks}/{IN_ADDRESS}?sig={IN_QUERY}", "allow_loopback": True},
            },
            log={"format": "json", "level": "debug"},
        )
        receiver.fail("webhook", Fault(503, body=f"{IN_QUERY} is unknown"))
        service = await stack.enter_async_context(ServiceProcess(tmp_path, config))
        port = (await service.until_said("started"))["http_port"]
        await sign_in_once_well_and_once_badly(console, provider)
        name = f"{PERSON}@contoso.example"
        now = clock.now().isoformat()
        for number in range(6):
            claims = human(**{XMLSOAP + "upn": name, XMLSOAP + "name": name, "name": "Wilhelmina Planted"})
            action = f"Microsoft.Novelty/thing{number}/action"
            hub.append(None, message(record(claims, time=now, operationName=action, correlationId=None), {"time": 1}))
        async with asyncio.timeout(90):
            await receiver.wait_for(1, "webhook")
        await service.until_said("sink_broken")
        await service.until_said("delivery_retried")
        async with asyncio.timeout(90):
            while not {"events", "pager"} <= {line["sink"] for line in service.said("sink_broken")}:
                await clock.sleep(0.05)
        hub.refuse_tokens(401, f"no: {HUB_KEY}")
        await hub.drop_connections()
        await service.until_said("source_trouble")
        pages = {path: await fetch(port, path) for path in ("/metrics", "/healthz/live", "/healthz/ready")}
        hub.accept_tokens()
        await service.terminate()

        shown = {
            **pages,
            "log": service.log.read_text(),
            "snapshot": gzip.decompress((tmp_path / "state" / "snapshot.ndjson.gz").read_bytes()).decode(),
            "check-config": await unwonted(tmp_path / "unwonted.yaml", "check-config"),
            "inspect": await unwonted(tmp_path / "unwonted.yaml", "state", "inspect"),
            "send-test": await unwonted(tmp_path / "unwonted.yaml", "send-test"),
        }
        assert "unwonted_alerts_total" in shown["/metrics"]
        assert name in shown["snapshot"]
        for where, text in shown.items():
            secrets = (HUB_KEY, SINK_KEY, CLIENT_SECRET, SIGNING_KEY, IN_ADDRESS, IN_QUERY, IN_HEADER, IN_PROXY)
            for secret in (*secrets, storage.key):
                assert secret not in text, where
        for where in ("/metrics", "/healthz/live", "/healthz/ready", "log"):
            assert PERSON not in shown[where].lower(), where


async def test_what_ends_the_process_is_told_without_the_key(tmp_path: Path) -> None:
    async with EmbeddedHub(partitions=2) as hub:
        right = hub.connection_string
        wrong = right.replace("embedded-hub-key", HUB_KEY)
        config = configuration(hub, snapshots={"path": str(tmp_path / "state")})
        config["event_hub"] = {**config["event_hub"], "connection_string": wrong}
        async with ServiceProcess(tmp_path, config) as service:
            assert await service.wait() == 1
        [ended] = service.said("ended")
        assert "refuses our credential" in ended["text"]
        assert HUB_KEY not in service.log.read_text()
