"""However far reading lags behind the clock, whatever it dies of: each unusual cell is told in the end.

Ticks go on by the clock while messages are read late or in bursts; nothing says that a tick has seen all that the
hub held. Alerts may then be split otherwise, but nothing may be missing.
"""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.core.alerting.alerts import Alert
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from tests.fakes.detector import FirstTime
from tests.properties.streams import LATENESS, PARTITIONS, START, TICK, Hub, hubs

DAY = timedelta(days=1)
Script = list[tuple[str, int]]


def engine() -> Engine:
    options = Options(lateness=LATENESS, group_failures_from=2)
    made = Engine(options, [FirstTime(), FirstTime("rare_failure")])
    made.expect(PARTITIONS)
    made.begin(START - DAY)
    return made


class Reader:
    """Reads a hub at its own pace, and notes what was found and what was told."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.engine = engine()
        self.snapshot = list(self.engine.dump())
        self.now = START
        self.unusual: set[str] = set()
        self.told: set[str] = set()

    def read(self, partition: str, most: int) -> None:
        position = self.engine.positions.get(partition)
        first = 0 if position is None else position.sequence_number + 1
        for message, events in self.hub.partitions[partition][first : first + most]:
            self.now = max(self.now, message.enqueued_time)
            for anomaly in self.engine.apply(message, events).scored:
                if self.engine.unusual(anomaly):
                    self.unusual.add(anomaly.id)

    def tick(self, hours: int) -> None:
        self.now += TICK + timedelta(hours=hours)
        self.hear(self.engine.evaluate(self.now).alerts)

    def hear(self, alerts: Sequence[Alert]) -> None:
        self.told |= {finding.id for alert in alerts for finding in alert.findings}

    def finish(self) -> None:
        for partition in PARTITIONS:
            self.read(partition, 1_000)
        self.now = max(self.now, self.hub.end) + DAY
        for partition in PARTITIONS:
            for anomaly in self.engine.idle(partition, len(self.hub.partitions[partition]) - 1, self.now):
                if self.engine.unusual(anomaly):
                    self.unusual.add(anomaly.id)
        self.tick(0)


steps = st.lists(
    st.tuples(st.sampled_from(["read", "read", "tick", "snapshot", "crash"]), st.integers(0, 20)), max_size=30
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), steps)
def test_a_lagging_consumer_tells_every_settled_unusual_cell_in_the_end(
    hub: Hub, script: list[tuple[str, int]]
) -> None:
    reader = Reader(hub)
    for step, choice in script:
        if step == "read":
            reader.read(PARTITIONS[choice % len(PARTITIONS)], 1 + choice // len(PARTITIONS))
        elif step == "tick":
            reader.tick(choice)
        elif step == "snapshot":
            reader.snapshot = list(reader.engine.dump())
        else:
            reader.engine = engine()
            reader.engine.load(reader.snapshot)
    reader.finish()
    assert reader.unusual <= reader.told
