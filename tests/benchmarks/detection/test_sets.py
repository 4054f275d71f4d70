"""Real logs become records that the service's own parser reads back, and swaps do what they say."""

from benchmarks.detection.sets import Event, inject, lines
from service.core.parsing.parser import ActivityLogParser


def events() -> list[Event]:
    return [
        Event(86_400.0 * day + 3_600.0 * hour, user, f"files/{user}/{hour}", False, f"192.0.2.{hour}", False)
        for day in range(30)
        for hour in range(1, 4)
        for user in ("ann", "ben", "nt authority\\system (sync)")
    ]


def test_records_say_what_the_events_said() -> None:
    failed = [event._replace(failed=event.user == "ben") for event in events()[:6]]
    parsed = ActivityLogParser().parse(b'{"records":[' + b",".join(lines(failed)) + b"]}")

    assert parsed.rejects == []
    assert [(one.time.timestamp(), one.actor.id, one.action, one.outcome.failed) for one in parsed.events] == [
        (event.time, event.actor, event.action, event.failed) for event in failed
    ]
    assert [str(one.actor.kind) for one in parsed.events[:3]] == ["human", "human", "service_principal"]


def test_swaps_change_actions_alone_and_name_each_change() -> None:
    before = events()
    after, steps = inject(before, seed=1, swaps=4)
    changed = {(new.actor, new.action, new.time) for old, new in zip(before, after, strict=True) if old != new}

    assert {step.campaign for step in steps} == {"swap-01", "swap-02", "swap-03", "swap-04"}
    assert {(step.actor, step.action, step.time) for step in steps} == changed
    assert [new._replace(action="", failed=False) for new in after] == [old._replace(action="") for old in before]
    assert inject(before, seed=1, swaps=4) == (after, steps)
    assert inject(before, seed=2, swaps=4)[1] != steps


def test_swaps_wait_until_the_victim_is_known() -> None:
    _, steps = inject(events(), seed=1, swaps=100)

    assert min(step.time for step in steps) >= 0.4 * 30 * 86_400
