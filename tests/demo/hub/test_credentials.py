"""The ways to sign in that production uses: azure-identity with its own token endpoint, and TLS."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from aiohttp import web
from azure.eventhub import EventData, TransportType
from azure.eventhub.aio import EventHubProducerClient, EventHubSharedKeyCredential
from azure.eventhub.exceptions import AuthenticationError
from azure.identity.aio import ManagedIdentityCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from demo.hub import EmbeddedHub, hs256_token, hs256_verifier
from service.clock import SystemClock

pytestmark = pytest.mark.integration


async def test_a_managed_identity_signs_in_with_a_token_that_the_hub_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def token(request: web.Request) -> web.Response:
        asked.append(request.query["resource"])
        expires = int(SystemClock().now().timestamp()) + 3600
        secret = b"secret" if len(asked) == 1 else b"another"
        jwt = hs256_token({"aud": asked[-1], "exp": expires}, secret)
        answer = {"access_token": jwt, "expires_on": str(expires), "token_type": "Bearer", "resource": asked[-1]}
        return web.json_response(answer)

    app = web.Application()
    app.router.add_get("/msi/token", token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{runner.addresses[0][1]}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "x")
    endpoint = contextlib.AsyncExitStack()
    endpoint.push_async_callback(runner.cleanup)
    async with endpoint, EmbeddedHub(partitions=1, jwt_verifier=hs256_verifier(b"secret")) as hub:
        for accepted in (True, False):
            async with ManagedIdentityCredential() as credential:
                producer = EventHubProducerClient(
                    f"127.0.0.1:{hub.port}", hub.name, credential, use_tls=False, retry_total=0
                )
                async with producer:
                    if accepted:
                        await producer.send_event(EventData(b"signed in"))
                    else:
                        with pytest.raises(AuthenticationError):
                            await producer.send_event(EventData(b"forged"))
        assert [message.body for message in hub.messages("0")] == [b"signed in"]
    assert {resource.rstrip("/") for resource in asked} == {"https://eventhubs.azure.net"}


def certificate(directory: Path) -> Path:
    """A key and a certificate for this machine, signed with itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime(2020, 1, 1, tzinfo=UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "localhost.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_the_sdk_speaks_tls_to_the_hub_as_it_does_in_production(tmp_path: Path) -> None:
    pem = await asyncio.to_thread(certificate, tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    async with EmbeddedHub(partitions=1, tls=context) as hub:
        producer = EventHubProducerClient(
            "localhost",
            hub.name,
            EventHubSharedKeyCredential("RootManageSharedAccessKey", "embedded-hub-key"),
            custom_endpoint_address=f"sb://localhost:{hub.port}",
            transport_type=TransportType.Amqp,
            connection_verify=str(pem),
        )
        async with producer:
            await producer.send_event(EventData(b"over TLS"))
        assert [message.body for message in hub.messages("0")] == [b"over TLS"]
