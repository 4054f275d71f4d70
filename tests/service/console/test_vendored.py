"""What the console brings from elsewhere is what its makers published, to the byte."""

import json
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

from service.console.rendering import ASSETS, asset

ROOT = Path(__file__).parents[3]
INSTALLED = ROOT / "node_modules" / "uplot"
VERSION = json.loads((ROOT / "package.json").read_text())["devDependencies"]["uplot"]
FILES = {
    "vendor/uPlot.iife.min.js": "dist/uPlot.iife.min.js",
    "vendor/uPlot.min.css": "dist/uPlot.min.css",
    "vendor/uPlot.LICENSE": "LICENSE",
}


def brought(name: str) -> bytes:
    return files("service.console").joinpath("static", name).read_bytes()


@pytest.mark.integration
@pytest.mark.parametrize(("ours", "theirs"), FILES.items())
def test_a_file_is_the_one_that_npm_delivers(ours: str, theirs: str) -> None:
    if not INSTALLED.exists():
        pytest.skip("WHAT THE CONSOLE BRINGS IS NOT COMPARED: run npm ci")
    assert sha256(brought(ours)).hexdigest() == sha256((INSTALLED / theirs).read_bytes()).hexdigest()


def test_it_is_of_the_version_that_is_locked() -> None:
    assert f"(v{VERSION})".encode() in brought("vendor/uPlot.iife.min.js")[:100]


def test_everything_that_is_there_is_served_but_for_licences() -> None:
    folder = files("service.console").joinpath("static")
    there = {one.name for one in folder.iterdir() if one.is_file()}
    there |= {f"vendor/{one.name}" for one in folder.joinpath("vendor").iterdir()}
    assert there - {"vendor/uPlot.LICENSE"} == set(ASSETS)
    assert all(asset(name) for name in ASSETS)
