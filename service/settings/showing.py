"""Shows settings without their secrets: as data, as a fingerprint, as JSON Schema, and as the file of all defaults."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from models.detectors import DETECTORS
from service.settings.detectors import DetectorSettings, default_threshold, own_options
from service.settings.root import Settings
from service.sinks import KINDS

SECRET_FILES = frozenset(
    {
        "client_assertion_file",
        "client_secret_file",
        "connection_string_file",
        "header_files",
        "member_files",
        "password_file",
        "proxy_password_file",
        "secret_file",
        "url_file",
    }
)
"""Options that name a file with a secret, or several files."""
EXAMPLE_HEADER = """\
# Every option of Unwonted with its default. What is commented out has no default, and an example instead.
# Each can be given in the environment, too: http.port is UNWONTED_HTTP__PORT, and goes before this file.
"""


def redacted(settings: Settings) -> dict[str, Any]:
    """Return settings as plain data, each secret replaced by asterisks."""
    return settings.model_dump(mode="json")


def config_hash(settings: Settings) -> str:
    """Return a fingerprint of everything but the secrets' values: 12 hex digits."""
    return sha256(json.dumps(redacted(settings), sort_keys=True).encode()).hexdigest()[:12]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}


def secrets(settings: Settings) -> Iterator[str]:
    """Yield every secret value, and the parts of it that are secret by themselves: for the log's redaction.

    Secrets in files are read as they are now; a file that cannot be read is skipped, and reported where it is used.
    """
    for value in _secret_values(settings):
        yield value
        for part in value.split(";"):
            key, _, rest = part.partition("=")
            if key.strip().lower() in {"sharedaccesskey", "accountkey", "sharedaccesssignature"}:
                yield rest
        if "://" in value and ";" not in value:
            parts = urlsplit(value)
            if len(parts.path) > 1 or parts.query:
                yield parts.path + (f"?{parts.query}" if parts.query else "")


def proxy_secrets(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what is secret in the variables that name proxies: their passwords, as written and as meant."""
    for name, value in environ.items():
        if name.lower() in {"http_proxy", "https_proxy", "all_proxy"} and "@" in value:
            credentials = value.rpartition("@")[0].rpartition("://")[2]
            password = credentials.partition(":")[2]
            yield from (one for one in (password, unquote(password)) if one)


def _secret_values(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            item = getattr(value, name)
            if name in SECRET_FILES and item is not None:
                for file in item.values() if isinstance(item, Mapping) else (item,):
                    yield from _in_file(file)
            yield from _secret_values(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secret_values(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _secret_values(item)


def _in_file(file: Path) -> Iterator[str]:
    with suppress(OSError, UnicodeDecodeError):
        value = file.read_text(encoding="utf-8-sig").strip()
        yield value
        if " " in value:  # a scheme, as Authorization has one, and what is secret by itself
            yield value.rpartition(" ")[2]


def example_yaml() -> str:
    """Return config/unwonted.yaml: every option, its description and its default, made from the code itself."""
    lines = [EXAMPLE_HEADER]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if name == "detectors":
            lines += [f"# {field.description}", "detectors:"]
            for detector in DETECTORS:
                lines += [f"  {detector}:", *_options(DetectorSettings, "    ")]
                lines[-3] = f"    threshold: {default_threshold(detector)}"
                lines[-2] = f"    # The detector's own options: {', '.join(own_options(detector))}."
        elif name == "sinks":
            lines += [f"# {field.description}", "sinks:"]
            for kind in ("stdout", *(kind for kind in KINDS if kind != "stdout")):
                active = kind == "stdout"
                sink = KINDS[kind].settings
                text = [f"{kind}:", *_options(sink, "  ", first="kind")]
                lines += [f"  # {summary(sink)}", *(_indented(text, active=active))]
        elif isinstance(section, type) and issubclass(section, BaseModel):
            options = list(_options(section, "  "))
            # A section of which nothing has a default would be null.
            mark = "#" if all(line.lstrip().startswith("#") for line in options) else ""
            lines += [f"# {summary(section)}", f"{mark}{name}:", *options]
        lines.append("")
    return "\n".join(lines)


def _indented(text: list[str], *, active: bool) -> Iterator[str]:
    for line in text:
        words = line.lstrip()
        mark = "" if active or words.startswith("#") else "#"
        yield "  " + line.removesuffix(words) + mark + words


def summary(model: type[BaseModel]) -> str:
    """Return the first line of a section's docstring."""
    return (model.__doc__ or "").strip().splitlines()[0]


def _options(model: type[BaseModel], indent: str, first: str = "") -> Iterator[str]:
    defaults = model.model_construct().model_dump(mode="json")
    for name, field in sorted(model.model_fields.items(), key=lambda item: item[0] != first):
        yield f"{indent}# {field.description}"
        value = defaults[name]
        mark = "#" if value is None else ""
        yield f"{indent}{mark}{name}: {inline(example(field) if value is None else value)}"


def example(field: FieldInfo) -> object:
    """Return a value to show for an option without a default."""
    return field.examples[0] if field.examples else ""


def inline(value: object) -> str:
    """Write a value as YAML on one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000).removesuffix("\n...\n").strip()
    )
