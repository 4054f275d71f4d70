"""What proves who the console is: a secret wherever it is kept, and known to the redaction."""

from pathlib import Path

import pytest

from service.settings.root import Settings
from service.settings.showing import secrets
from service.settings.sign_in import SignInSettings

PLANTED = "pl4nted-proof"


@pytest.mark.parametrize("option", ["client_secret_file", "client_assertion_file"])
def test_what_proves_who_the_console_is_is_known_to_the_redaction(tmp_path: Path, option: str) -> None:
    file = tmp_path / "proof"
    file.write_text(f"{PLANTED}\n")
    sign_in = SignInSettings.model_validate({"issuer": "https://login.example", "client_id": "c", option: file})
    assert set(secrets(Settings(sign_in=sign_in))) == {PLANTED}
