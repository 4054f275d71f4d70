"""Imagined attacks leave no trace: cells, alerts and the bytes of a snapshot are the same with them and without."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from models.detectors.registry import DETECTORS, build
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.shadow.shadows import Shadows
from tests.properties.streams import LATENESS, PARTITIONS, START, Hub, hubs

pytestmark = pytest.mark.slow

EVERY = timedelta(minutes=15)


class Life:
    """One engine's life, and all that can be seen of it."""

    def __init__(self, hub: Hub, attacks: int) -> None:
        self.engine = Engine(
            Options(lateness=LATENESS, thresholds=dict.fromkeys(DETECTORS, 20.0)), [build(name) for name in DETECTORS]
        )
        self.engine.shadows = Shadows(attacks)
        self.engine.expect(PARTITIONS)
        self.engine.begin(START - timedelta(days=1))
        self.seen: list[object] = []
        messages = [one for partition in hub.partitions.values() for one in partition]
        messages.sort(key=lambda one: (one[0].enqueued_time, one[0].partition, one[0].sequence_number))
        now = START
        while now < hub.end + timedelta(hours=3):
            while messages and messages[0][0].enqueued_time <= now:
                self.seen.append(self.engine.apply(*messages.pop(0)).scored)
            for name, partition in hub.partitions.items():
                if not partition or partition[-1][0].enqueued_time <= now:
                    self.seen.append(self.engine.idle(name, len(partition) - 1, now))
            self.seen.append(self.engine.evaluate(now).alerts)
            now += EVERY

    def snapshot(self) -> str:
        return "\n".join(json.dumps(row, sort_keys=True) for row in self.engine.dump())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs())
def test_with_shadow_attacks_everything_else_is_the_same(hub: Hub) -> None:
    without, with_them = Life(hub, 0), Life(hub, 5)
    assert with_them.engine.shadows.recall.of().imagined > 0
    assert without.engine.shadows.recall.of().imagined == 0
    assert with_them.seen == without.seen
    assert with_them.snapshot() == without.snapshot()
