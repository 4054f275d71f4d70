"""Writes docs/configuration.md: every option, taken from the settings and the detectors themselves.

What an option is for is the text under it in `sections` or in a sink's `settings`; of a detector's own, the text in its
docstring.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from models.detectors import DETECTORS, options
from service.settings.detectors import DetectorSettings, default_threshold
from service.settings.names import Keys, variable_name
from service.settings.root import Settings
from service.settings.showing import example, inline, summary
from service.sinks import KINDS

INTRODUCTION = """\
# Configuration reference

Every option. This page is made from the code that reads them, by `make generated`.

[`config/unwonted.yaml`](../config/unwonted.yaml) is the same as a file to start from. Write down only what you change.
The environment goes before the file, and both are checked in the same way: a misspelt key or variable, a value out of
range, and options that contradict each other are errors, all of them said at once by `unwonted check-config`, a line
each. `unwonted check-config --schema` prints a JSON Schema for editors.

- A *duration* is `20s`, `15m`, `1h30m`, `7d`, or a number of seconds.
- A *list* is a list in YAML; in the environment, its entries are separated by commas.
- A *secret* is shown as asterisks, and never logged. Prefer the option beside it that names a file.
- An empty variable counts as absent. `UNWONTED_CONFIG` names the file itself.
"""
WORDS = {
    "array": "mapping",  # of a named tuple: a plain list never comes so far
    "boolean": "`true`, `false`",
    "date-time": "time with offset",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
    "password": "secret",
    "path": "path",
    "string": "text",
}
_Row = tuple[Keys, str, str, str]


def option_reference() -> str:
    """Return docs/configuration.md.

    >>> "UNWONTED_HTTP__PORT" in option_reference()
    True
    """
    parts = [INTRODUCTION]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        parts.append(f"## {name}\n")
        if name == "detectors":
            parts += [*_detectors(str(field.description))]
        elif name == "sinks":
            parts += [*_sinks(str(field.description))]
        elif isinstance(section, type) and issubclass(section, BaseModel):
            parts += [f"{summary(section)}\n", _table(_rows(section, (name,)))]
    return "\n".join(parts)


def _detectors(heading: str) -> Iterator[str]:
    yield f"{heading} What each finds, and how well: [detections](detections.md).\n"
    yield _table(
        (path, allowed, "below" if path[-1] == "threshold" else default, text)
        for path, allowed, default, text in _rows(DetectorSettings, ("detectors", "DETECTOR"))
    )
    for name in DETECTORS:
        yield f"### detectors.{name}\n"
        yield f"Alerts from a score of {default_threshold(name):g} on. Its own options:\n"
        yield _table(
            (
                ("detectors", name, "options", option.name),
                _allowed(TypeAdapter(option.type).json_schema()),
                _default(option.default),
                option.text,
            )
            for option in options(DETECTORS[name])
        )


def _sinks(heading: str) -> Iterator[str]:
    yield f"{heading} The name stands in the place of `NAME`; without any, alerts go to standard output.\n"
    for kind, integration in KINDS.items():
        yield f"### kind: {kind}\n\n{summary(integration.settings)}\n"
        yield _table(_rows(integration.settings, ("sinks", "NAME"), first="kind"))


def _rows(model: type[BaseModel], under: Keys, first: str = "") -> Iterator[_Row]:
    schema = model.model_json_schema()
    defaults = model.model_construct().model_dump(mode="json")
    for name, field in sorted(model.model_fields.items(), key=lambda item: item[0] != first):
        allowed = _allowed(schema["properties"][name], schema.get("$defs", {}))
        if allowed == "duration" and not _takes(Annotated[field.annotation, *field.metadata], 0):
            allowed = "duration above 0"
        value = defaults[name]
        default = "none" if value in (None, []) else _default(value)
        if default == "none" and field.examples:
            default += f"; for example {_code(inline(example(field)))}"
        yield (*under, name), allowed, default, field.description or ""


def _takes(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def _allowed(schema: Mapping[str, Any], definitions: Mapping[str, Any] = {}) -> str:
    """Say in a few words which values a JSON Schema allows."""
    if "$ref" in schema:
        return _allowed(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    if "enum" in schema or "const" in schema:
        return ", ".join(_code(str(value)) for value in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        some = [one for one in schema["anyOf"] if one.get("type") != "null"]
        duration = {one.get("type") for one in some} == {"string", "number"}
        return "duration" if duration else " or ".join(_allowed(one, definitions) for one in some)
    if schema.get("type") == "array" and "prefixItems" not in schema:
        return f"list of {_allowed(schema.get('items', {}), definitions)}s"
    words = WORDS.get(schema.get("format", schema.get("type", "")), "anything")
    return words + _range(schema) + (f" like {_code(schema['pattern'])}" if "pattern" in schema else "")


def _range(schema: Mapping[str, Any]) -> str:
    low, above, high = schema.get("minimum"), schema.get("exclusiveMinimum"), schema.get("maximum")
    least = f"from {low:,.12g}" if low is not None else f"above {above:,.12g}" if above is not None else ""
    most = f"to {high:,.12g}" if high is not None else ""
    return f", {least} {most}".rstrip(", ") if least or most else ""


def _default(value: object) -> str:
    if isinstance(value, Mapping) and value:
        return "a list of its own"
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return ", ".join(f"{_code(name)} {_default(part)}" for name, part in value._asdict().items())
    return _code(f"{value:g}" if isinstance(value, float) else inline(value))


def _code(text: str) -> str:
    return f"`{text}`" if text else "empty"


def _table(rows: Iterable[_Row]) -> str:
    lines = ["| option | allowed | default | what it is for |", "|---|---|---|---|"]
    for path, allowed, default, text in rows:
        # The environment holds texts, and what stands in a mapping has variables of its own.
        variable = "" if "mapping" in allowed else f"<br>`{variable_name(path)}`"
        key = f"`{'.'.join(path)}`{variable}"
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in (key, allowed, default, text)) + " |")
    return "\n".join([*lines, ""])
