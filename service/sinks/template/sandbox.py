"""Runs a template of somebody's within bounds: what it may use, how large it is, how long it works, how much it makes.

What it is given is `given`'s to say. The bounds are counted, not measured, so that the same alert always gives the
same bytes, or the same refusal.
"""

import json
import re
import traceback
from collections.abc import Callable, Generator, ItemsView, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_TEMPLATE_CHARACTERS = 32_768
"""Characters of a template."""
MOST_MADE_BYTES = 262_144
"""Bytes of what it makes, and characters of any text on the way there."""
MOST_LOOP_ENTRIES = 100
"""Entries of a list that it goes through."""
MOST_STEPS = 1_000_000
"""Expressions that it may evaluate, if every list were as long as one can be."""

# No assignment, no macro, no call and no product: what cannot be said again cannot grow.
_ALLOWED = (
    nodes.And,
    nodes.Compare,
    nodes.Concat,
    nodes.CondExpr,
    nodes.Const,
    nodes.Dict,
    nodes.Filter,
    nodes.For,
    nodes.Getattr,
    nodes.Getitem,
    nodes.If,
    nodes.Keyword,
    nodes.List,
    nodes.Name,
    nodes.Neg,
    nodes.Not,
    nodes.Operand,
    nodes.Or,
    nodes.Output,
    nodes.Pair,
    nodes.Slice,
    nodes.Template,
    nodes.TemplateData,
    nodes.Test,
    nodes.Tuple,
)
_FILE = "template"
_UNDEFINED = re.compile(r"(?:'[a-z. ]+ object' has no attribute )?'(\w{1,64})'(?: is undefined)?")


class TemplateRefusedError(ValueError):
    """A template that cannot be used, or that failed; the text is one line, without anything of an alert."""


class BodyTemplate:
    """A template that has been checked.

    Parameters
    ----------
    source
        Its text, in the syntax of Jinja.
    values
        What it knows as ``values``.

    Raises
    ------
    TemplateRefusedError
        If it is too large, is no template, uses what it may not, or might work too long.
    """

    def __init__(self, source: str, values: Mapping[str, str]) -> None:
        if len(source) > MOST_TEMPLATE_CHARACTERS:
            raise TemplateRefusedError(f"is longer than {MOST_TEMPLATE_CHARACTERS:,} characters")
        self._template = _compiled(source)
        self._values = dict(values)
        self._source = source

    def text(self, content: Mapping[str, Any]) -> str:
        """Return what it makes of `content`.

        Raises
        ------
        TemplateRefusedError
            If it fails, or makes too much.
        """
        parts, size = [], 0
        try:
            for part in self._template.generate({**content, "values": self._values}):
                size += len(part.encode("utf-8", "replace"))
                if size > MOST_MADE_BYTES:
                    raise TemplateRefusedError(f"makes more than {MOST_MADE_BYTES:,} bytes")
                parts.append(part)
        except TemplateRefusedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a template of somebody's does wrong is its own fault
            raise TemplateRefusedError(_failure(error, self._source)) from None
        return "".join(parts)


@lru_cache(maxsize=16)
def _compiled(source: str) -> Template:
    """Check and compile it: once, for the settings try each template before a sink is built of it."""
    environment = _environment()
    try:
        tree = environment.parse(source)
        _check(tree)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "_each", [], [], None, None, lineno=loop.lineno)
        tree.set_environment(environment)
        code = environment.compile(tree, _FILE, _FILE)
    except TemplateSyntaxError as error:
        raise TemplateRefusedError(f"line {error.lineno}: {error.message}") from None
    except RecursionError:
        raise TemplateRefusedError("is nested too deeply") from None
    return environment.template_class.from_code(environment, code, {})


def _environment() -> ImmutableSandboxedEnvironment:
    # Nothing is escaped by itself: what is made is no HTML. `tojson` is what makes a text safe in JSON.
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, cache_size=0)
    environment.globals.clear()
    own: dict[str, Callable[..., Any]] = {
        "_each": _each,
        "clip": _clip,
        "join": _join,
        "plain": _plain,
        "tojson": _tojson,
    }
    shared = {name: FILTERS[name] for name in ("default", "first", "items", "length", "lower", "upper")}
    environment.filters = {**shared, **own}
    return environment


def _check(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise TemplateRefusedError(f"line {node.lineno}: {type(node).__name__} is not available in a template here")
        if isinstance(node, nodes.Filter) and node.node is None:
            raise TemplateRefusedError(f"line {node.lineno}: a filter needs something to work on")
        if isinstance(node, nodes.For) and (node.recursive or not _is_given(node.iter)):
            raise TemplateRefusedError(f"line {node.lineno}: a loop can only go through a list of the alert's")
    if _steps(tree) > MOST_STEPS:
        raise TemplateRefusedError(f"might take more than {MOST_STEPS:,} steps: nest fewer loops")


def _is_given(node: nodes.Node) -> bool:
    """Whether it is a part of what the template is given, so that no loop can make a text longer."""
    while isinstance(node, nodes.Getattr | nodes.Getitem) or (isinstance(node, nodes.Filter) and node.name == "items"):
        if node.node is None:
            return False
        node = node.node
    return isinstance(node, nodes.Name)


def _steps(node: nodes.Node) -> int:
    inner = sum(_steps(child) for child in node.iter_child_nodes())
    return 1 + (inner * MOST_LOOP_ENTRIES if isinstance(node, nodes.For) else inner)


def _failure(error: Exception, source: str) -> str:
    """Say where it failed and how, in words that hold nothing of an alert."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _FILE]
    where = f"line {lines[-1]}: " if lines else ""
    said = str(error.message) if isinstance(error, UndefinedError) else ""
    # Other messages may quote what was given, as does this one if the name itself was.
    named = _UNDEFINED.fullmatch(said)
    return where + (said if named and named[1] in source else type(error).__name__)


def _each(given: object) -> Sequence[Any]:
    if not isinstance(given, Sequence | ItemsView | Generator) or isinstance(given, str):
        raise TemplateRefusedError("a loop can only go through a list")
    found = list(islice(given, MOST_LOOP_ENTRIES + 1))
    if len(found) > MOST_LOOP_ENTRIES:
        raise TemplateRefusedError(f"a loop goes through more than {MOST_LOOP_ENTRIES} entries")
    return found


def _tojson(given: object) -> str:
    # What is undefined says so when it is made a text.
    return _bounded(json.dumps(given, ensure_ascii=False, default=str))


def _clip(given: str, longest: int) -> str:
    return given if len(given) <= longest else given[: longest - 1] + "…"


def _plain(given: str) -> str:
    return given.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}").replace(
        ">", "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
    )


def _join(given: Sequence[str], between: str = ", ") -> str:
    if sum(map(len, given)) + len(between) * len(given) > MOST_MADE_BYTES:
        raise TemplateRefusedError(f"makes more than {MOST_MADE_BYTES:,} bytes")
    return between.join(given)


def _bounded(text: str) -> str:
    if len(text) > MOST_MADE_BYTES:
        raise TemplateRefusedError(f"makes more than {MOST_MADE_BYTES:,} bytes")
    return text
