"""Reads Markdown as the tests of the documentation need it: links, anchors, and the commands in fenced blocks."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*(\S*)[^\n]*\n(.*?)^ {0,3}\1[ \t]*$", re.MULTILINE | re.DOTALL)
HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?([^\n]*)\n.*?^\s*\1$", re.MULTILINE | re.DOTALL)
SHELLS = {"sh", "bash", "shell", "console"}
PROGRAMS = {
    "az",
    "curl",
    "docker",
    "git",
    "helm",
    "kubectl",
    "make",
    "pip",
    "promtool",
    "python",
    "terraform",
    "unwonted",
}
"""A block without a language is one of commands if it begins with one of these."""
SEPARATORS = re.compile(r"[|&;()]+")
WORDS = {"!", "do", "else", "if", "then", "time", "while"}
BUILTINS = {"cd", "do", "done", "echo", "exit", "export", "fi", "for", "mkdir", "set", "sleep", "true", "wait"}
FILTERS = {
    "awk",
    "cat",
    "cut",
    "df",
    "grep",
    "gzip",
    "head",
    "jq",
    "sed",
    "sort",
    "tail",
    "tee",
    "tr",
    "uniq",
    "wc",
    "zcat",
}
"""What everybody has, and what only shows what the others print."""
SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
REDIRECTION = re.compile(r"\d?[<>]{1,2}")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


class Command(NamedTuple):
    """One program as a page shows it.

    Attributes
    ----------
    page
        Path in the repository.
    words
        The program's name without its folder, then its arguments, as a shell would split them; redirections left out.
    alone
        Whether it is a line by itself rather than a part of a pipeline.
    """

    page: str
    words: tuple[str, ...]
    alone: bool

    def __str__(self) -> str:
        return shlex.join(self.words)


def pages() -> list[Path]:
    """Return every page that git knows, or would on the next `git add`."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def fences(text: str) -> list[tuple[str, str]]:
    """Return language and content of each fenced block."""
    return [(language, content) for _, language, content in FENCE.findall(text)]


def prose(text: str) -> str:
    """Return a page without its fenced blocks and inline code."""
    return re.sub(r"(`+)[^`\n].*?\1", "", FENCE.sub("", text))


def links(text: str) -> list[str]:
    """Return what a page's links and pictures lead to.

    >>> links("[a](b.md#c) ![d](e.svg 'f') `[g](h)`")
    ['b.md#c', 'e.svg']
    """
    return re.findall(r"\]\(([^)\s]+)[^)]*\)", prose(text))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page as GitHub makes them of its headings.

    >>> sorted(anchors("# The `first` one\\n## What? And, how\\n## What? And, how"))
    ['the-first-one', 'what-and-how', 'what-and-how-1']
    """
    found: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        slug = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    given = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    return given | {
        slug + (f"-{number}" if number else "") for slug, last in found.items() for number in range(last + 1)
    }


def commands(page: str, text: str) -> list[Command]:
    """Return the programs that a page's blocks of commands call.

    >>> block = "```sh\\nA=1 .venv/bin/unwonted replay - 2>x | jq . > y # sums up\\ncd x && make demo\\n```\\n"
    >>> [(str(command), command.alone) for command in commands("x.md", block)]
    [('unwonted replay -', False), ('make demo', False)]
    >>> [str(command) for command in commands("x.md", '```sh\\naz show --id "$(az id -n "$X")"\\n```\\n')]
    ["az id -n '$X'", "az show --id '…'"]
    """
    found = []
    for language, content in fences(text):
        for line in _lines(language, content):
            parts = list(_programs(line))
            alone = len(parts) == 1
            found += [Command(page, words, alone) for words in parts if words[0] not in BUILTINS | FILTERS]
    return found


def _lines(language: str, content: str) -> Iterator[str]:
    text, inner = HEREDOC.sub(r"\2", content).replace("\\\n", " "), list[str]()
    while found := SUBSTITUTION.search(text):
        inner.append(found[1].replace("\n", " "))
        text = text.replace(found[0], "…")
    lines = text.splitlines()
    first = [word for line in lines if line.strip() for word in line.split() if not ASSIGNMENT.match(word)][:1]
    if language == "console":
        yield from inner
        yield from (line[2:] for line in lines if line.startswith("$ "))
    elif language in SHELLS or (not language and first and first[0].rpartition("/")[2] in PROGRAMS):
        yield from inner
        yield from lines


def _programs(line: str) -> Iterator[tuple[str, ...]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    redirected = False
    for token in [*lexer, ";"]:
        if redirected or REDIRECTION.match(token):
            redirected = bool(REDIRECTION.fullmatch(token))
            continue
        if not SEPARATORS.fullmatch(token):
            words.append(token)
            continue
        while words and (words[0] in WORDS or ASSIGNMENT.match(words[0])):
            del words[0]
        if words:
            yield words[0].rpartition("/")[2], *words[1:]
        words = []
