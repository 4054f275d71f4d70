"""The glossary is complete and true: each term once, each reference to code exists, and retired words are gone."""

import importlib
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import NamedTuple

from tests.docs.pages import ROOT, name_of, pages, text_of

PAGE = "docs/glossary.md"
ROW = re.compile(r"^\| (?!term \||name \||---)(.*)\|$", re.MULTILINE)
REFERENCE = re.compile(r"\[`([\w.]+)`\]\(\.\./([\w/.]+)\)")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

RETIRED = {
    "acquaintances?": "…State",
    "adventures?": "deviation",
    "announced": "suppressed",
    "blind spans?": "coverage gap",
    "blindness": "coverage",
    "breathe": "yield_to_loop",
    "bulletins?": "notice content",
    "company": "routine context",
    "ears?": "what listens",
    "exempt": "excluded",
    "ladders?": "survival function",
    "ledgers?": "…State",
    "patience": "limit",
    "relief": "discount",
    "sleepers?": "…State",
    "stor(?:y|ies)": "content",
    "told until": "evaluated_until",
    "travellers?": "…State",
    "whereabouts": "location rarity",
    "withheld": "suppressed",
}
"""Words of earlier versions, as patterns, and what to say instead."""
ANY_RETIRED = re.compile(rf"\b(?:{'|'.join(RETIRED)})\b")
PERHAPS = re.compile("|".join(RETIRED).replace(" ", "[ _]?"), re.IGNORECASE)  # quicker, to begin with


class Text(NamedTuple):
    """A line of a page, or of one token of code."""

    path: str
    line: int
    text: str


class Allowed(NamedTuple):
    """A use of a retired word that stays: in files whose path begins so, where the text around it matches."""

    path: str
    text: str
    reason: str

    def covers(self, one: Text) -> bool:
        return re.match(self.path, one.path) is not None and re.search(self.text, one.text) is not None


ALLOWED = (
    Allowed(r"docs/(?:findings|detections)|models/detectors/", r"the company's|telephone compan", "a firm"),
    Allowed(r"docs/adr/0003", r"audit log of a company", "a firm"),
    Allowed(r"docs/detect|models/detectors/|service/console/words", r"[`\"]company[`\"]", "a key of alerts"),
    Allowed(r"docs/findings|models/detectors/", r"operations as a story", "what operations tell"),
    Allowed(r"docs/|service/sinks/", r"unwonted\.blindness\.", "the type of an event that receivers know"),
    Allowed(
        r"service/core/snapshot/migrations/format_1",
        r"^\"(?:blindness|ears|ladder|told_until|whereabouts|withheld)\"$",
        "a section or a field of a snapshot of format 1",
    ),
)


def words(text: str) -> str:
    """Return a text in lower case with its identifiers taken apart.

    >>> words("log told_until, BlindSpanOpened, History")
    'log told until, blind span opened, history'
    """
    return CAMEL.sub(" ", text.replace("_", " ")).casefold()


def retired(text: str) -> list[str]:
    """Return the retired words in a text.

    >>> retired("log blind_span_opened"), retired("accompany the History of an earring")
    (['blind span'], [])
    """
    return ANY_RETIRED.findall(words(text)) if PERHAPS.search(text) else []


@cache
def texts() -> list[Text]:
    """Return everything with a retired word in it: lines of pages; names, comments and strings of code."""
    return [one for one in [*_pages(), *_code()] if retired(one.text)]


def _pages() -> Iterator[Text]:
    for page in pages():
        name = name_of(page)
        if name == "README.md" or (name.startswith("docs/") and name != PAGE):
            for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
                yield Text(name, number, line)


def _code() -> Iterator[Text]:
    for path in sorted(path for folder in ("service", "models") for path in (ROOT / folder).rglob("*.py")):
        if not ANY_RETIRED.search(words(path.read_text(encoding="utf-8"))):
            continue  # reading a file word by word takes a hundred times longer
        known = set[str]()
        with path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                if token.type not in {tokenize.NAME, tokenize.COMMENT, tokenize.STRING} or token.string in known:
                    continue
                known.add(token.string)
                for number, line in enumerate(token.string.splitlines(), token.start[0]):
                    yield Text(name_of(path), number, line.strip())


def tables() -> tuple[list[list[str]], list[list[str]]]:
    """Return the cells of the terms, and those of the names that several modules define."""
    terms, _, names = text_of(PAGE).partition("\n## Names that several modules define")
    first, second = (
        [[cell.strip() for cell in f"{row} ".split(" | ")] for row in ROW.findall(part)] for part in (terms, names)
    )
    return first, second


def module_of(path: str) -> ModuleType:
    """Import the module or package at a path of the repository."""
    return importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def has(owner: object, name: str) -> bool:
    """Whether a module or class defines a name, the fields of a class included.

    >>> has(Allowed, "reason"), has(Allowed, "excuse")
    (True, False)
    """
    fields = {field for base in getattr(owner, "__mro__", ()) for field in getattr(base, "__annotations__", {})}
    return hasattr(owner, name) or name in fields


def missing(label: str, path: str) -> str | None:
    """Say what does not exist of a reference to a module, or to a name or ``Class.attribute`` of the one at `path`."""
    if not (ROOT / path).exists():
        return f"{path}: no such file"
    module = module_of(path)
    if label in {module.__name__, module.__name__.rpartition(".")[2]}:
        return None
    owner: object = module
    for name in label.split("."):
        if not has(owner, name):
            return f"{path}: no {label}"
        owner = getattr(owner, name, None)
    return None


def test_each_term_is_there_once_in_order_and_explained_in_one_row() -> None:
    rows, _ = tables()
    terms = [row[0] for row in rows]
    assert len(terms) > 50
    assert terms == sorted(set(terms), key=lambda term: term.replace("-", " ").casefold())
    assert [row for row in rows if len(row) != 4 or row[1][-1:] != "." or not REFERENCE.search(row[2])] == []


def test_every_reference_to_code_exists() -> None:
    references = REFERENCE.findall(text_of(PAGE))
    assert len(references) > 80
    assert [problem for label, path in references if (problem := missing(label, path))] == []


def test_a_reference_to_nothing_is_noticed() -> None:
    assert missing("Cell", "models/stream/cells.py") is None
    assert missing("Cell.late", "models/stream/cells.py") is None
    assert missing("Cell.early", "models/stream/cells.py") == "models/stream/cells.py: no Cell.early"
    assert missing("Cells", "models/stream/cells.py") == "models/stream/cells.py: no Cells"
    assert missing("Cell", "models/stream/cell.py") == "models/stream/cell.py: no such file"


def test_the_names_that_several_modules_define_are_defined_there() -> None:
    _, rows = tables()
    assert rows
    for name, modules, _ in rows:
        paths = [path for _, path in REFERENCE.findall(modules)]
        files = [path for path in paths if path.endswith(".py")]
        # A folder stands for all of its modules, whichever there are: which do define it is `test_structure`'s to know.
        assert len(files) > 1 or len(files) < len(paths)
        assert [path for path in files if not has(module_of(path), name.strip("`"))] == [], name


def test_no_page_and_no_code_uses_a_retired_word() -> None:
    assert [one for one in texts() if not any(allowed.covers(one) for allowed in ALLOWED)] == [], RETIRED


def test_every_exception_for_a_retired_word_is_needed() -> None:
    assert [allowed for allowed in ALLOWED if not any(allowed.covers(one) for one in texts())] == []


def test_no_term_is_explained_with_a_retired_word() -> None:
    rows, _ = tables()
    assert [row for row in rows if retired(" ".join(row[:2]))] == []
