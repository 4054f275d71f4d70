"""The detector that the page walks through is real: taken from the page, it keeps every law that the others keep."""

import inspect
import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from models.detectors.registry import DETECTORS
from tests.docs.pages import ROOT, fences, text_of
from tests.models.detectors import test_laws as laws
from tests.models.detectors import test_registry as registry
from tests.service.sinks import test_every_detector as sinks

PAGE = "docs/contributing/a-detector-in-one-file.md"
NAME = "many_services"
DETECTOR, TESTS = [content for language, content in fences(text_of(PAGE)) if language == "python"]


def imported(name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's module, where the page says that it belongs, with its line in the registry."""
    path = tmp_path / "many_services.py"
    path.write_text(DETECTOR)
    module = imported("models.detectors.many_services", path, monkeypatch)
    line = next(content for language, content in fences(text_of(PAGE)) if language == "py").splitlines()[-1]
    names: dict[str, Any] = {"ManyServices": module.ManyServices}
    exec(line, names)  # noqa: S102 - what the page says to write
    [kind] = names["KINDS"]
    monkeypatch.setitem(cast("dict[str, Any]", DETECTORS), kind.declaration.name, kind)
    return module


def cases() -> Iterator[Any]:
    """Every test of every detector, with the values it is given beside the detector's name."""
    for tests in (laws, registry, sinks):
        for title, function in vars(tests).items():
            if not title.startswith("test_") or "name" not in inspect.signature(function).parameters:
                continue
            others = [
                mark.args for mark in function.pytestmark if mark.name == "parametrize" and mark.args[0] != "name"
            ]
            for values in itertools.product(*(values for _, values in others)):
                arguments = dict(zip((argument for argument, _ in others), values, strict=True))
                yield pytest.param(function, arguments, id="-".join([title.removeprefix("test_"), *map(str, values)]))


@pytest.mark.parametrize(("law", "arguments"), [*cases()])
@pytest.mark.usefixtures("registered")
def test_the_pages_detector_keeps(law: Callable[..., None], arguments: dict[str, Any]) -> None:
    law(name=NAME, **arguments)


def test_the_pages_own_tests_pass(registered: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "test_many_services.py"
    path.write_text(TESTS)
    tests = [one for title, one in vars(imported("page_tests", path, monkeypatch)).items() if title.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


@pytest.mark.parametrize("where", ["models/detectors/many_services.py", "tests/models/detectors/test_many_services.py"])
def test_the_pages_code_passes_the_linter_and_is_formatted(where: str) -> None:
    code = DETECTOR if where.startswith("models") else TESTS
    ruff = str(Path(sys.executable).with_name("ruff"))
    for check in (["check"], ["format", "--check"]):
        own = "lint.isort.known-first-party = ['models']"  # of a file that is not there, ruff cannot know
        command = [ruff, *check, "--quiet", "--no-cache", "--config", own, "--stdin-filename", str(ROOT / where), "-"]
        result = subprocess.run(command, cwd=ROOT, input=code, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_page_says_how_long_it_is() -> None:
    said = re.search(r"complete detector, (\d+) lines", text_of(PAGE))
    assert said
    assert abs(int(said[1]) - DETECTOR.count("\n")) < 10


@pytest.mark.integration
def test_the_pages_code_has_strict_types(tmp_path: Path) -> None:
    path = tmp_path / "many_services.py"
    path.write_text(DETECTOR)
    mypy = [sys.executable, "-m", "mypy", "--strict", str(path)]
    result = subprocess.run(mypy, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
