"""Renders and lints the chart where no helm is installed, with Helm's own engine as a Python package carries it.

`make chart ARGS="-f my-values.yaml"` prints what `helm template` would. Nothing here knows the chart.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import helm_python
import yaml

CHART = Path(__file__).parent / "unwonted"


class _Loader(yaml.SafeLoader):
    """YAML as Helm reads it: what looks like a time stays the text that it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(files: list[Path]) -> dict[str, Any]:
    """Return the values of all files, later ones over earlier ones."""
    values: dict[str, Any] = {}
    for file in files:
        values = merged(values, yaml.load(file.read_text(encoding="utf-8"), _Loader) or {})  # noqa: S506 - a SafeLoader
    return values


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return one set of values laid over another, mapping by mapping; lists are replaced, as Helm does."""
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def template(values: dict[str, Any], name: str = "unwonted", namespace: str = "unwonted") -> dict[str, str]:
    """Return manifests by the path of their template; raises `helm_python.HelmError` for wrong values."""
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        rendered: dict[str, str] = chart.render(values, name=name, namespace=namespace)
    return rendered


def lint(values: dict[str, Any]) -> list[str]:
    """Return what `helm lint --strict` has to say, but for advice."""
    report = helm_python.lint(CHART, values, strict=True)
    return [f"{found['path']}: {found['error']}" for found in report["messages"] if found["severity"] > 1]


def main() -> int:
    """Print the manifests, or what is wrong with the values."""
    parser = argparse.ArgumentParser(description="Print what helm template would.")
    parser.add_argument("-f", "--values", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--name", default="unwonted", help="name of the release")
    parser.add_argument("-n", "--namespace", default="unwonted")
    given = parser.parse_args()
    try:
        manifests = template(read(given.values), given.name, given.namespace)
    except helm_python.HelmError as error:
        print(str(error).strip(), file=sys.stderr)
        return 1
    for path, text in sorted(manifests.items()):
        if text.strip() and not path.endswith("NOTES.txt"):
            print(f"---\n# Source: {path}\n{text.strip()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
