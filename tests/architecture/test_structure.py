"""Where things are and what they are called: faces, names, folders. What may import what is `test_layers`'."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.code import ROOT, imports, modules, past_a_face, shared_names

GLOSSARY = ROOT / "docs" / "glossary.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
CODE = ("service", "models", "demo", "benchmarks", "docs", "deploy")
SINGLE_FILES = {
    "service.standby",
    "service.__main__",
    "service.app",
    "service.batches",
    "service.clock",
    "service.components",
    "service.sinks.integration",
    "service.sinks.registry",
}
"""What a contract names although it is one file, not a folder."""
DRAWN_DEEPLY = ("models", "service")
"""Whose folders CONTRIBUTING draws to the bottom; of the others it draws those that it has something to say of."""


def test_nobody_imports_past_the_face_of_a_package() -> None:
    assert past_a_face(modules(ROOT, *CODE)) == []


def test_an_import_past_a_face_is_noticed_in_every_form(tmp_path: Path) -> None:
    files = {
        "part/__init__.py": 'from part.inside import One\n__all__ = ["One", "same"]\n',
        "part/inside.py": "class One: ...\n",
        "part/same.py": "def same(): ...\n",
        "part/deep/__init__.py": '__all__ = ["Two"]\n',
        "part/deep/there.py": "from part.inside import One\nfrom ..same import same\n",
        "user/__init__.py": "",
        "user/fine.py": "from part import One, same\nfrom part.deep import Two\nimport part\n",
        "user/wrong.py": "import part.inside\nfrom part.inside import One\nfrom part import inside",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    found = past_a_face(modules(tmp_path, "part", "user"))

    assert [one.split(" ")[0] for one in found] == [*(f"user.wrong:{line}" for line in (1, 2, 3))]
    assert found[0] == "user.wrong:1 imports part.inside, which is private to part: import from part"


def allowed_names() -> dict[str, set[str]]:
    """What the glossary's table allows several modules to define, with the modules; each has to have its reason."""
    table = GLOSSARY.read_text(encoding="utf-8").partition("\n## Names that several modules define\n")[2]
    allowed = {}
    for name, where, reason in re.findall(
        r"^\| `(\w+)` \| (.+) \| (.*) \|$", table.partition("\n## ")[0], re.MULTILINE
    ):
        assert reason.strip(), f"{name}: say why"
        paths = re.findall(r"\(\.\./([\w/.]+)\)", where)
        allowed[name] = {
            path.removesuffix(".py").removesuffix("/__init__").removesuffix("/").replace("/", ".") for path in paths
        }
    return allowed


def test_a_public_name_has_one_home_unless_the_glossary_says_why() -> None:
    found, allowed = shared_names(modules(ROOT, "service", "models")), allowed_names()

    def outside(where: set[str], places: set[str]) -> list[str]:
        """Modules that are in none of the places, each a module or a package."""
        return sorted(one for one in where if not any(one == place or one.startswith(f"{place}.") for place in places))

    new = {name: outside(where, allowed.get(name, set())) for name, where in found.items()}
    assert {name: where for name, where in new.items() if where} == {}, (
        "several modules define these: rename all but one, or give docs/glossary.md a row with the reason"
    )
    gone = {
        name: [
            place
            for place in sorted(places)
            if len(outside(found.get(name, set()), {place})) == len(found.get(name, set()))
        ]
        for name, places in allowed.items()
    }
    assert {name: where for name, where in gone.items() if where} == {}, (
        "these are shared no more: take them out of the table in docs/glossary.md"
    )


def drawn() -> dict[str, str]:
    """Folders and files that CONTRIBUTING draws, with what it says of each."""
    tree = re.search(
        r"^## Where things are\n.*?^```\n(.*?)^```$", CONTRIBUTING.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert tree
    found: dict[str, str] = {}
    parents: list[str] = []
    for line in tree[1].splitlines():
        indent, name, said = re.fullmatch(r"( *)(\S+?)(?:\s{2,}(.*))?", line.rstrip()).groups()  # type: ignore[union-attr]
        assert len(indent) % 2 == 0, line
        parents = [*parents[: len(indent) // 2], name]
        found["".join(parents)] = said or ""
    return found


def folders() -> Iterator[str]:
    """Folders of the repository that git knows something in, each ending in a slash."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    yield from sorted({f"{parent}/" for name in listing for parent in Path(name).parents if str(parent) != "."})


def test_the_picture_in_contributing_is_the_tree() -> None:
    shown, there = drawn(), set(folders())

    assert [name for name in shown if not (ROOT / name).exists()] == [], "CONTRIBUTING draws what is not there"
    visible = {name for name in there if not name.startswith(".")}
    wanted = {
        name for name in visible if name.count("/") == 1 or name.startswith(tuple(f"{one}/" for one in DRAWN_DEEPLY))
    }
    assert sorted(wanted - shown.keys()) == [], "CONTRIBUTING does not draw these folders"
    assert [name for name, said in shown.items() if not said] == [], "CONTRIBUTING says nothing of these"


def test_a_contract_names_folders_and_few_files() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    known, files = modules(ROOT, "service", "models", "demo"), set()
    for contract in contracts:
        for container in contract.get("containers", [""]):
            for layer in contract.get("layers", contract.get("source_modules", [])):
                names = (f"{container}.{name}".strip(".") for name in re.findall(r"\w[\w.]*", layer))
                files |= {name for name in names if known[name].name != "__init__.py"}

    assert files == SINGLE_FILES


def test_the_rules_look_at_every_import_that_there_is() -> None:
    known = modules(ROOT, *CODE)
    seen = {(one.by, one.module) for name, path in known.items() for one in imports(name, path, known, {})}

    assert ("service.app", "service.core.ports") in seen
    assert len(seen) > 1_000
