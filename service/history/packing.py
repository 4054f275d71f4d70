"""Values as JSON that zstd has compressed, and back without loss: hours, alerts, notices and suppressed findings.

Tuples are written as lists without the names of their fields, which is a tenth of the time; a field is therefore only
ever added at the end, with a default, and any other change makes another version of the schema. Records, which are most
of what an hour holds, are kept of what was unusual alone: nothing shows or learns those of an ordinary hour again.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from pydantic import BaseModel

from models.detectors import Anomaly, Judgement
from models.stream import ActorBucket, Cell
from service.core.alerting import SuppressedFinding
from service.core.engine import ClosedBucket
from service.history.values import CellScore, Hour, PackedBucket, PackedHour

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RECORDS_KEPT_FROM: Final = 40.0
"""The score from which an hour keeps its records; whoever looks into records looks at such hours."""

_T = TypeVar("_T", bound=BaseModel)
_R = TypeVar("_R")
_NOTHING = (0.0, "")
_SAMPLE = Cell._fields.index("sample")


class ToldFinding(msgspec.Struct, frozen=True):
    """A finding as far as lists and searches look into it; see `service.core.alerting.Finding`."""

    detector: str
    score: float
    bucket_start: datetime
    action_name: str
    actor_id: str = ""
    actor_name: str = ""
    addresses: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    correlations: tuple[str, ...] = ()


class ToldAlert(msgspec.Struct, frozen=True):
    """An alert with as much of its findings: read in a fifth of the time that all of it takes."""

    id: str
    actor_id: str
    window_start: datetime
    findings: tuple[ToldFinding, ...]


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


class _Done(msgspec.Struct, array_like=True):
    """The beginning of a packed hour; the rest is passed over."""

    seen: ActorBucket


class _Packed(NamedTuple):
    seen: ActorBucket
    scores: tuple[CellScore, ...]
    said: tuple[_Said, ...] = ()
    exclusions: Mapping[str, Mapping[str, bool]] = {}


# One for all: to make one takes longer than what it does here. It locks itself. Level 1 takes twice as long for a
# fifth less.
_compress = zstd.ZstdCompressor(level=-1).compress
_encode = msgspec.json.Encoder().encode
_hour = msgspec.json.Decoder(_Packed, strict=False).decode
_done = msgspec.json.Decoder(_Done, strict=False).decode
_told = msgspec.json.Decoder(ToldAlert, strict=False).decode
_peaks = msgspec.json.Decoder(dict[str, tuple[float, str]]).decode
_suppressed = msgspec.json.Decoder(SuppressedFinding, strict=False).decode


def pack_bucket(closed: ClosedBucket) -> PackedBucket:
    """Pack what was said of everybody in a bucket."""
    hours = [(one.seen.actor, len(one.seen.cells), pack_hour(one)) for one in closed.judgements]
    return PackedBucket(closed.judgements[0].seen.bucket, closed.records, hours)


def pack_hour(judgement: Judgement) -> PackedHour:
    """Pack what was said of an identity's bucket."""
    seen = judgement.seen
    best: dict[str, tuple[float, str]] = {}
    telling = _weigh(best, judgement.anomalies)
    kept_back = _weigh(best, judgement.suppressed) if judgement.suppressed else ()
    scores = [best.get(cell.action, _NOTHING) for cell in seen.cells]
    action, (score, detector) = seen.cells[0].action, _NOTHING
    for name, (highest, by) in best.items():
        if (highest, name) > (score, action) or not detector:
            action, score, detector = name, highest, by
    # Plain tuples are written as the named ones, and made in half the time.
    if telling or kept_back or score >= RECORDS_KEPT_FROM:
        data = pack((seen, scores, _said(seen, telling, kept_back), judgement.exclusions))
    else:
        cells = [(*cell[:_SAMPLE], (), cell.late) for cell in seen.cells]
        data = pack(((seen.actor, seen.bucket, cells), scores, (), judgement.exclusions))
    peaks = pack_peaks(telling) if score >= RECORDS_KEPT_FROM else ""
    return PackedHour(data, seen.cells[0].late, score, detector, text(action), peaks)


def _weigh(best: dict[str, tuple[float, str]], opinions: Mapping[str, Sequence[Anomaly]]) -> list[Anomaly]:
    """Note the highest score of each action with its detector; returns those opinions that say why."""
    telling = []
    for found in opinions.values():
        for one in found:
            action, score = one.cell.action, one.score
            known = best.get(action)
            if known is None or score > known[0]:
                best[action] = (score, one.detector)
            if one.why:
                telling.append(one)
    return telling


def _said(seen: ActorBucket, telling: Sequence[Anomaly], kept_back: Sequence[Anomaly]) -> list[_Said]:
    place = {cell.action: number for number, cell in enumerate(seen.cells)}
    return [
        _Said(
            one.detector,
            place[one.cell.action],
            one.score,
            one.surprise,
            one.why,
            one.evidence,
            one.alone,
            one.sensitivity,
            suppressed,
        )
        for suppressed, opinions in ((False, telling), (True, kept_back))
        for one in opinions
    ]


def pack_peaks(telling: Sequence[Anomaly]) -> str:
    """Return the highest score of each detector with the operation that has it, in JSON; empty if nobody said why."""
    highest: dict[str, tuple[float, str]] = {}
    for one in telling:
        if one.score > highest.get(one.detector, _NOTHING)[0]:
            highest[one.detector] = (one.score, text(one.cell.action_name))
    return _encode(highest).decode() if highest else ""


def unpack_peaks(packed: str) -> dict[str, tuple[float, str]]:
    """Return what `pack_peaks` packed.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    return _peaks(packed)


def peaks_of(document: bytes) -> str:
    """Return the peaks of an hour that was written before they were kept beside it; empty if it is damaged."""
    try:
        return pack_peaks(unpack_hour(document, 0, late=False).anomalies)
    except ValueError:
        return ""


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


def unpack_seen(data: bytes) -> ActorBucket:
    """Return what was done in an hour, without what was thought of it.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    return _unpacked(data, _done).seen


def pack(value: Any) -> bytes:
    """Pack anything that JSON can say; what is no text in any encoding becomes a question mark."""
    try:
        plain = _encode(value)
    except UnicodeEncodeError:
        plain = _encode(_readable(msgspec.to_builtins(value)))
    return _compress(plain, zstd.ZstdCompressor.FLUSH_FRAME)


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


def unpack_told(data: bytes) -> ToldAlert:
    """Return what lists need of an alert that `pack_model` packed.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    return _unpacked(data, _told)


def unpack_suppressed(data: bytes) -> SuppressedFinding:
    """Return a suppressed finding.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    return _unpacked(data, _suppressed)


def squeezed(data: bytes) -> bytes:
    """Return bytes as zstd has compressed them."""
    return _compress(data, zstd.ZstdCompressor.FLUSH_FRAME)


def unsqueezed(data: bytes) -> bytes:
    """Return what was compressed.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    return _unpacked(data, bytes)


def _unpacked(data: bytes, decode: Callable[[bytes], _R]) -> _R:
    frame = zstd.ZstdDecompressor()  # what is packed is one frame: to look for more takes longer than to unpack it
    try:
        plain = frame.decompress(data)
    except zstd.ZstdError as error:
        raise ValueError(f"damaged: {error}") from None
    if not frame.eof:
        raise ValueError("damaged: it is cut off")
    return decode(plain)


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
