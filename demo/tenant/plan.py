"""How large, how long, how noisy and how attacked a simulated tenant is: every knob, and nothing else."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class TenantPlan:
    """A tenant's dimensions; equal plans make equal bytes.

    Parameters
    ----------
    seed
        Root of all randomness.
    identities
        Number of identities of all kinds together, at least 20.
    days
        Simulated days, at least 1.
    start
        First moment, aware UTC; a Monday at midnight by default.
    campaigns
        Number of attacks to plant.
    campaigns_from, campaigns_until
        First and last day (0-based, inclusive) on which a campaign may begin; by default everything after the first
        two fifths, so that there is something to learn from.
    activity
        Factor on everybody's number of sessions and runs.
    novelty
        Factor on how often people do what they never did: long tail, new projects, curiosity.
    drift
        Factor on how quickly people's usual operations change: new habits, new teams, roll-outs.
    failures
        Factor on ordinary failures.
    newcomers
        Share of people who begin after the start.
    outages, maintenance
        Service outages, and maintenance windows of several administrators, per 30 days.
    duplicates
        Share of subscriptions exported by two diagnostic settings.
    policies
        Factor on what Azure's services write beside what others do: evaluations of writes by policies, several a write;
        roll-outs of policies; activations of privileged roles; backups. At 1 that is about two fifths of all
        records; 0 leaves it out, and changes no other record.
    automation
        Share of applications and managed identities among the identities; None for the usual 38 %.
    partitions
        Partitions of the hub; messages fall on them at random, because Azure Monitor sends no key.
    delay
        Factor on the time that records need to arrive; 1 means mostly 3 to 20 minutes.
    """

    seed: int = 7
    identities: int = 100
    days: int = 28
    start: datetime = datetime(2026, 1, 5, tzinfo=UTC)
    campaigns: int = 8
    campaigns_from: int | None = None
    campaigns_until: int | None = None
    activity: float = 1.0
    novelty: float = 1.0
    drift: float = 1.0
    failures: float = 1.0
    newcomers: float = 0.12
    outages: float = 3.0
    maintenance: float = 3.0
    duplicates: float = 0.1
    policies: float = 1.0
    automation: float | None = None
    partitions: int = 4
    delay: float = 1.0

    def __post_init__(self) -> None:
        if self.identities < 20 or self.days < 1 or self.campaigns < 0:
            raise ValueError("a tenant needs 20 identities, a day, and no negative number of campaigns")
        if self.start.utcoffset() != timedelta(0):
            raise ValueError("start must be aware UTC")
        if self.campaigns and not 0 <= self.first_campaign_day <= self.last_campaign_day < self.days:
            raise ValueError("campaigns must begin within the simulated days")
        if self.automation is not None and not 0.0 <= self.automation <= 1.0:
            raise ValueError("automation must be a share")
        if self.policies < 0:
            raise ValueError("policies must not be negative")

    @property
    def first_campaign_day(self) -> int:
        """First day on which a campaign may begin."""
        return self.days * 2 // 5 if self.campaigns_from is None else self.campaigns_from

    @property
    def last_campaign_day(self) -> int:
        """Last day on which a campaign may begin."""
        return self.days - 1 if self.campaigns_until is None else self.campaigns_until

    @property
    def end(self) -> datetime:
        """The moment after the last simulated day."""
        return self.start + timedelta(days=self.days)
