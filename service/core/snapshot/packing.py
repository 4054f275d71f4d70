"""Rows of one shape by column: their names once, their values side by side, so that many are read and written fast.

A block has for each name a column. It is a list of values, or an object where that is shorter:

``{"same": value}``
    All have this one.
``{"rows": {name: column, …}}``
    Objects that have these names.
``{"names": […], "which": [[number, …], …], "values": [[…], …]}``
    Objects that have some of these names each, such as actions with their weights.
``{"words": […], "lists": [[number, …], …]}``
    Lists of strings of which there are few, such as networks.

Those of objects may have ``"null"``: the places, counted with them, at which there is none. What is unpacked are the
same rows in the same order, and their members too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, repeat
from operator import itemgetter
from sys import intern
from typing import Any

from msgspec import Raw, Struct, ValidationError
from msgspec.json import Decoder

from models.stream import RowsLater

MOST_TOGETHER = 10_000
"""Rows that a block may have: what all of them share takes no room, and could stand for any number."""


class Row(Struct, gc=False, eq=False):
    """A row that has its names in common with many others: a dictionary that is quick to make, and to read all of.

    >>> names = ("partition", "offset")
    >>> first, second = Row(names, ("0", "7")), Row(names, ("1", "9"))
    >>> second["offset"], dict(first), first == {"partition": "0", "offset": "7"}
    ('9', {'partition': '0', 'offset': '7'}, True)
    """

    names: tuple[str, ...]
    values_in_order: tuple[Any, ...]

    def __getitem__(self, name: str) -> Any:
        try:
            return self.values_in_order[self.names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        if type(other) is Row and self.names == other.names:
            return self.values_in_order == other.values_in_order
        return isinstance(other, Mapping) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment]  # equal by what it holds, so it is no key

    def keys(self) -> tuple[str, ...]:
        """Return the names."""
        return self.names

    def values(self) -> tuple[Any, ...]:
        """Return the values."""
        return self.values_in_order

    def items(self) -> Iterator[tuple[str, Any]]:
        """Return names with their values."""
        return zip(self.names, self.values_in_order, strict=True)


Mapping.register(Row)

_OBJECTS = {dict, Row}
_OBJECTS_OR_NONE = {dict, Row, type(None)}
_decode = Decoder().decode
_SCALARS = {bool, float, int, str, type(None)}


def pack_rows(rows: Sequence[Mapping[str, Any] | Row]) -> dict[str, Any]:
    """Return the columns of rows that have the same names in the same order.

    >>> pack_rows([{"id": "a", "done": {"web/read": 1.0}, "at": 3}, {"id": "b", "done": {"vault/purge": 0.5}, "at": 3}])
    ... # doctest: +NORMALIZE_WHITESPACE
    {'id': ['a', 'b'],
     'done': {'names': ['web/read', 'vault/purge'], 'which': [[0], [1]], 'values': [[1.0], [0.5]]},
     'at': {'same': 3}}
    """
    return {
        name: _packed(values)
        for name, values in zip(rows[0], zip(*(row.values() for row in rows), strict=True), strict=True)
    }


def unpack_rows(columns: Mapping[str, Any], number: int) -> list[Row]:
    """Return the `number` rows that `pack_rows` made columns of; names are interned.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError, AttributeError
        If that is not what these are.

    >>> [dict(row) for row in unpack_rows(pack_rows([{"id": "a", "at": 3}, {"id": "b", "at": 4}]), 2)]
    [{'id': 'a', 'at': 3}, {'id': 'b', 'at': 4}]
    """
    if not 0 <= number <= MOST_TOGETHER:
        raise ValueError(f"no rows at all, or more than {MOST_TOGETHER}, in a block")
    names = tuple(map(intern, columns))
    if all(type(column) is dict and "same" in column for column in columns.values()):
        return [Row(names, tuple(column["same"] for column in columns.values()))] * number
    values = zip(*(_unpacked(column, number) for column in columns.values()), strict=True)
    rows = list(map(Row, repeat(names), values))
    if len(rows) != number:
        raise ValueError(f"{len(rows)} rows where there should be {number}")
    return rows


class _Columns:
    """Columns of a block that are unpacked when they are asked for."""

    __slots__ = ("_number", "_raw")

    def __init__(self, raw: Mapping[str, Raw], number: int) -> None:
        self._raw = raw
        self._number = number

    def column(self, name: str) -> Sequence[Any]:
        """Return what all rows have in one field."""
        values = _unpacked(_decode(self._raw[name]), self._number)
        if len(values) != self._number:
            raise ValueError(f"{len(values)} rows where there should be {self._number}")
        return values

    def rows(self) -> list[Row]:
        """Return the rows."""
        return unpack_rows({name: _decode(column) for name, column in self._raw.items()}, self._number)


def _later(raw: Mapping[str, Raw], number: int) -> RowsLater:
    columns = _Columns(raw, number)
    return RowsLater(number, columns.column, columns.rows)


class _States(Struct, forbid_unknown_fields=True):
    """The columns of identities with their states."""

    id: Raw
    state: Raw

    def later(self, number: int) -> RowsLater:
        """Return what stands for all rows."""
        return _later({"id": self.id, "state": self.state}, number)


class _Same(Struct, forbid_unknown_fields=True):
    """A column in which all is the same."""

    same: str


class _Within(Struct, forbid_unknown_fields=True):
    """A column of objects with the same names."""

    rows: _States


class _OfPart(Struct, forbid_unknown_fields=True):
    """The columns of identities with their states, of one part of a detector."""

    part: _Same
    row: _Within


_decode_states = Decoder(tuple[str, int, _States]).decode
_decode_of_part = Decoder(tuple[str, int, _OfPart]).decode
_decode_columns = Decoder(tuple[str, int, dict[str, Raw]]).decode


def unpack_states_later(line: memoryview) -> tuple[str, int, Any]:
    """Return section, number, and what stands for all identities of a block, in a row with their part if they have one.

    Raises
    ------
    ValidationError
        If the block is of anything else.
    """
    try:
        section, number, states = _decode_states(line)
        return section, number, states.later(number)
    except ValidationError:
        section, number, of = _decode_of_part(line)
        return section, number, Row(("part", "row"), (of.part.same, of.row.rows.later(number)))


def unpack_columns_later(line: memoryview) -> tuple[str, int, RowsLater]:
    """Return section, number, and what stands for all rows of a block.

    Raises
    ------
    ValidationError
        If it is no block.
    """
    section, number, raw = _decode_columns(line)
    return section, number, _later(raw, number)


def plain(value: Any) -> Any:
    """Return a value with every `Row` in it as a dictionary."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def _packed(values: Sequence[Any]) -> Any:
    kinds = set(map(type, values))
    if kinds <= _OBJECTS:
        return _packed_objects(values)
    if kinds <= _OBJECTS_OR_NONE and len(kinds) > 1:
        packed = _packed_objects([value for value in values if value is not None])
        return {**packed, "null": [place for place, value in enumerate(values) if value is None]}
    if kinds == {list} and (lists := _packed_lists(values)) is not None:
        return lists
    first = values[0]
    if len(kinds) > 1 or type(first) not in _SCALARS or values.count(first) < len(values):
        return list(values)
    # Zero equals minus zero, and is another number.
    return {"same": first} if first != 0 or len(set(map(str, values))) == 1 else list(values)


def _packed_objects(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    all_names = list(map(tuple, values))
    if all_names.count(all_names[0]) == len(values):
        return {"rows": pack_rows(values)}
    numbers: dict[str, int] = {
        name: number for number, name in enumerate(dict.fromkeys(chain.from_iterable(all_names)))
    }
    which = [list(map(numbers.__getitem__, names)) for names in all_names]
    return {"names": list(numbers), "which": which, "values": [list(value.values()) for value in values]}


def _packed_lists(values: Sequence[list[Any]]) -> dict[str, Any] | None:
    """Return a column of lists of strings; None if others are among them, or that would not be shorter."""
    strings = list(chain.from_iterable(values))
    if set(map(type, strings)) != {str}:
        return None
    numbers = {word: number for number, word in enumerate(dict.fromkeys(strings))}
    if len(numbers) * 2 > len(strings):
        return None
    return {"words": list(numbers), "lists": [[numbers[word] for word in value] for value in values]}


def _unpacked(column: Any, number: int) -> Sequence[Any]:
    if type(column) is list:
        return column
    if "same" in column:
        return [column["same"]] * number
    if "words" in column:
        word_of = list(map(intern, column["words"])).__getitem__
        return [list(map(word_of, one)) for one in column["lists"]]
    places = column.get("null", ())
    values: list[Any]
    if "rows" in column:
        values = list(unpack_rows(column["rows"], number - len(places)))
    else:
        names = list(map(intern, column["names"]))
        if list(map(len, column["which"])) != list(map(len, column["values"])):
            raise ValueError("not as many values as names")
        name_of = names.__getitem__
        values = [
            Row(tuple(map(name_of, which)), tuple(members))
            for which, members in zip(column["which"], column["values"], strict=True)
        ]
    for place in places:
        values.insert(place, None)
    return values


def blocks(rows: Iterable[tuple[str, Any]], most: Callable[[str], int]) -> Iterator[tuple[str, list[Any]]]:
    """Yield rows of one section that come one after another and have the same names, at most so many together.

    Rows of a section that may not be packed (`most` says 0), and rows that are no objects, come alone.
    """
    for section, tagged in groupby(rows, itemgetter(0)):
        limit = most(section)
        names, block = None, list[Any]()
        for _, row in tagged:
            found = tuple(row) if limit and type(row) in _OBJECTS and row else None
            if block and (found is None or found != names or len(block) == limit):
                yield section, block
                block = []
            names = found
            block.append(row)
        if block:
            yield section, block
