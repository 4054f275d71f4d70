"""No file of the repository holds what looks like a secret, but for those that are planted or published."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

KINDS = {
    "private key": ("PRIVATE KEY", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY"),
    "storage account key": ("AccountKey=", r"\bAccountKey=[A-Za-z0-9+/]{40,}={0,2}"),
    "shared access key": ("SharedAccessKey=", r"\bSharedAccessKey=[A-Za-z0-9+/]{40,}={0,2}"),
    "shared access signature": ("sig=", r"[?&]sig=[A-Za-z0-9%+/]{30,}"),
    "client secret of Entra": ("Q~", r"\b[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    "token of npm": ("npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    "token of GitHub": ("gh", r"\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{60,}"),
    "token of PyPI": ("pypi-", r"\bpypi-[A-Za-z0-9_-]{60,}"),
    "token of Slack": ("xox", r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "webhook of Slack": (
        "hooks.slack.com/services/T",
        r"hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{20,}",
    ),
    "access key of AWS": ("AKIA", r"\bAKIA[A-Z0-9]{16}\b"),
    "key of Google": ("AIza", r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "signing secret": ("whsec_", r"\bwhsec_[A-Za-z0-9+/]{30,}={0,2}"),
    "JSON web token": (".eyJ", r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{15,}"),
}
"""By what it is: what it cannot be without, and its whole shape, which nothing else has."""

KNOWN = {
    ("config/emulator/unwonted.yaml", "storage account key"): "Azurite's own, which Microsoft publishes",
    ("config/emulator/unwonted.yaml", "signing secret"): "says of itself that it is for the demonstration",
    ("docker-compose.yml", "signing secret"): "the same",
    ("service/sinks/webhook/signing.py", "signing secret"): "the example of the Standard Webhooks specification",
    ("tests/service/core/parsing/test_rejects.py", "JSON web token"): "planted",
    ("tests/service/monitoring/test_logs.py", "signing secret"): "the specification's again",
    ("tests/service/sinks/kinds.py", "signing secret"): "planted",
    ("tests/service/sinks/webhook/test_webhook.py", "signing secret"): "the specification's again",
}
"""What may stand where, and why that gives nothing away."""

_COMPILED = {kind: (marker, re.compile(pattern)) for kind, (marker, pattern) in KINDS.items()}


def found_in(text: str) -> set[str]:
    """Return what kinds of secret a text seems to hold."""
    return {kind for kind, (marker, pattern) in _COMPILED.items() if marker in text and pattern.search(text)}


def test_every_kind_would_be_found() -> None:
    made_up = {
        "private key": "-----BEGIN RSA PRIVATE " + "KEY-----",
        "storage account key": "AccountKey=" + "a" * 86 + "==",
        "shared access key": "SharedAccessKey=" + "b" * 43 + "=",
        "shared access signature": "https://x.example/c?sv=1&sig=" + "c" * 44,
        "client secret of Entra": "abc8Q~" + "d" * 34,
        "token of npm": "npm_" + "e" * 36,
        "token of GitHub": "ghp_" + "f" * 36,
        "token of PyPI": "pypi-" + "g" * 80,
        "token of Slack": "xoxb-" + "1" * 24,
        "webhook of Slack": "https://hooks.slack.com/services/T" + "0" * 9 + "/B" + "0" * 9 + "/" + "h" * 24,
        "access key of AWS": "AKIA" + "I" * 16,
        "key of Google": "AIza" + "j" * 35,
        "signing secret": "whsec_" + "k" * 32,
        "JSON web token": ".".join(["eyJ" + "l" * 20] * 2 + ["m" * 20]),
    }
    assert made_up.keys() == KINDS.keys()
    for kind, secret in made_up.items():
        assert found_in(f"a line with {secret} in it") == {kind}


def test_no_file_holds_a_secret_that_was_not_planted() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = set()
    for name in filter(None, listing.split("\0")):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            found |= {(name, kind) for kind in found_in(path.read_bytes().decode("utf-8", "ignore"))}
    assert found == KNOWN.keys()
