"""Who vouches for the hub: one context for all connections, until its file changes."""

import os
import ssl
from pathlib import Path

import certifi
import pytest

from service.source.connection import open_client
from service.source.options import SourceOptions
from service.source.tls import shared_context

HUB = "Endpoint=sb://x.example;SharedAccessKeyName=a;SharedAccessKey=cGxhbnRlZA==;EntityPath=h"


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """Give a file with one authority."""
    path = tmp_path / "ca.pem"
    path.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----\n")[0])
    with path.open("a") as file:
        file.write("-----END CERTIFICATE-----\n")
    return path


async def test_every_connection_has_the_same_context_which_trusts_the_public_authorities() -> None:
    options = SourceOptions(connection_string=HUB)
    one, other = open_client(options, None), open_client(options, None, partition="0")
    assert one._config.ssl_context is other._config.ssl_context
    context = one._config.ssl_context
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 50
    await one.close()
    await other.close()


def test_a_private_authority_is_read_again_when_its_file_changes(ca_file: Path) -> None:
    context = shared_context(str(ca_file))
    assert context is not None
    assert context.cert_store_stats()["x509_ca"] == 1
    assert shared_context(str(ca_file)) is context
    os.utime(ca_file, ns=(1, 1))
    assert shared_context(str(ca_file)) is not context


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_cannot_be_used_is_left_to_the_sdk_to_complain_of(ca_file: Path, content: str | None) -> None:
    ca_file.unlink()
    if content:
        ca_file.write_text(content)
    client = open_client(SourceOptions(connection_string=HUB, ca_file=str(ca_file)), None)
    assert (client._config.ssl_context, client._config.connection_verify) == (None, str(ca_file))
