"""The tenant itself: everybody's calls, day by day, made into records that arrive late, twice, in any partition."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import log
from random import Random
from typing import NamedTuple

import msgspec

from demo.tenant.additions import Additions
from demo.tenant.background import background
from demo.tenant.calls import DAY, HOUR, MINUTE, Call
from demo.tenant.campaigns import Adversary, Campaign
from demo.tenant.identities import Directory, Identity
from demo.tenant.machines import Routine
from demo.tenant.occasions import Occasions
from demo.tenant.people import Person, group_name
from demo.tenant.plan import TenantPlan
from demo.tenant.records import Draft, Record, Recorder

_encode = msgspec.json.Encoder().encode


class Arrival(NamedTuple):
    """One record, when the hub took it (aware UTC), and on which partition.

    Records share their claims: read them, do not change them.
    """

    arrives_at: datetime
    partition: str
    record: Record


class Message(NamedTuple):
    """What one Event Hubs message carries: up to 30 records of people and machines, and what services add to them."""

    enqueued_time: datetime
    partition: str
    records: list[Record]


class Tenant:
    """A simulated tenant; equal plans give equal records, however often they are asked for.

    Parameters
    ----------
    plan
        Its dimensions.
    planted
        What else happens in it, whoever does it: strangers as well. It is drawn apart, and changes nothing about the
        rest.

    Attributes
    ----------
    identities
        Everybody who acts.
    campaigns
        What was planted: the ground truth.

    Examples
    --------
    >>> tenant = Tenant(TenantPlan(seed=1, identities=20, days=2, campaigns=1))
    >>> arrival = next(tenant.records())
    >>> arrival.record["time"] < arrival.arrives_at.isoformat()
    True
    """

    def __init__(self, plan: TenantPlan, planted: Iterable[Call] = ()) -> None:
        self.plan = plan
        self._planted: defaultdict[int, list[Call]] = defaultdict(list)
        for call in sorted(planted, key=lambda call: (call.time, call.who.index)):
            self._planted[call.time // DAY].append(call)
        self._directory = Directory(plan)
        self.tenant_id = self._directory.tenant_id
        self.identities: tuple[Identity, ...] = self._directory.identities
        self.campaigns: tuple[Campaign, ...] = Adversary(plan, self._directory).campaigns()

    def records(self) -> Iterator[Arrival]:
        """Yield every record in order of arrival."""
        for message in self._messages():
            for record in message.records:
                yield Arrival(message.enqueued_time, message.partition, record)

    def messages(self) -> Iterator[tuple[datetime, str, bytes]]:
        """Yield every message in order of arrival: enqueued time, partition, body."""
        for message in self._messages():
            yield message.enqueued_time, message.partition, _encode({"records": message.records})

    def calls(self) -> Iterator[Call]:
        """Yield what its own identities do, attacks of the plan included, in order of time within each day."""
        recorder = Recorder(self.plan.start, self._directory, Random(f"{self.plan.seed}/recorder"))
        for _, calls, _ in self._days(recorder, Additions(self.plan, self._directory, recorder)):
            yield from calls

    def _messages(self) -> Iterator[Message]:
        plan = self.plan
        rng = Random(f"{plan.seed}/messages")
        recorder = Recorder(plan.start, self._directory, Random(f"{plan.seed}/recorder"))
        added = Additions(plan, self._directory, recorder)
        batch: list[Record] = []
        attached: list[Record] = []
        opened = last = 0
        limit = 1
        for arrives, item in self._arrivals(recorder, added):
            if batch and (len(batch) >= limit or arrives - opened > MINUTE):
                yield self._message(last, rng, batch + attached + added.until(last))
                batch, attached = [], []
            if not batch:
                opened, limit = arrives, min(30, 1 + int(rng.expovariate(1 / 12)))
            if isinstance(item, Draft):
                record = recorder.render(item)
                attached += added.policies.evaluations(item, record)
            else:
                record = item
            batch.append(record)
            last = arrives
        while rest := batch + attached + added.until(last):
            yield self._message(last, rng, rest)
            batch, attached, last = [], [], added.latest

    def _message(self, arrives: int, rng: Random, batch: list[Record]) -> Message:
        enqueued = self.plan.start + timedelta(milliseconds=-(-arrives // 1000))
        return Message(enqueued, str(rng.randrange(self.plan.partitions)), batch)

    def _arrivals(self, recorder: Recorder, added: Additions) -> Iterator[tuple[int, Draft | Record]]:
        """Merge the days: a day's late records wait until nothing earlier can come any more."""
        plan = self.plan
        rng = Random(f"{plan.seed}/arrivals")
        waiting: list[tuple[int, int, Draft | Record]] = []
        number = 0
        exported_twice = [
            Random(f"{plan.seed}/twice/{i}").random() for i in range(len(self._directory.subscriptions) + 1)
        ]
        for day, calls, others in self._days(recorder, added):
            for call in calls:
                delay = self._delay(rng)
                twice = exported_twice[call.subscription] < plan.duplicates
                for draft in recorder.drafts(call):
                    waiting.append((draft.time + delay + int(rng.random() * 20_000_000), number, draft))
                    number += 1
                    # Two settings export it, or, rarely, the pipeline delivers it twice.
                    if twice or rng.random() < 0.002:
                        waiting.append((draft.time + self._delay(rng), number, draft))
                        number += 1
            for time, record in others:
                waiting.append((time + self._delay(rng), number, record))
                number += 1
            for call in self._planted.get(day, ()):
                apart = Random(f"{plan.seed}/planted/{call.who.index}/{call.time}/{call.what.action}")
                delay = self._delay(apart)
                for draft in recorder.drafts(call, apart):
                    waiting.append((draft.time + delay + int(apart.random() * 20_000_000), number, draft))
                    number += 1
                    if exported_twice[call.subscription] < plan.duplicates:
                        waiting.append((draft.time + self._delay(apart), number, draft))
                        number += 1
            waiting.sort(key=lambda entry: entry[:2])
            # Working days of the far east begin before midnight UTC.
            horizon = (day + 1) * DAY - 12 * HOUR if day + 1 < plan.days else waiting[-1][0] + 1 if waiting else 0
            ripe = 0
            while ripe < len(waiting) and waiting[ripe][0] < horizon:
                yield waiting[ripe][0], waiting[ripe][2]
                ripe += 1
            del waiting[:ripe]

    def _delay(self, rng: Random) -> int:
        minutes = 2.5 + rng.lognormvariate(log(4.0), 0.65)
        if rng.random() < 0.015:
            minutes += rng.expovariate(1 / 45)
        return int(minutes * MINUTE * self.plan.delay)

    def _days(self, recorder: Recorder, added: Additions) -> Iterator[tuple[int, list[Call], list[tuple[int, Record]]]]:
        """Yield each day's calls in order of time, and its records without a caller."""
        plan, directory = self.plan, self._directory
        persons = [Person(who, plan, directory) for who in self.identities if who.person]
        machines = [(who, Routine(who, plan)) for who in self.identities if not who.person]
        occasions = Occasions(plan, persons)
        planted: dict[int, list[Call]] = {}
        for campaign in self.campaigns:
            for call in campaign.calls:
                planted.setdefault(call.time // DAY, []).append(call)
        rng = Random(f"{plan.seed}/days")
        end = plan.days * DAY
        for day in range(plan.days):
            weekday = (plan.start + timedelta(days=day)).weekday()
            calls = [call for person in persons if person.who.first_day <= day for call in person.day(day, weekday)]
            for who, routine in machines:
                if who.first_day <= day:
                    calls += self._run(day, weekday, who, routine, rng)
            calls += occasions.day(day)
            calls = [_suffer(call, occasions, rng) for call in calls if 0 <= call.time < end]
            added.pass_day(day, sorted(calls, key=lambda call: (call.time, call.who.index)))
            calls += planted.get(day, [])
            calls.sort(key=lambda call: (call.time, call.who.index))
            yield day, calls, background(day, directory, recorder, occasions.outages, rng)

    def _run(self, day: int, weekday: int, who: Identity, routine: Routine, rng: Random) -> list[Call]:
        calls = []
        for run in routine.day(weekday):
            subscription = rng.choice(who.subscriptions)
            group = group_name(rng, subscription)
            address = rng.choice(who.networks)
            for begin, entry in run.steps:
                failure = run.failure
                if not failure and rng.random() < 0.012 * self.plan.failures:
                    failure = rng.choice(("Conflict", "Conflict", "NotFound", "TooManyRequests", "BadRequest"))
                calls.append(Call(day * DAY + begin, who, entry, failure, subscription, group, address))
        return calls


def _suffer(call: Call, occasions: Occasions, rng: Random) -> Call:
    """Let a call fail that meets an outage of its service."""
    for outage in occasions.outages:
        if (
            outage.begins <= call.time < outage.ends
            and outage.service == call.what.service
            and not call.failure
            and rng.random() < outage.share
        ):
            return call._replace(failure=rng.choice(("ServiceUnavailable", "InternalServerError", "Conflict")))
    return call
