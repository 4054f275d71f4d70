"""When there is a console, and which configurations of one are refused."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from service.console.openid_sign_in import OpenIdSignIn
from service.console.server import Console
from service.console.token_sign_in import TokenSignIn
from service.settings.reading import SettingsError, load
from service.wiring.console import build_console, build_sign_in
from tests.fakes.clock import FakeClock

SIGN_IN = "sign_in: {issuer: https://login.example, client_id: c, client_secret_file: /nowhere}\n"


def built(tmp_path: Path, yaml: str) -> Console | None:
    path = tmp_path / "unwonted.yaml"
    path.write_text(yaml)
    return build_console(load(path, {}), FakeClock(), AsyncExitStack(), lambda address: None)


def test_there_is_none_unless_somebody_wants_it(tmp_path: Path) -> None:
    assert built(tmp_path, "{}") is None
    console = built(tmp_path, "console: {enabled: true, port: 1234}")
    assert console is not None
    assert console.address == "http://127.0.0.1:1234"


@pytest.mark.parametrize("public", ["https://unwonted.example/", "HTTPS://Unwonted.Example:443"])
def test_with_a_provider_it_may_listen_for_others_and_its_address_is_written_as_browsers_do(
    tmp_path: Path, public: str
) -> None:
    console = built(tmp_path, f"{SIGN_IN}console: {{enabled: true, host: 0.0.0.0, public_url: '{public}'}}")
    assert console is not None
    path = tmp_path / "unwonted.yaml"
    sign_in = build_sign_in(load(path, {}), FakeClock())
    assert isinstance(sign_in, OpenIdSignIn)
    assert (sign_in.public, sign_in.provider) == ("https://unwonted.example", "login.example")
    path.write_text("console: {enabled: true}")
    assert isinstance(build_sign_in(load(path, {}), FakeClock()), TokenSignIn)


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("console: {enabled: true, host: 0.0.0.0}", "console.host should be 127.0.0.1, ::1 or localhost, unless"),
        ("console: {host: example.com}", "console.host should be 127.0.0.1, ::1 or localhost, unless sign_in.issuer"),
        (SIGN_IN + "console: {enabled: true, host: 0.0.0.0}", "sign_in.issuer needs console.public_url"),
        ("console: {public_url: http://x.example}", "console.public_url: should be https://HOST without a path"),
        ("console: {public_url: 'https://x.example/console'}", "should be https://HOST without a path"),
        ("console: {public_url: 'https://x@y.example'}", "should be https://HOST without a path"),
        ("console: {public_url: 'https://['}", "should be https://HOST without a path"),
        ("sign_in: {issuer: http://login.example}", "sign_in.issuer: should be https://HOST/…"),
        ("sign_in: {issuer: https://login.example}", "sign_in: issuer needs client_id"),
        (
            "sign_in: {issuer: https://login.example, client_id: c}",
            "needs exactly one of client_secret,",
        ),
        (
            SIGN_IN.replace("}", ", client_assertion_file: /x}"),
            "needs exactly one of client_secret,",
        ),
        (
            SIGN_IN.replace("}", ", reader_roles: [], analyst_roles: []}"),
            "nobody could enter: needs one of",
        ),
        (SIGN_IN.replace("example", "example/organizations/v2.0"), "tenants should say who may enter"),
        ("console: {enabled: true}\nhistory: {enabled: false}", "console.enabled needs a history"),
        (
            "console: {enabled: true}\nsnapshots: {kind: blob, account_url: 'https://a.blob.core.windows.net'}",
            "console.enabled needs a history",
        ),
    ],
)
def test_what_could_not_be_safe_or_would_show_nothing_is_refused(tmp_path: Path, yaml: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        built(tmp_path, yaml)
    assert any(said in line for line in refused.value.lines)
