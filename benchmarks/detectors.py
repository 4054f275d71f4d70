"""What a record costs with the five detectors that there were first, and with all that there are now, in one run.

Both are measured in turn, round after round, so that what else the machine does disturbs both alike; of each the
quickest round counts. Records are the simulated tenant's own, parsed before; an evaluation looks back every quarter of
an hour of their time, as a replay does. Prints what it measured and asserts nothing.

    python benchmarks/detectors.py [--identities 400] [--days 14] [--rounds 5]
"""

import argparse
import gc
import json
import time
from collections.abc import Sequence
from datetime import timedelta

from demo.tenant import Tenant, TenantPlan
from models.stream import ActivityEvent
from service.core.messages import Message
from service.core.parsing import ActivityLogParser
from service.settings import Settings, load
from service.wiring import build_engine

FIRST_FIVE = ("rare_action", "rare_failure", "failure_spike", "new_network", "dormant")
A_MESSAGE = 30
EVERY = timedelta(minutes=15)


def messages(identities: int, days: int) -> list[Message]:
    """Return a tenant's records in messages of one partition."""
    # Without what Azure adds: records that are left out cost less than those that are measured.
    plan = TenantPlan(seed=3, identities=identities, days=days, campaigns=0, policies=0.0)
    arrivals = list(Tenant(plan).records())
    made: list[Message] = []
    for start in range(0, len(arrivals), A_MESSAGE):
        group = arrivals[start : start + A_MESSAGE]
        body = json.dumps({"records": [arrival.record for arrival in group]}).encode()
        made.append(Message("0", len(made), str(len(made)), group[-1].arrives_at, body))
    return made


def with_detectors(settings: Settings, names: Sequence[str]) -> Settings:
    """Return the settings with these detectors enabled and no others."""
    chosen = {name: one.model_copy(update={"enabled": name in names}) for name, one in settings.detectors.items()}
    return settings.model_copy(update={"detectors": chosen})


def seconds(settings: Settings, parsed: Sequence[tuple[Message, Sequence[ActivityEvent]]], *, evaluates: bool) -> float:
    """Return the processor seconds that an engine takes for all messages."""
    engine = build_engine(settings)
    engine.expect(["0"])
    due = parsed[0][0].enqueued_time
    engine.begin(due)
    gc.collect()
    began = time.process_time()
    for message, events in parsed:
        if evaluates and message.enqueued_time >= due:
            engine.evaluate(message.enqueued_time)
            due = message.enqueued_time + EVERY
        engine.apply(message, events)
    return time.process_time() - began


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, default=400)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    sent, parser_of_records = messages(options.identities, options.days), ActivityLogParser()
    parsed = [(message, parser_of_records.parse(message.body).events) for message in sent]
    records = sum(len(events) for _, events in parsed)
    began = time.process_time()
    for message in sent:
        parser_of_records.parse(message.body)
    parsing = (time.process_time() - began) / records * 1e6
    settings = load(None, {})
    before, now = with_detectors(settings, FIRST_FIVE), settings
    print(f"{records:,} records; parsing takes {parsing:.1f} us each beside what follows")
    print(f"{'':<34}{'first five':>12}{'all':>8}{'ratio':>8}{'with parsing':>14}")
    for name, evaluates in (("engine, reading only", False), ("engine, with evaluations", True)):
        rounds = [
            [seconds(one, parsed, evaluates=evaluates) / records * 1e6 for one in (before, now)]
            for _ in range(options.rounds)
        ]
        # Whatever else the machine does only ever adds.
        five, everything = (min(column) for column in zip(*rounds, strict=True))
        ratio, whole = everything / five, (everything + parsing) / (five + parsing)
        print(f"{name:<34}{five:>12.1f}{everything:>8.1f}{ratio:>8.2f}{whole:>14.2f}", flush=True)


if __name__ == "__main__":
    main()
