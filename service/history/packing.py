"""Values as compressed JSON, and back without loss: hours, alerts, notices and suppressed findings.

Tuples are written as lists without the names of their fields, which is a tenth of the time; a field is therefore only
ever added at the end, with a default, and any other change makes another version of the schema.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec
from pydantic import BaseModel

from models.detectors import Anomaly, Judgement
from models.stream import ActorBucket
from service.core.alerting import SuppressedFinding
from service.history.values import CellScore, Hour

_T = TypeVar("_T", bound=BaseModel)
_R = TypeVar("_R")
_LEVEL = 1  # a third larger than the best, at a fifth of the time
_NOTHING = CellScore(0.0, "")


class _Said(NamedTuple):
    """An anomaly without what its hour says anyway; its cell by its place."""

    detector: str
    cell: int
    score: float
    surprise: float
    why: str
    evidence: Mapping[str, Any]
    alone: float
    sensitivity: float
    suppressed: bool


class _Packed(NamedTuple):
    seen: ActorBucket
    scores: tuple[CellScore, ...]
    said: tuple[_Said, ...] = ()
    exclusions: Mapping[str, Mapping[str, bool]] = {}


_encode = msgspec.json.Encoder().encode
_hour = msgspec.json.Decoder(_Packed, strict=False).decode
_suppressed = msgspec.json.Decoder(SuppressedFinding, strict=False).decode


class PackedHour(NamedTuple):
    """An hour's document, and its cell with the highest score: that score, the detector, the action."""

    data: bytes
    late: bool
    score: float
    detector: str
    action: str


def pack_hour(judgement: Judgement) -> PackedHour:
    """Pack what was said of an identity's bucket."""
    cells = judgement.seen.cells
    place = {cell.action: number for number, cell in enumerate(cells)}
    scores = [_NOTHING] * len(cells)
    said: list[_Said] = []
    for suppressed, opinions in ((False, judgement.anomalies), (True, judgement.suppressed)):
        for found in opinions.values():
            for one in found:
                at = place[one.cell.action]
                if one.score > scores[at].score or not scores[at].detector:
                    scores[at] = CellScore(one.score, one.detector)
                if one.why:
                    said.append(_said(one, at, suppressed=suppressed))
    top = max(range(len(cells)), key=scores.__getitem__)
    packed = _Packed(judgement.seen, tuple(scores), tuple(said), judgement.exclusions)
    late = any(cell.late for cell in cells)
    return PackedHour(pack(packed), late, scores[top].score, scores[top].detector, text(cells[top].action))


def _said(one: Anomaly, at: int, *, suppressed: bool) -> _Said:
    return _Said(
        one.detector, at, one.score, one.surprise, one.why, one.evidence, one.alone, one.sensitivity, suppressed
    )


def unpack_hour(data: bytes, records: int, *, late: bool) -> Hour:
    """Return what was packed.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    packed = _unpacked(data, _hour)
    seen = packed.seen

    def opinions(*, suppressed: bool) -> tuple[Anomaly, ...]:
        return tuple(
            Anomaly(
                one.detector,
                seen.actor,
                seen.bucket,
                seen.cells[one.cell],
                one.score,
                one.surprise,
                one.why,
                one.evidence,
                one.alone,
                one.sensitivity,
            )
            for one in packed.said
            if one.suppressed is suppressed
        )

    return Hour(
        seen,
        records,
        late,
        packed.scores,
        opinions(suppressed=False),
        opinions(suppressed=True),
        {name: dict(actions) for name, actions in packed.exclusions.items()},
    )


def pack(value: Any) -> bytes:
    """Pack anything that JSON can say; what is no text in any encoding becomes a question mark."""
    try:
        plain = _encode(value)
    except UnicodeEncodeError:
        plain = _encode(_readable(msgspec.to_builtins(value)))
    return zlib.compress(plain, _LEVEL)


def pack_model(value: BaseModel) -> bytes:
    """Pack an alert or a notice."""
    return pack(value.model_dump(mode="python"))


def unpack_model(model: type[_T], data: bytes) -> _T:
    """Return what `pack_model` packed.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    return _unpacked(data, model.model_validate_json)


def unpack_suppressed(data: bytes) -> SuppressedFinding:
    """Return a suppressed finding.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    return _unpacked(data, _suppressed)


def _unpacked(data: bytes, decode: Callable[[bytes], _R]) -> _R:
    try:
        return decode(zlib.decompress(data))
    except zlib.error as error:
        raise ValueError(f"damaged: {error}") from None


def text(value: str) -> str:
    r"""Return a text as a database takes it: a lone surrogate has no UTF-8, and becomes a question mark.

    >>> text("x\ud800y")
    'x?y'
    """
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _readable(value: Any) -> Any:
    match value:
        case str():
            return text(value)
        case dict():
            return {text(key): _readable(one) for key, one in value.items()}
        case list() | tuple():
            return [_readable(one) for one in value]
        case _:
            return value
