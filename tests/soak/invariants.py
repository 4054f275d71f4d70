"""What must hold whatever happens: learnt once, told under one id each, nothing lost, back without anybody's help."""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from demo.receiver import Received
from tests.integration.service_process import clock
from tests.integration.undisturbed import Rows, Undisturbed, as_saved, learnt_in_the_end, restored
from tests.soak.world import BACK_WITHIN, LATENESS, Violation, World


class Told:
    """What the receiver was told, by id."""

    def __init__(self) -> None:
        self.contents: dict[str, frozenset[str]] = {}
        self.copies = 0
        self.grown = 0
        self.findings: frozenset[str] = frozenset()
        self.alerts: set[str] = set()
        self.stages: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        self._seen = 0

    def note(self, entries: list[Received]) -> None:
        """Note what has come since; raises `Violation` if an id was used twice, or a person would not have seen it."""
        for entry in entries:
            if entry.number <= self._seen:
                continue
            self._seen = entry.number
            if entry.problems:
                raise Violation(f"the receiver complains: {entry.problems}")
            if entry.shown and isinstance(entry.payload, dict):
                self._note(entry.payload)

    def _note(self, payload: dict[str, Any]) -> None:
        matter = _matter(payload)
        known = self.contents.setdefault(payload["id"], matter)
        if not known <= matter:
            raise Violation(f"two things told under the id {payload['id']}: {known} and {matter}")
        self.copies += 1
        self.grown += known != matter
        self.findings |= matter
        kind, stage = payload["type"].rsplit(".", 1)
        if kind == "unwonted.alert":
            self.alerts.add(payload["subject"])
        else:
            self.stages[payload["subject"]].append((payload["data"]["revision"], stage))


class Invariants:
    """Watches one world."""

    def __init__(self, world: World) -> None:
        self.told = Told()
        self.checks = 0
        self.left_open: list[str] = []
        self._world = world
        self._undisturbed: Undisturbed | None = None
        # The service forgets an alert some minutes after its window.
        self._findings: set[str] = set()
        self._revisions: dict[str, int] = {}

    def check_told(self) -> None:
        """Look at what the receiver has been told."""
        self.told.note(self._world.receiver.received)

    async def check_learnt(self) -> None:
        """Wait until the service has read what the hub holds now, and compare what it has learnt."""
        self.checks += 1
        await asyncio.to_thread(self._compare, await self._until_read(self._world.ends()))

    async def _until_read(self, ends: dict[str, int]) -> Rows:
        read: dict[str, int] = {}
        try:
            async with asyncio.timeout(BACK_WITHIN):
                while True:
                    await self._world.restart_if_ended()
                    rows = await self._world.newest()
                    read = {row["partition"]: row["sequence_number"] for section, row in rows if section == "position"}
                    least = {one: max(ends[one], self._position(one)) for one in ends}
                    if all(read.get(one, -1) >= least[one] for one in ends):
                        return rows
                    await clock.sleep(0.2)
        except TimeoutError:
            raise Violation(f"{BACK_WITHIN:.0f} s after the fault only {read} of {ends} is read and saved") from None

    def _position(self, partition: str) -> int:
        return -1 if self._undisturbed is None else self._undisturbed.position(partition)

    def _compare(self, rows: Rows) -> None:
        world = self._world
        world.note_life()
        service = restored(world.settings, rows)
        if self._undisturbed is None:
            self._undisturbed = Undisturbed(world.settings, service)
        until = {partition: position.sequence_number for partition, position in service.positions.items()}
        self._undisturbed.read(world.hub, until, world.set_aside)
        for row in (row for section, row in rows if section == "alert"):
            self._findings.update(row["told"])
            self._revisions[row["alert"]["id"]] = row["alert"]["revision"]
        expected = self._undisturbed.engine
        if service.records != expected.records:
            raise Violation(f"learnt from {service.records} records instead of {expected.records}")
        found, wanted = (learnt_in_the_end(world.settings, one) for one in (rows, as_saved(expected)))
        if found != wanted:
            differing = sorted(set(found) ^ set(wanted))
            raise Violation(f"learnt something else: {len(differing)} rows differ, such as {differing[:4]}")

    async def check_end(self) -> None:
        """With nothing more to come, wait until all has been judged and told; then look at everything."""
        world = self._world
        await self._until_settled()
        self.check_told()
        self.left_open = [one for one, stages in self.told.stages.items() if max(stages)[1] != "closed"]
        if self.left_open and not world.may_have_forgotten:
            raise Violation(f"gaps that were told were never closed: {self.left_open}")
        await world.stop()
        await asyncio.to_thread(self._compare, await world.newest())
        self.check_told()
        assert self._undisturbed is not None
        self._undisturbed.close()
        if lost := self._undisturbed.unusual - self._findings:
            raise Violation(f"{len(lost)} of {len(self._undisturbed.unusual)} unusual findings were never told: {lost}")
        if lost := {one for one in self._undisturbed.unusual if one not in self.told.findings}:
            raise Violation(f"{len(lost)} unusual findings were never delivered: {lost}")
        revisions = {f"{alert}.{one}" for alert, newest in self._revisions.items() for one in range(1, newest + 1)}
        if lost := revisions - self.told.contents.keys():
            raise Violation(f"{len(lost)} of {len(revisions)} revisions of alerts were never delivered: {lost}")

    async def _until_settled(self) -> None:
        ends = self._world.ends()
        newest = max(self._world.hub.messages(partition)[-1].enqueued_time for partition in ends)
        pending: dict[str, Any] = {}
        try:
            async with asyncio.timeout(4 * BACK_WITHIN):
                while True:
                    rows = dict(await self._until_read(ends))
                    watermark = rows["engine"]["watermark"]["floor"]
                    pending = {
                        "judged until": watermark,
                        "outbox": {sink: len(queue["rows"]) for sink, queue in rows["outbox"]["queues"].items()},
                        "gaps": rows["coverage"]["gaps"]["open"],
                    }
                    if not pending["gaps"] and not any(pending["outbox"].values()) and _is_closed(watermark, newest):
                        return
                    await clock.sleep(0.5)
        except TimeoutError:
            raise Violation(f"nothing more comes, and it does not come to rest: {pending}") from None


def _matter(payload: dict[str, Any]) -> frozenset[str]:
    """Return what is told: of an alert which findings, of a coverage gap what it is and where it stands.

    What was told and not saved, or saved in what was damaged, is decided again: under the same id there may then be
    more findings, as the operators' page says, never less; other numbers, and when it was decided, may differ.
    """
    data = payload["data"]
    if "evidences" in data:
        return frozenset(one["uid"] for one in data["evidences"])
    return frozenset([f"{data['kind']} {payload['type']} since {data['since']}"])


def _is_closed(watermark: str, newest: datetime) -> bool:
    return datetime.fromisoformat(watermark) > newest + timedelta(seconds=LATENESS)
