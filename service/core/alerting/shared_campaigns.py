"""Identities that something joins: a network strange to each of them, a target, or a grant and what it was for.

A small graph of the last days, of what has been told. What a campaign's alert holds is made by the log (`alert_log`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from models.detectors import Anomaly
from models.stream import Bucket, fields
from service.core.alerting.alerts import Finding
from service.core.alerting.traces import Grant, grants, lets_in, strange_networks, targets
from service.core.validation import understood

CAMPAIGN_DAYS = timedelta(days=7)
GRANT_DAYS = timedelta(days=3)
MOST_TRACES = 5_000
"""Most traces that are remembered; the oldest go first."""


class Trace(NamedTuple):
    """That somebody touched what may join identities.

    Attributes
    ----------
    link
        What it is: ``network …``, ``target …``, ``grant to …``, ``grant on …``.
    since
        When they did so first.
    finding
        The most surprising thing that they did with it.
    opens
        Whether they made it: a grant joins nobody before somebody uses it.
    """

    link: str
    since: datetime
    finding: Finding
    opens: bool = False

    @property
    def actor(self) -> str:
        """Who."""
        return self.finding.actor_id


class SharedCampaign(NamedTuple):
    """Identities that are joined.

    Attributes
    ----------
    id
        Of its alert; as long as anything of it is remembered it stays the same, whoever joins.
    joined_by
        What joins them, in words, that which joined first first.
    names
        Of the identities, by id.
    findings
        What they did with that.
    begins, ends
        Of the aligned weeks that this lies in.
    """

    id: str
    joined_by: tuple[str, ...]
    names: Mapping[str, str]
    findings: tuple[Finding, ...]
    begins: datetime
    ends: datetime


class SharedCampaigns:
    """Remembers traces, and says who is joined by them."""

    def __init__(self) -> None:
        self._traces: dict[tuple[str, str], Trace] = {}
        self._ids: dict[str, str] = {}

    def note(self, told: Sequence[tuple[Anomaly, Finding]]) -> list[SharedCampaign]:
        """Add what an evaluation has newly told, in any order; return the campaigns that have a part in it."""
        touched: set[str] = set()
        for anomaly, finding in told:
            for link, opens in _touches(anomaly):
                touched.add(self._add(Trace(link, anomaly.bucket.start, finding, opens)))
        # Only now: what a grant was for may have been found before it.
        openings = [one for one in self._traces.values() if one.opens]
        for anomaly, finding in told:
            for opening in openings:
                after = opening.since <= anomaly.bucket.start <= opening.since + GRANT_DAYS
                if after and opening.actor != finding.actor_id and lets_in(_grant(opening.link), anomaly):
                    touched.add(self._add(Trace(opening.link, anomaly.bucket.start, finding)))
        self._keep_bound()
        found = [self._campaign(links) for links in self._joined() if not touched.isdisjoint(links)]
        return sorted(found, key=lambda one: one.id)

    def acquit(self, in_order: Callable[[Finding], bool]) -> None:
        """Forget who touched something when that was found to be in order: it joins nobody any more."""
        self._traces = {key: one for key, one in self._traces.items() if not in_order(one.finding)}

    def _add(self, trace: Trace) -> str:
        known = self._traces.get((trace.link, trace.actor), trace)
        best = max(known.finding, trace.finding, key=lambda one: (one.surprise, one.id))
        self._traces[trace.link, trace.actor] = Trace(
            trace.link, min(known.since, trace.since), best, known.opens or trace.opens
        )
        return trace.link

    def _keep_bound(self) -> None:
        excess = len(self._traces) - MOST_TRACES
        if excess > 0:
            for key in sorted(self._traces, key=lambda one: (self._traces[one].since, one))[:excess]:
                del self._traces[key]

    def _links(self) -> dict[str, list[Trace]]:
        """Return the traces of what several identities touched, in order of time."""
        by_link: dict[str, list[Trace]] = {}
        for trace in self._traces.values():
            by_link.setdefault(trace.link, []).append(trace)
        return {
            link: sorted(several, key=lambda one: (one.since, one.actor))
            for link, several in by_link.items()
            if len(several) > 1
            and not all(one.opens for one in several)
            # Who made a grant may be forgotten before those who used it.
            and (not link.startswith(_GRANT) or any(one.opens for one in several))
        }

    def _joined(self) -> list[dict[str, list[Trace]]]:
        """Return the connected parts of the graph: links with their traces."""
        parts: dict[str, dict[str, list[Trace]]] = {}  # by identity
        for link, traces in sorted(self._links().items()):
            whole = {link: traces}
            for trace in traces:
                whole |= parts.get(trace.actor, {})
            for several in whole.values():
                parts.update((trace.actor, whole) for trace in several)
        return list({id(part): part for part in parts.values()}.values())

    def _campaign(self, links: Mapping[str, list[Trace]]) -> SharedCampaign:
        # A link joins when its second identity comes; the first that did names the campaign, unless it has a name.
        order = sorted(links, key=lambda link: (links[link][1].since, link))
        traces = [trace for link in order for trace in links[link]]
        begins = Bucket.of(min(trace.since for trace in traces), CAMPAIGN_DAYS).start
        named = sorted({self._ids[link] for link in order if link in self._ids})
        key = named[0] if named else sha256(f"campaign\x1e{order[0]}\x1f{begins.isoformat()}".encode()).hexdigest()[:16]
        self._ids.update(dict.fromkeys(order, key))
        names: dict[str, str] = {}
        for trace in traces:
            names[trace.actor] = max(names.get(trace.actor, ""), trace.finding.actor_name)
        findings = {trace.finding.id: trace.finding for trace in traces}
        return SharedCampaign(
            key,
            tuple(_words(link, links[link]) for link in order),
            names,
            tuple(findings.values()),
            begins,
            Bucket.of(max(trace.since for trace in traces), CAMPAIGN_DAYS).end,
        )

    @property
    def known(self) -> frozenset[str]:
        """Ids of those of which anything is remembered."""
        return frozenset(self._ids.values())

    def expire(self, oldest: datetime) -> None:
        """Forget what was done more than a week before `oldest`."""
        self._traces = {key: one for key, one in self._traces.items() if one.since > oldest - CAMPAIGN_DAYS}
        links = {link for link, _ in self._traces}
        self._ids = {link: key for link, key in self._ids.items() if link in links}

    def dump(self) -> list[dict[str, Any]]:
        """Plain rows for a snapshot, one a trace."""
        return [
            {
                "link": trace.link,
                "campaign": self._ids.get(trace.link, ""),
                "since": trace.since.isoformat(),
                "opens": trace.opens,
                "finding": trace.finding.model_dump(mode="json"),
            }
            for _, trace in sorted(self._traces.items(), key=lambda one: one[0])
        ]

    def load(self, rows: Iterable[Any]) -> None:
        """Restore what `dump` gave.

        Raises
        ------
        UnexpectedRow
            If a row has other fields.
        """
        self._traces, self._ids = {}, {}
        for row in rows:
            link, key, since, opens, saved = fields("campaign", row, "link", "campaign", "since", "opens", "finding")
            with understood("campaign"):
                finding = Finding.model_validate(saved)
            self._traces[link, finding.actor_id] = Trace(link, datetime.fromisoformat(since), finding, opens)
            if key:
                self._ids[link] = key


_NETWORK, _TARGET, _GRANT = "network ", "target ", "grant "
_TO, _ON = f"{_GRANT}to ", f"{_GRANT}on "


def _touches(anomaly: Anomaly) -> Iterator[tuple[str, bool]]:
    """Yield the links that an anomaly touches by itself, and whether it makes them."""
    yield from ((f"{_NETWORK}{one}", False) for one in strange_networks(anomaly))
    yield from ((f"{_TARGET}{one}", False) for one in targets(anomaly))
    yield from ((f"{_TO}{one.name}" if one.name else f"{_ON}{one.scope}", True) for one in grants(anomaly))


def _grant(link: str) -> Grant:
    if link.startswith(_TO):
        return Grant("", link.removeprefix(_TO))
    return Grant(link.removeprefix(_ON), "")


def _words(link: str, traces: Sequence[Trace]) -> str:
    """Say what joins, in words."""
    kind, _, what = link.partition(" ")
    if kind == "network":
        return f"the network {what}, new to each of them"
    if kind == "target":
        return f"what they touched: {what}"
    opener = next(trace for trace in traces if trace.opens)
    user = next(trace for trace in traces if not trace.opens)
    grant = _grant(link)
    to_what = f"to {grant.name}" if grant.name else f"on {grant.scope}"
    return f"a way in that {opener.finding.actor_name} opened {to_what}, first used by {user.finding.actor_name}"
