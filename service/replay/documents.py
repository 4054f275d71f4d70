"""Parts a file into documents: a line each, or one that stands on many lines, as `az monitor activity-log list` prints.

Knows where a record ends and nothing of what is in it; a file is never held as a whole.
"""

import re
from collections.abc import Iterable, Iterator

LARGEST = 16 << 20
"""Bytes after which what has no end is passed on as it is; a record has a megabyte at most."""

_HEADER = re.compile(rb"""(?i)\s*(?:\[|\{\s*"(?:records|value)"\s*:\s*\[)\s*""")
_BEGINS = re.compile(rb"""(?i)[\[{]|\[\s*\{|\{\s*"(?:records|value)"\s*:\s*\[?""")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_HEADER_LINES = 3
_CLOSING = b" \t\r\n,]}"


def documents(lines: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield what is one document each: every line, or of a file that begins in the middle of one, its records.

    Examples
    --------
    >>> list(documents([b'{"a": 1}\n', b'{"a": 2}\n']))
    [b'{"a": 1}\n', b'{"a": 2}\n']
    >>> list(documents([b"[\n", b"  {\n", b'    "a": 1\n', b"  },\n", b'  {"a": 2}\n', b"]\n"]))
    [b'  {\n    "a": 1\n  }', b'  {"a": 2}']
    """
    source = iter(lines)
    for line in source:
        if _BEGINS.fullmatch(line.strip()):
            yield from _records(line, source)
        else:
            yield line
            if line.strip():
                break
    yield from source


def _records(line: bytes, following: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = depth = 0
    enveloped = False
    if line.lstrip().startswith(b"["):
        line = line.replace(b"[", b" ", 1)
    while line:
        if held or line.strip(_CLOSING):
            held.append(line)
            size += len(line)
            depth += _opened(line)
        whole = b"".join(held) if depth <= 0 or len(held) <= _HEADER_LINES or size > LARGEST else b""
        if _HEADER.fullmatch(whole):
            held, size, depth, enveloped = [], 0, 0, True
        elif whole and (depth <= 0 or size > LARGEST):
            if not enveloped or whole.lstrip().startswith((b"{", b"[")):  # an envelope has other members, too
                yield whole.rstrip(b" \t\r\n,")
            held, size, depth = [], 0, 0
        line = next(following, b"")
    if held:
        yield b"".join(held)


def _opened(line: bytes) -> int:
    bare = _STRING.sub(b"", line)
    return bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")
