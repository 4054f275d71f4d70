"""Makes what was learnt and what was replayed comparable: a state's rows, but for what it told and where it reads."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from service.core.engine import Engine
from service.core.parsing import Reject
from service.core.schedule import next_tick
from service.documents import Batch, RecordPlace
from service.replay import PARTITION, Replay
from service.settings import Settings
from service.wiring import build_engine

Sections = dict[str, list[Any]]

EVERY: Final = timedelta(minutes=15)
_TOLD: Final = frozenset({"engine", "position", "watermark", "alert", "failing", "suppressed", "recent"})


def replayed(batches: Iterable[Batch]) -> Sections:
    """Return what a replay of documents in order of time leaves an engine with."""
    engine = build_engine(Settings())
    driver = Replay(
        engine,
        every=EVERY,
        on_scored=lambda scored: None,
        on_alerts=lambda alerts: None,
        on_reject=_refuse,
        on_read=lambda taken, total: None,
        order="time",
    )
    driver.run(batches)
    return _known(engine)


def brought_to_an_end(rows: Iterable[tuple[str, Any]]) -> Sections:
    """Return what a state that was taught becomes when nothing follows: its open hours close, as at a replay's end."""
    engine = build_engine(Settings())
    engine.load(rows)
    options = engine.options
    end = engine.watermark.time + options.lateness
    due, last = next_tick(end, EVERY), end + options.bucket + options.lateness + EVERY
    while due <= last:
        engine.idle(PARTITION, -1, due)
        engine.evaluate(due)
        due = next_tick(due, EVERY)
    return _known(engine)


def _known(engine: Engine) -> Sections:
    sections: Sections = {}
    for section, row in engine.dump():
        if section not in _TOLD:
            sections.setdefault(section, []).append(row)
    return sections


def _refuse(reject: Reject, place: RecordPlace) -> None:
    raise ValueError(f"{place}: {reject.reason}")
