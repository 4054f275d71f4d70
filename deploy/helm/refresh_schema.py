"""Puts the service's own options into the chart's values.schema.json, so that `helm` refuses what the service would.

`make generated` writes the file, and a test compares. The chart's other values are written by hand in it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "unwonted" / "values.schema.json"
BOUNDS: dict[tuple[str, str], dict[str, Any]] = {
    ("HttpSettings", "port"): {
        "minimum": 1024
    },  # nobody but root may listen below, and probes need a port that is known
    ("ShutdownSettings", "grace"): {
        "type": "string",
        "pattern": "^[0-9]{1,3}s$",
    },  # the pod's own grace is reckoned from it
    ("StandbySettings", "lease"): {"type": "string", "pattern": "^(1[5-9]|[2-5][0-9]|60)s$"},  # as Blob Storage has it
    ("SnapshotsSettings", "path"): {"pattern": "^/state(/|$)"},  # the one place that can be written to, beside /tmp
    ("DeadLetterSettings", "path"): {"pattern": "^/state/"},
    ("LearnSettings", "spool"): {"pattern": "^/state/"},
    ("ConsoleSettings", "token_file"): {"pattern": "^/state/"},
    ("ConsoleSettings", "port"): {"minimum": 1024},  # as for http.port
}
"""Where the chart is stricter than the service."""


def refreshed(schema: dict[str, Any], service: dict[str, Any], detectors: Iterable[str]) -> dict[str, Any]:
    """Return the chart's schema with the service's as the part called config.

    Parameters
    ----------
    schema
        The chart's schema, with any earlier version of the service's in it.
    service
        What ``unwonted check-config --schema`` prints.
    detectors
        Names of the detectors there are.
    """
    definitions = {name: _plain(definition) for name, definition in service["$defs"].items()}
    for name, definition in definitions.items():
        properties = definition.get("properties", {})
        for option, given in service["$defs"][name].get("properties", {}).items():
            if _is_secret(given):
                del properties[option]
        for option in properties:
            properties[option] |= BOUNDS.get((name, option), {})
    sections = {name: _plain(section) for name, section in service["properties"].items()}
    sections["detectors"] = {
        "type": "object",
        "description": service["properties"]["detectors"]["description"],
        "additionalProperties": False,
        "properties": {name: {"$ref": "#/$defs/DetectorSettings"} for name in detectors},
    }
    sections["sinks"] = _sinks(service["properties"]["sinks"])
    config = {
        "type": "object",
        "description": "The service's own configuration, option for option as in config/unwonted.yaml.",
        "additionalProperties": False,
        "properties": sections,
    }
    properties = schema["properties"] | {"config": config}
    return schema | {"properties": properties, "$defs": definitions}


def _is_secret(option: Any) -> bool:
    """Whether an option holds a secret: it is not accepted here, because a ConfigMap can be read."""
    choices = [option, option.get("items", {}), *option.get("anyOf", [])]
    return any(choice.get("writeOnly") or choice.get("format") == "password" for choice in choices)


def _plain(node: Any) -> Any:
    """Drop what only decorates, and say alternatives in one schema, so that an error is one line."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {
        key: {name: _plain(option) for name, option in value.items()} if key == "properties" else _plain(value)
        for key, value in node.items()
        if key not in {"title", "default", "examples", "discriminator", "writeOnly", "format"}
    }
    if all("type" in choice for choice in plain.get("anyOf", [{}])):
        types = list(dict.fromkeys(choice["type"] for choice in plain["anyOf"]))
        bounds = [{key: value for key, value in choice.items() if key != "type"} for choice in plain.pop("anyOf")]
        plain["type"] = types if len(types) > 1 else types[0]
        # Two choices of one type cannot share their bounds: then the service has the last word.
        if len(types) == len(bounds):
            for bound in bounds:
                plain |= bound
    return plain


def _sinks(section: dict[str, Any]) -> dict[str, Any]:
    kinds = section["additionalProperties"]["discriminator"]["mapping"]
    choice: dict[str, Any] = {}
    for kind, where in sorted(kinds.items()):
        # One inside the other, not side by side: then an error is that of the kind in question alone, on one line.
        choice = {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": where}, "else": choice}
    one = {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": sorted(kinds)}}, **choice}
    return {
        "type": "object",
        "description": section["description"],
        "additionalProperties": False,
        "patternProperties": {"^[a-z][a-z0-9_]{0,39}$": one},
    }
