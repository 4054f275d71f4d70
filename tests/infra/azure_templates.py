"""Bicep and Terraform as trees: read by judges of their own, and what several tests look for in them."""

from typing import Any

from tests.infra.judges import ROOT

AZURE = ROOT / "deploy" / "azure"
PARSE = """
import json, sys
from pathlib import Path
import hcl2
from pycep import BicepParser
root = Path("deploy/azure")
bicep = {path.stem: BicepParser().parse(text=path.read_text()) for path in sorted(root.rglob("*.bicep"))}
terraform = {path.stem: hcl2.loads(path.read_text()) for path in sorted(root.rglob("*.tf"))}
json.dump([bicep, terraform], sys.stdout, default=str)
"""

Tree = dict[str, Any]


def plain(body: Tree) -> Tree:
    """Take the wrapping off; a block that occurs several times stays a list."""
    unwrapped = {key: value for key, value in body.items() if not key.startswith("__")}
    return {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in unwrapped.items()}


def resources(bicep: Tree) -> list[tuple[str, Tree]]:
    """Every resource that is made, with the file it is in."""
    return [
        (file, resource)
        for file, tree in bicep.items()
        for resource in tree.get("resources", {}).values()
        if not resource["existing"]
    ]


def literals(node: Any) -> set[str]:
    """Every text and number somewhere in a tree."""
    if isinstance(node, dict):
        return {text for value in node.values() for text in literals(value)}
    if isinstance(node, list):
        return {text for value in node for text in literals(value)}
    return {str(node)}
