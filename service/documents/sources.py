"""Which files are meant: names, folders, patterns and standard input, in an order that does not depend on the disk."""

import errno
import os
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple

STANDARD_INPUT = "-"


class FileSource(NamedTuple):
    """One file to read.

    Attributes
    ----------
    name
        As it is shown.
    path
        None for standard input.
    size
        Bytes; 0 if unknown.
    """

    name: str
    path: Path | None
    size: int


class Found(NamedTuple):
    """What the arguments came to: files, and folders in which there is none."""

    sources: list[FileSource]
    empty: list[str]


def find(arguments: Iterable[str]) -> Found:
    """Return the files that `arguments` name: files, folders with all that is below them, patterns, ``-``.

    Inside folders, names that begin with a dot are passed over, and links to folders are not followed.

    Raises
    ------
    OSError
        If something named is not there, or may not be read; `filename` says what.
    """
    sources: list[FileSource] = []
    empty: list[str] = []
    for argument in arguments:
        if argument == STANDARD_INPUT:
            sources.append(FileSource("standard input", None, 0))
            continue
        for name in _named(argument):
            if Path(name).is_dir():
                below = list(_below(name))
                sources += below
                empty += [] if below else [name]
            else:
                sources.append(_readable(name))
    return Found(sources, empty)


def _readable(name: str) -> FileSource:
    path = Path(name)
    if path.is_file():  # whoever writes to a pipe would take the first closing for the end
        path.open("rb").close()
    return FileSource(name, path, path.stat().st_size)


def _named(argument: str) -> list[str]:
    if has_magic(argument) and not Path(argument).exists():
        if names := sorted(glob(argument, recursive=True)):  # noqa: PTH207 - a pattern may be absolute or relative
            return names
        raise FileNotFoundError(errno.ENOENT, "No file is called like that", argument)
    return [argument]


def _below(folder: str) -> Iterator[FileSource]:
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file():
                yield FileSource(str(path), path, path.stat().st_size)


def _raise(error: OSError) -> None:
    raise error
