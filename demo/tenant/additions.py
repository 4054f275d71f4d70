"""What Azure's services write beside everybody's own records, each until its time of arrival.

Whatever is here is drawn apart from the rest, and changes nothing about it.
"""

from heapq import heappop, heappush
from random import Random

from demo.tenant.calls import DAY, MINUTE, Call
from demo.tenant.identities import Directory
from demo.tenant.plan import TenantPlan
from demo.tenant.policies import Policies
from demo.tenant.records import Record, Recorder
from demo.tenant.services import Backups, PrivilegedIdentities


class Additions:
    """The records of policies, Privileged Identity Management and Backup, day by day; days must be passed in order.

    Parameters
    ----------
    plan, directory
        The tenant.
    recorder
        Writes times and records.

    Attributes
    ----------
    policies
        Evaluates the requests of everybody else.
    latest
        When the last record that is known so far arrives, in microseconds since the start.
    """

    def __init__(self, plan: TenantPlan, directory: Directory, recorder: Recorder) -> None:
        self.policies = Policies(plan, directory)
        self.latest = 0
        self._pim = PrivilegedIdentities(plan, directory, recorder)
        self._backups = Backups(plan, directory, recorder)
        self._recorder = recorder
        self._rng = Random(f"{plan.seed}/added")
        self._end = plan.days * DAY
        self._waiting: list[tuple[int, int, Record]] = []
        self._number = 0

    def pass_day(self, day: int, calls: list[Call]) -> None:
        """Draw a day's records; `calls` are its ordinary ones, in order of time."""
        for draft in self.policies.assign(day, calls):
            record = self._recorder.render(draft)
            self._wait(draft.time, record)
            for evaluation in self.policies.evaluations(draft, record):
                self._wait(draft.time, evaluation)
        for time, record in self._pim.day(calls) + self._backups.day(day):
            self._wait(time, record)

    def _wait(self, time: int, record: Record) -> None:
        if time >= self._end:
            return
        arrives = time + int(self._rng.uniform(2.5, 12.0) * MINUTE)
        self.latest = max(self.latest, arrives)
        self._number += 1
        heappush(self._waiting, (arrives, self._number, record))

    def until(self, arrives: int) -> list[Record]:
        """Take out what has arrived by then."""
        found = []
        while self._waiting and self._waiting[0][0] <= arrives:
            found.append(heappop(self._waiting)[2])
        return found
