"""What the rules of structure ask of the code: modules, their definitions and imports, and the faces of packages."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Import(NamedTuple):
    """A module that another names in an import: where it does, and what it takes from it."""

    by: str
    line: int
    module: str


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every statement, also inside others: to walk through the expressions as well would take ten times as long."""
    for node in body:
        yield node
        for inside in ("body", "handlers", "orelse", "finalbody", "cases"):
            yield from statements(getattr(node, inside, ()))


def modules(root: Path, *folders: str) -> dict[str, Path]:
    """Every module below the folders, by its dotted name; a package is its `__init__.py`."""
    found = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def faces(known: dict[str, Path]) -> dict[str, set[str]]:
    """Packages that say in `__all__` what they offer, with what that is."""
    return {
        name: set(ast.literal_eval(node.value))
        for name, path in known.items()
        if path.name == "__init__.py"
        for node in tree(path).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    }


def imports(name: str, path: Path, known: dict[str, Path], fronts: dict[str, set[str]]) -> Iterator[Import]:
    """Every module that a module imports, wherever in it; `from package import module` is an import of the module."""
    for node in statements(tree(path).body):
        if isinstance(node, ast.Import):
            yield from (Import(name, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(part for part in (above, node.module or "") if part)
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                offered = alias.name in fronts.get(module, ())
                yield Import(name, node.lineno, inner if inner in known and not offered else module)


def packages_of(module: str) -> Iterator[str]:
    """Every package around a module, the outermost first."""
    parts = module.split(".")
    return (".".join(parts[:depth]) for depth in range(1, len(parts)))


def past_a_face(known: dict[str, Path]) -> list[str]:
    """Imports that reach into a package with a face from outside it, as sentences.

    A package inside another is a way in of its own if it has a face of its own.
    """
    fronts = faces(known)
    return [
        f"{one.by}:{one.line} imports {one.module}, which is private to {front}: import from {front}"
        for name, path in known.items()
        for one in imports(name, path, known, fronts)
        if one.module in known and one.module not in fronts
        for front in packages_of(one.module)
        if front in fronts
        if not (name == front or name.startswith(f"{front}."))
    ]


def public_names(path: Path) -> set[str]:
    """Names without underscore that a module defines at its top: classes, functions, constants; no type variables."""
    found = set()
    for node in tree(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not _is_type_variable(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {
                leaf.id
                for target in targets
                for leaf in ast.walk(target)
                if isinstance(leaf, ast.Name)
                if isinstance(leaf.ctx, ast.Store)
            }
    return {name for name in found if not name.startswith("_")}


def _is_type_variable(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) in {"TypeVar", "ParamSpec"}


def shared_names(known: dict[str, Path]) -> dict[str, set[str]]:
    """Public names that more than one module defines, with the modules."""
    homes: dict[str, set[str]] = {}
    for module, path in known.items():
        for name in public_names(path):
            homes.setdefault(name, set()).add(module)
    return {name: where for name, where in homes.items() if len(where) > 1}
