"""The whole state of the service as one value: messages and instants in, alerts out."""

from service.core.engine.admission import admit
from service.core.engine.closing import anomalies_in, suppressed_in
from service.core.engine.consequences import Acquittal, Compliance, Consequence
from service.core.engine.coordinator import Coordinator
from service.core.engine.engine import Engine
from service.core.engine.inspection import Explanation, Imagined, UnknownActor, explain, find_actor, imagine, inspect
from service.core.engine.judging import BucketJudge
from service.core.engine.preview import Previewed, preview_steps
from service.core.engine.relearning import Forgotten, SeenBucket, with_learnt_of
from service.core.engine.rulings import Rulings
from service.core.engine.state_rows import (
    OtherBuckets,
    dump_closed,
    dump_learnt,
    dump_open,
    dump_people,
    dump_progress,
    dump_told,
    load_rows,
    rows_by_section,
    without_positions,
)
from service.core.engine.values import Applied, ClosedBucket, Evaluation, Options

__all__ = [
    "Acquittal",
    "Applied",
    "BucketJudge",
    "ClosedBucket",
    "Compliance",
    "Consequence",
    "Coordinator",
    "Engine",
    "Evaluation",
    "Explanation",
    "Forgotten",
    "Imagined",
    "Options",
    "OtherBuckets",
    "Previewed",
    "Rulings",
    "SeenBucket",
    "UnknownActor",
    "admit",
    "anomalies_in",
    "dump_closed",
    "dump_learnt",
    "dump_open",
    "dump_people",
    "dump_progress",
    "dump_told",
    "explain",
    "find_actor",
    "imagine",
    "inspect",
    "load_rows",
    "preview_steps",
    "rows_by_section",
    "suppressed_in",
    "with_learnt_of",
    "without_positions",
]
