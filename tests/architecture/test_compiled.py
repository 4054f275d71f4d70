"""What may be compiled can be, and only is where somebody asks for it."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import hatch_build
from hatch_build import COMPILED, CompilingHook
from tests.architecture.code import statements

ROOT = Path(__file__).parents[2]
Classes = dict[str, set[str]]


@cache
def classes(source: str) -> Classes:
    """Classes of a module with the names of what they derive from."""
    found: Classes = {}
    for node in statements(ast.parse(source).body):
        if isinstance(node, ast.ClassDef):
            bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
            found[node.name] = {base.attr if isinstance(base, ast.Attribute) else ast.unparse(base) for base in bases}
    return found


def derived_outside(modules: dict[str, str]) -> set[str]:
    """Classes of modules that are not compiled, and derive from one of a module that is."""
    compiled = {name for path in COMPILED if path in modules for name in classes(modules[path])}
    rest = [classes(source) for path, source in modules.items() if path not in COMPILED]
    return {name for found in rest for name, bases in found.items() if bases & compiled}


def test_each_compiled_module_is_there_once() -> None:
    assert [path for path in COMPILED if not (ROOT / path).is_file()] == []
    assert len(set(COMPILED)) == len(COMPILED)


def test_no_class_that_is_not_compiled_derives_from_one_that_is() -> None:
    modules = {
        str(path.relative_to(ROOT)): path.read_text()
        for folder in ("models", "service")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert derived_outside(modules) == set()
    assert derived_outside({**modules, "service/new.py": "class Wide(cells.Crowd[int]): ..."}) == {"Wide"}


def hook(folder: Path) -> CompilingHook:
    unused: Any = None
    return CompilingHook(str(folder), {}, unused, unused, str(folder), "wheel")


@pytest.mark.parametrize(("version", "asked"), [("standard", ""), ("standard", "0"), ("editable", "1")])
def test_a_wheel_is_pure_python_unless_somebody_asks_for_another_one(
    version: str, asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNWONTED_MYPYC", asked)
    data: dict[str, Any] = {"pure_python": True, "force_include": {}}
    hook(tmp_path).initialize(version, data)
    assert data == {"pure_python": True, "force_include": {}}
    assert (hook(tmp_path).dependencies() == []) == (asked != "1")


def test_a_compiled_wheel_is_one_for_this_machine_and_holds_the_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compile_into(target: Path) -> list[Path]:
        return [target / "models" / "stream" / "cells.so"]

    monkeypatch.setenv("UNWONTED_MYPYC", "1")
    monkeypatch.setattr(hatch_build, "compile_into", compile_into)
    data: dict[str, Any] = {"pure_python": True, "force_include": {}}
    hook(tmp_path).initialize("standard", data)
    assert (data["pure_python"], data["infer_tag"]) == (False, True)
    assert list(data["force_include"].values()) == ["models/stream/cells.so"]
