"""A single process's snapshot as those of a driver and its shards, and back: the same rows, elsewhere.

What the population knows is in every shard; everything else is in one place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from service.core.engine import rows_by_section
from service.shards.routing import shard_of
from service.shards.shard import OtherShard

StateRows = Iterable[tuple[str, Any]]
_COUNTS = {"evicted", "evicted_values"}
_TABLES = ("head", "operation", "cell", "unfinished", "closed")


def split_state(rows: StateRows, shards: int) -> tuple[list[tuple[str, Any]], list[list[tuple[str, Any]]]]:
    """Part the rows of a snapshot: return the driver's, and each shard's.

    Parameters
    ----------
    rows
        Plain ones, as an engine dumps them.
    shards
        How many there are to be.
    """
    driver: list[tuple[str, Any]] = [("driver", {"shards": shards})]
    parts: list[list[tuple[str, Any]]] = [[("shard", {"number": number, "of": shards})] for number in range(shards)]
    owners: dict[str, str] = {}
    for section, row in rows:
        word, _, of = section.partition(" ")
        if word == "population":
            for part in parts:
                part.append((section, row))
        elif word == "identities":
            for part, own in zip(parts, _shared_out(row, shards), strict=True):
                part.extend((section, one) for one in own)
        elif word == "bucket":
            for part, own in zip(parts, _of_buckets(of, row, shards, owners), strict=True):
                part.extend((section, one) for one in own)
        else:
            driver.append((section, row))
    return driver, parts


def _shared_out(row: Any, shards: int) -> list[list[Any]]:
    """Return what each shard gets of a row of identities: counts are the first one's, an identity one's."""
    if row.keys() == {"part", "row"}:
        return [[{**row, "row": own} for own in several] for several in _shared_out(row["row"], shards)]
    if row.keys() == _COUNTS:
        return [[row if number == 0 else dict.fromkeys(row, 0)] for number in range(shards)]
    return _only(row, shard_of(row["id"], shards), shards)


def _of_buckets(table: str, row: Any, shards: int, owners: dict[str, str]) -> list[list[Any]]:
    match table:
        case "head":
            return [[{**row, "evicted": row["evicted"] if number == 0 else 0}] for number in range(shards)]
        case "operation":
            owners[row["key"]] = row["first"]["actor"]["id"]
            return _only(row, shard_of(owners[row["key"]], shards), shards)
        case "unfinished":
            # One that has ended since may stand there still: its key begins with its identity.
            of_shard: list[list[str]] = [[] for _ in range(shards)]
            for key in row["operations"]:
                of_shard[shard_of(owners.get(key, key.partition("\x1f")[0]), shards)].append(key)
            return [[{**row, "operations": keys}] for keys in of_shard]
        case _:
            return _only(row, shard_of(row["actor"], shards), shards)


def _only(row: Any, shard: int, shards: int) -> list[list[Any]]:
    return [[row] if number == shard else [] for number in range(shards)]


def merge_states(driver: StateRows, parts: Sequence[StateRows]) -> Iterator[tuple[str, Any]]:
    """Yield the rows of one snapshot; rows of identities and cells stand shard after shard.

    An engine that has loaded them dumps them in order.

    Raises
    ------
    OtherShard
        When they are not all of the shards that the driver has.
    """
    sections = [rows_by_section(part) for part in parts]
    told = list(driver)
    _check(told, sections)
    first = ("engine", "position")
    yield from (one for one in told if one[0] in first)
    names = dict.fromkeys(name for part in sections for name in part)
    learnt = [name for word in ("population ", "identities ") for name in names if name.startswith(word)]
    for name in [*(f"bucket {table}" for table in _TABLES), *learnt]:
        of_shards = [part.get(name, []) for part in sections]
        if name.startswith("population "):
            yield from ((name, row) for row in of_shards[0])
        elif name.startswith("identities "):
            yield from ((name, row) for row in _identities(of_shards))
        elif name == "bucket head":
            yield name, {**of_shards[0][0], "evicted": sum(row["evicted"] for rows in of_shards for row in rows)}
        elif name == "bucket unfinished":
            yield from ((name, row) for row in _unfinished(of_shards))
        else:
            yield from ((name, row) for rows in of_shards for row in rows)
    yield from (one for one in told if one[0] not in {*first, "driver"})


def _check(driver: Sequence[tuple[str, Any]], shards: Sequence[Mapping[str, list[Any]]]) -> None:
    of = next((row["shards"] for section, row in driver if section == "driver"), 0)
    found = [row for part in shards for row in part.get("shard", [])]
    for number in range(of):
        if {"number": number, "of": of} not in found:
            raise OtherShard(f"shard {number} of {of} is missing")
    if len(found) != of:
        raise OtherShard(f"there are {len(found)} shards where the driver has {of}")


def _identities(of_shards: Sequence[Sequence[Any]]) -> Iterator[Any]:
    """Yield the rows of each part of a detector, counts first."""
    parts: dict[str | None, list[Any]] = {}
    for row in (row for rows in of_shards for row in rows):
        part, inner = (row["part"], row["row"]) if row.keys() == {"part", "row"} else (None, row)
        parts.setdefault(part, []).append(inner)
    for part, rows in parts.items():
        counts = [row for row in rows if row.keys() == _COUNTS]
        summed = [{name: sum(row[name] for row in counts) for name in counts[0]}] if counts else []
        for row in (*summed, *(row for row in rows if row.keys() != _COUNTS)):
            yield row if part is None else {"part": part, "row": row}


def _unfinished(of_shards: Sequence[Sequence[Any]]) -> Iterator[Any]:
    keys: dict[int, list[str]] = {}
    for row in (row for rows in of_shards for row in rows):
        keys.setdefault(row["bucket"], []).extend(row["operations"])
    yield from ({"bucket": bucket, "operations": sorted(several)} for bucket, several in sorted(keys.items()))
