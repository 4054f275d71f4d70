"""Trials on real logs of other systems: their events as records of an activity log, attacks injected by swapping.

A swap gives one user, for a short while, the actions of another real user; times and addresses stay the victim's.
The logs are not part of this repository: they are looked for in ``../shared/data/sets`` (or below UNWONTED_SHARED).
"""

import gzip
import os
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from benchmarks.detection.cells import Step, Trial, label
from benchmarks.detection.tenants import Outcome, baselines
from benchmarks.detection.unwonted import run
from service.settings import Settings

SHARED = Path(os.environ.get("UNWONTED_SHARED") or Path(__file__).parents[3] / "shared")
FOLDER = SHARED / "data" / "sets"
TENANT = "5e75e75e-0000-4000-8000-000000000000"
TRAINING = 0.4  # of all events
KNOWN_DAYS = 5  # that a victim must have been active before
PER_USER = 5
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"


class Source(NamedTuple):
    """One set: its file, what it is, whether its outcomes are known when things happen, how often to evaluate."""

    file: str
    about: str
    outcomes: bool = False
    every: timedelta = timedelta(hours=1)


SETS = {
    "o365": Source("o365_invictus_ual", "audit log of an Office 365 tenant", outcomes=True),
    "nasa": Source("hpc_nasa_ipsc_1993", "programs on a supercomputer"),
    "git": Source("git_wikimedia_ops_puppet", "operators changing an infrastructure's code", every=timedelta(hours=12)),
    "sea": Source("shell_schonlau_sea_half", "shell commands of 25 people, blocks of others spliced in"),
}


class Event(NamedTuple):
    """One event; `time` in seconds from the epoch, `masked` if it is somebody else's according to the set itself."""

    time: float
    user: str
    action: str
    failed: bool
    address: str
    masked: bool

    @property
    def actor(self) -> str:
        """The identity's key, as the parser makes it."""
        return f"{TENANT}/{object_id(self.user)}"


def object_id(user: str) -> str:
    """Return the GUID under which a user appears in the records."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, user))


def available(name: str) -> bool:
    """Whether the set is on this machine."""
    return (FOLDER / f"{SETS[name].file}.ndjson.gz").is_file()


def read(name: str) -> list[Event]:
    """Read a set in order of time.

    Actions get a service in front, as Azure's have one: the product that audits (Office 365), the top folder (git),
    or one for all.
    """
    source = SETS[name]
    decode = msgspec.json.decode
    events = []
    with gzip.open(FOLDER / f"{source.file}.ndjson.gz") as packed:
        for line in packed:
            row = decode(line)
            action = row["action"]
            if "/" not in action:
                action = f"{row['raw_category'] if name == 'o365' else 'program'}/{action}"
            failed = source.outcomes and row["outcome"] != "success"
            masked = bool(row.get("label"))
            events.append(
                Event(row["timestamp"], row["user"], action.strip().casefold(), failed, row["source_ip"], masked)
            )
    return sorted(events, key=lambda event: event.time)


def inject(events: Sequence[Event], seed: int, swaps: int) -> tuple[list[Event], list[Step]]:
    """Swap the actions of some users for a short while; return the new events, and the steps of the attacks.

    Victims are user-days of the last three fifths with at least two events, of users who were active on five days
    before; donors are any other users with enough events; 2 to 8 consecutive events change their action and outcome.
    Steps are only those whose cell the victim did not have anyway; a swap without any does not happen.
    """
    rng = Random(f"{seed}/swaps")
    own: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        own[event.user].append(event)
    there = {(event.user, event.action, int(event.time // 3600)) for event in events}
    users, taken = sorted(own), Counter[str]()
    changed, steps = list(events), list[Step]()
    victims = _victims(events)
    rng.shuffle(victims)
    for user, session in victims:
        if taken.total() == swaps:
            break
        length = min(len(session), rng.randint(2, 8))
        at = rng.randrange(len(session) - length + 1)
        giver = rng.choice(users)
        if taken[user] == PER_USER or giver == user or len(own[giver]) < length:
            continue
        begin = rng.randrange(len(own[giver]) - length + 1)
        swapped = {
            number: events[number]._replace(action=given.action, failed=given.failed)
            for number, given in zip(session[at : at + length], own[giver][begin : begin + length], strict=True)
        }
        name = f"swap-{taken.total() + 1:02d}"
        made = [
            Step(name, new.actor, new.action, new.time)
            for new in swapped.values()
            if (user, new.action, int(new.time // 3600)) not in there
        ]
        if made:
            steps += made
            taken[user] += 1
            for number, new in swapped.items():
                changed[number] = new
    return changed, steps


def _victims(events: Sequence[Event]) -> list[tuple[str, list[int]]]:
    """Return users and the numbers of their events of one day, for each day on which they may be attacked."""
    begins = events[int(len(events) * TRAINING)].time
    sessions: dict[tuple[str, int], list[int]] = {}
    days = Counter[str]()
    before: dict[tuple[str, int], int] = {}
    for number, event in enumerate(events):
        user_day = event.user, int(event.time // 86_400)
        if user_day not in sessions:
            sessions[user_day] = []
            before[user_day] = days[event.user]
            days[event.user] += 1
        sessions[user_day].append(number)
    return [
        (user_day[0], numbers)
        for user_day, numbers in sessions.items()
        if len(numbers) >= 2 and events[numbers[0]].time >= begins and before[user_day] >= KNOWN_DAYS
    ]


def lines(events: Iterable[Event]) -> Iterator[bytes]:
    """Yield each event as a record of an activity log; names without an address in them are applications."""
    encode = msgspec.json.Encoder().encode
    for number, event in enumerate(events):
        claims = {OBJECT_ID: object_id(event.user), "appid": object_id("an application")}
        if "\\" in event.user or " " in event.user:
            claims["idtyp"] = "app"
        else:
            claims[UPN] = event.user if "@" in event.user else f"{event.user}@example.com"
        yield encode(
            {
                "time": datetime.fromtimestamp(event.time, UTC).isoformat(timespec="microseconds"),
                "category": "Administrative",
                "operationName": event.action,
                "resultType": "Failure" if event.failed else "Success",
                "callerIpAddress": event.address,
                "correlationId": f"{number:08x}-0000-4000-8000-000000000000",
                "tenantId": TENANT,
                "identity": {"claims": claims},
            }
        )


def evaluate(name: str, settings: Settings, seed: int, swaps: int) -> Outcome:
    """Run one set with injected swaps through the service and the other methods; sea carries its own attacks."""
    events = read(name)
    if name == "sea":
        begins = (events[0].time // 86_400 + 50) * 86_400  # by convention the first 5,000 commands are one's own
        steps = [
            Step(f"{event.user}/{int(event.time // 86_400)}", event.actor, event.action, event.time)
            for event in events
            if event.masked
        ]
    else:
        begins = events[int(len(events) * TRAINING)].time
        events, steps = inject(events, seed, swaps)
    seen = run(lines(events), settings, SETS[name].every)
    first: dict[str, float] = {}
    for step in steps:
        first[step.campaign] = min(step.time, first.get(step.campaign, step.time))
    trial = Trial(
        cells=label(seen.cells, steps),
        campaigns=first,
        judged_from=int(begins // 3600),
        identities=len({event.user for event in events if event.time >= begins}),
        days=(events[-1].time - begins) / 86_400,
    )
    return Outcome(trial, seen.scores() + baselines(seen.cells), seen.records)
