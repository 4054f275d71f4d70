"""What a person needs to know of an alert, in the order in which they ask: who, what, where, when, why, what to do.

Everything in an `AlertContent` is clean text or a link of our own making; how it looks is each sink's business.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import chain, zip_longest
from typing import NamedTuple
from urllib.parse import quote

from models.stream import ActorKind
from service.core.alerting import Alert, AlertKind, Finding
from service.sinks.content.resources import Touched, listed_resources, resources_of, touched
from service.sinks.content.wording import clean, counted, iso, listed, moment, ordinal, plain_action

# Longest texts, in bytes of UTF-8.
_NAME = 120
_LINE = 300
_QUERY = 2_000
"""Characters of a query in an address, of which browsers and cards want no very long ones."""
RESOURCE = 260
SENTENCE = 600
ADVICE = 240
ALIKE = 3  # findings shown when many do, or suffer, the same
SHOWN = 8  # identities named of many
MANY = "Each of them is in the dead letter, if there is one; unwonted outbox list shows them."
OUTAGE = (
    "Is it the service, or what they may do? Look at Azure Service Health, and at recent changes of roles, policies "
    "and locks in that scope."
)

ROLLOUT = (
    "Who rolls this out, and does anybody know of it? Then look at each name on the list: whose does not belong there, "
    "and who did more than this?"
)
JOINED = (
    "Treat them as one intruder until somebody knows better: who was first, and what has each of them got by now? "
    "Each has an alert of its own with all that it did."
)
_FIRST = {
    AlertKind.FAILURES: OUTAGE,
    AlertKind.ROLLOUT: ROLLOUT,
    AlertKind.CAMPAIGN: JOINED,
    AlertKind.DIGEST: MANY,
}
"""The first step where it is about many."""
_SAME = frozenset({AlertKind.FAILURES, AlertKind.ROLLOUT})
"""Where many do, or suffer, the same."""
_SEVERAL = _SAME | {AlertKind.CAMPAIGN}
"""What is about several identities."""


class Fact(NamedTuple):
    """One line: what is being said, and what is so."""

    label: str
    text: str


class Link(NamedTuple):
    """Somewhere to go on reading; the address is percent-encoded throughout."""

    label: str
    url: str


class Links(NamedTuple):
    """Which links an alert carries.

    Attributes
    ----------
    portal
        Whether to link to the Azure portal's activity log and logs.
    workspace
        Resource id of the Log Analytics workspace that the query should open in; empty lets the reader choose.
    portal_host
        Host of the portal, which sovereign clouds have of their own.
    runbook_url
        Where the team writes down what to do; may hold ``{detector}``. Empty for none.
    console
        Where people reach the console, without a slash at its end. Empty for nowhere.
    """

    portal: bool = True
    workspace: str = ""
    runbook_url: str = ""
    portal_host: str = "portal.azure.com"
    console: str = ""


ALL_LINKS = Links()


class AlertContent(NamedTuple):
    """An alert as text.

    Attributes
    ----------
    heading
        Severity, score, who and what: enough to decide whether it needs attention now.
    who
        Name, kind, id and owner.
    name
        Name, kind and owner alone.
    incident
        Which alert of which incident it is; empty if it is the first.
    what, why
        What was done, and why that is told, in a line each: of the most surprising finding.
    touched
        What it was done to.
    findings
        For each finding its facts, most surprising first; at most as many as were asked for.
    hidden
        How many findings are left out, those included that the alert itself does not hold.
    checks
        What to check next, first things first.
    mitre
        ATT&CK tactics and techniques.
    decisions
        Into the console: the alert, what it was found to be, what is to be suppressed. None of them changes anything
        before somebody says so there.
    links
        The incident, portal, query, runbook.
    reference
        Alert id and revision, for collapsing repeats and for talking about it.
    """

    heading: str
    who: Fact
    name: str
    incident: str
    what: str
    why: str
    touched: Touched
    findings: tuple[tuple[Fact, ...], ...]
    hidden: int
    checks: tuple[str, ...]
    mitre: str
    decisions: tuple[Link, ...]
    links: tuple[Link, ...]
    reference: str

    @property
    def first_screen(self) -> tuple[Fact, ...]:
        """What has to be read before anything else, but for what it was done to."""
        facts = (Fact("Who", self.name), *self._part_of, Fact("What", self.what), Fact("Why", self.why))
        return tuple(fact for fact in facts if fact.text)

    @property
    def subject(self) -> tuple[Fact, ...]:
        """Whom or what it is about, and what it is a part of."""
        return (self.who, *self._part_of)

    @property
    def _part_of(self) -> tuple[Fact, ...]:
        return (Fact("Incident", self.incident),) if self.incident else ()

    @property
    def all_links(self) -> tuple[Link, ...]:
        """Those into the console, then the others."""
        return (*self.decisions, *self.links)


def alert_content(alert: Alert, links: Links, *, findings: int = 5) -> AlertContent:
    """Tell `alert` with at most `findings` of its findings in full."""
    # What many do, or suffer, is the same for all of them: few show it.
    shown = alert.findings[: min(findings, ALIKE) if alert.kind in _SAME else findings]
    first = _FIRST.get(alert.kind, "")
    # The first step of each finding before the second of any: what was done first is not all that was done.
    steps = [first, *chain.from_iterable(zip_longest(*(f.response for f in shown), fillvalue=""))]
    return AlertContent(
        heading=heading(alert),
        who=_who(alert),
        name=_who(alert).text if alert.identity_count else _name_and_kind(alert),
        incident=f"{ordinal(alert.incident_place)} alert of incident {alert.incident}" if alert.incident else "",
        what=_operations(alert) if alert.kind is AlertKind.IDENTITY else clean(_what(alert), _LINE),
        why=clean(alert.findings[0].why, _LINE),
        touched=listed_resources(resources_of(alert), most=ALIKE),
        findings=tuple(_facts(finding, whose=alert.identity_count > 0) for finding in shown),
        hidden=alert.finding_count - len(shown),
        checks=tuple(clean(step, ADVICE) for step in _distinct(steps)[:5]),
        mitre=listed(_distinct(tag for f in alert.findings for tag in f.mitre), most=8, limit=30),
        decisions=tuple(_decisions(alert, links)),
        links=tuple(_links(alert, links)),
        reference=reference(alert),
    )


def heading(alert: Alert) -> str:
    """Return one line: how bad, who, what; an update says so."""
    update = " (update)" if alert.revision > 1 else ""
    how_bad = f"{alert.severity.value.capitalize()} {alert.score:.0f}{update}"
    many = counted(alert.identity_count, "identity", "identities")
    match alert.kind:
        case AlertKind.IDENTITY:
            return f"{how_bad}: {clean(_name(alert), 60)}: {_what(alert)}"
        case AlertKind.FAILURES:
            return f"{how_bad}: {many}: {_what(alert)}"
        case AlertKind.ROLLOUT | AlertKind.CAMPAIGN:
            return f"{how_bad}: {many} {_what(alert)}"
        case AlertKind.DIGEST:
            return f"{how_bad}: and {counted(alert.identity_count, 'more alert')}, {_what(alert)}"


def others(alerts: Sequence[Alert]) -> str:
    """Return how many more a message tells of: identities, unless something that many do is among them."""
    if any(alert.kind in _SEVERAL for alert in alerts):
        return counted(len(alerts), "more alert")
    return counted(len(alerts), "more identity", "more identities")


def digest_title(alerts: Sequence[Alert]) -> str:
    """Return the title of a message that tells several alerts."""
    if any(alert.kind in _SEVERAL for alert in alerts):
        return counted(len(alerts), "alert") + " of what does not usually happen"
    return counted(len(alerts), "identity does", "identities do") + " what they usually do not"


def reference(alert: Alert) -> str:
    """Return the alert's id and, when it is not the first word on the matter, which word it is."""
    return f"Alert {alert.id}" + (f", update {alert.revision - 1}" if alert.revision > 1 else "")


def kql(alert: Alert) -> str:
    """Return a query for Log Analytics that finds the records behind the first findings of `alert`."""
    correlations = _distinct(c for finding in alert.findings for c in finding.correlations)[:10]
    start, end = _span(alert)
    lines = ["AzureActivity", f"| where TimeGenerated between (datetime({start}) .. datetime({end}))"]
    if correlations and alert.kind not in _SAME:  # a campaign's are its identities' own
        lines.append(f"| where CorrelationId in~ ({', '.join(_kql_string(c) for c in correlations)})")
    else:
        taken_up = [name.casefold() for name in alert.rollout]
        actions = _distinct([*taken_up, *(finding.action for finding in alert.findings)])[:10]
        lines.append(f"| where OperationNameValue in~ ({', '.join(_kql_string(a) for a in actions)})")
        if alert.kind is AlertKind.IDENTITY:
            lines.append(f"| where Caller =~ {_kql_string(alert.actor_name)}")
    return "\n".join([*lines, "| sort by TimeGenerated asc"])


def _what(alert: Alert) -> str:
    """Return what happened, in words that follow whoever it is about."""
    match alert.kind:
        case AlertKind.IDENTITY:
            return _activities(alert)
        case AlertKind.FAILURES:
            return f"unusual failures of {clean(plain_action(alert.operation), 80)}"
        case AlertKind.ROLLOUT:
            beside = len(alert.rollout) - 1
            more = f" and {counted(beside, 'more operation')}" if beside else ""
            return f"take up {clean(plain_action(alert.rollout[0]), 80)}{more}"
        case AlertKind.CAMPAIGN:
            return f"joined by {_joined(alert, most=1)}"
        case AlertKind.DIGEST:
            return "too many to be told one by one"


def _activities(alert: Alert) -> str:
    """Return what somebody did, how much more, on how many things, and for how long."""
    # What goes on is told as it was first and as it was last, and one operation may surprise several detectors.
    actions = len({one.action for one in alert.findings}) + (alert.omitted if alert.days == 1 else 0)
    more = f" and {actions - 1:,} more" if actions > 1 else ""
    things = f" on {on}" if (on := touched(alert)) else ""
    goes_on = f", on {alert.days} days so far" if alert.days > 1 else ""
    return f"{clean(plain_action(alert.findings[0].action_name), 80)}{more}{things}{goes_on}"


def _operations(alert: Alert) -> str:
    """Return the first few operations in words."""
    names = _distinct({one.action: plain_action(one.action_name) for one in alert.findings}.values())
    return listed(names, most=ALIKE, limit=80)


def _name_and_kind(alert: Alert) -> str:
    kind = [] if alert.actor_kind is ActorKind.UNKNOWN else [_kind(alert.actor_kind)]
    return f"{_name(alert)} ({about})" if (about := ", ".join([*kind, *_owner(alert)])) else _name(alert)


def _owner(alert: Alert) -> list[str]:
    return [f"owner {clean(alert.owner, _NAME)}"] if alert.owner else []


def _name(alert: Alert) -> str:
    return clean(alert.actor_name, _NAME) or "unknown identity"


def _who(alert: Alert) -> Fact:
    if not alert.identity_count:
        about = [_kind(alert.actor_kind), f"id {clean(alert.actor_id, _NAME)}", *_owner(alert)]
        return Fact("Who", f"{_name(alert)} ({', '.join(about)})")
    shown = [clean(name, 64) or "unknown identity" for name in alert.identities[:SHOWN]]
    more = [f"{alert.identity_count - len(shown):,} more"] if alert.identity_count > len(shown) else []
    many = counted(alert.identity_count, *(("identity", "identities") if alert.kind in _SEVERAL else ("alert",)))
    *named, last = [*shown, *more]
    who = f"{many}: {', '.join(named)} and {last}" if named else f"{many}: {last}"
    return Fact("Who", f"{who}; joined by {_joined(alert, most=3)}" if alert.joined_by else who)


def _joined(alert: Alert, *, most: int) -> str:
    more = len(alert.joined_by) - most
    shown = "; by ".join(clean(one, RESOURCE) for one in alert.joined_by[:most])
    return f"{shown}; and by {more} more" if more > 0 else shown


def _kind(kind: str) -> str:
    return kind.replace("_", " ")


def _facts(finding: Finding, *, whose: bool) -> tuple[Fact, ...]:
    tries = [counted(finding.attempts, "attempt") + ("" if finding.settled else " so far")]
    if finding.failures:
        tries.append(f"{finding.failures:,} failed")
    if finding.denials:
        tries.append(f"{finding.denials:,} denied")
    if finding.late:
        tries.append("arrived late")
    evidence = [
        ", ".join(tries),
        ("result " + listed(finding.results, most=3, limit=60)) if finding.results else "",
        ("subscription " + listed(finding.scopes, most=2, limit=80, keep_end=True)) if finding.scopes else "",
        ("correlation " + listed(finding.correlations, most=3, limit=64)) if finding.correlations else "",
    ]
    action = clean(finding.action_name, _NAME, keep_end=True)
    plain = clean(plain_action(finding.action_name), _NAME)
    facts = [
        Fact("For", f"{clean(finding.actor_name, _NAME)} ({_kind(finding.actor_kind)})" if whose else ""),
        Fact("What", action if plain == action else f"{plain} ({action})"),
        Fact("On", listed(finding.resources, most=2, limit=RESOURCE, keep_end=True)),
        Fact("When", moment(finding.time)),
        Fact("From", listed(finding.addresses, most=3, limit=64)),
        Fact("Why", clean(finding.why, SENTENCE)),
        Fact("Otherwise", clean(str(finding.evidence.get("counterfactual", "")), SENTENCE)),
        Fact("Score", f"{finding.score:.0f} of 100, {finding.severity.value} ({clean(finding.title, 80)})"),
        Fact("Evidence", "; ".join(part for part in evidence if part)),
    ]
    return tuple(fact for fact in facts if fact.text)


def _links(alert: Alert, links: Links) -> Iterable[Link]:
    start, end = _span(alert)
    if links.console and alert.incident:
        yield Link("Incident", f"{_console(links)}/incidents/{quote(alert.incident, safe='')}")
    if links.portal:
        correlations = [] if alert.kind in _SAME else [c for finding in alert.findings for c in finding.correlations]
        scopes = _distinct(s.rpartition("/")[2] for finding in alert.findings for s in finding.scopes if s)[:5]
        query = {
            "searchString": clean(next(iter(correlations), ""), 64),
            "timeSpan": "3",
            "startTime": start,
            "endTime": end,
            "subscriptions": [clean(scope, 64) for scope in scopes],
        }
        inputs = quote(json.dumps({"query": query}, separators=(",", ":")), safe="")
        portal = f"https://{links.portal_host}/#blade/Microsoft_Azure_ActivityLog/ActivityLogBlade/queryInputs/"
        yield Link("Activity log", portal + inputs)
        scope = quote(links.workspace or "/", safe="")
        logs = f"https://{links.portal_host}/#blade/Microsoft_Azure_Monitoring_Logs/LogsBlade/resourceId/{scope}"
        if query_text := short_query(alert):
            yield Link("KQL query", f"{logs}/source/LogsBlade.AnalyticsShareLinkToQuery/query/{query_text}")
    if links.runbook_url:
        detector = quote(alert.findings[0].detector, safe="")
        yield Link("Runbook", quote(links.runbook_url.replace("{detector}", detector), safe="/:?#[]@!$&'()*+,;=%~"))


def _console(links: Links) -> str:
    return quote(links.console, safe=":/[]%")


def _decisions(alert: Alert, links: Links) -> Iterable[Link]:
    if links.console and alert.kind is not AlertKind.DIGEST:
        page = f"{_console(links)}/alerts/{quote(alert.id, safe='')}"
        yield Link("Open in console", page)
        yield Link("Fine: learn it", f"{page}?verdict=benign#verdict")
        yield Link("Suppress…", f"{page}/suppress")


def short_query(alert: Alert) -> str:
    """Return `kql` percent-encoded, of fewer findings if need be; nothing if even that is too long for an address."""
    for findings in (len(alert.findings), 1):
        said = quote(kql(alert.model_copy(update={"findings": alert.findings[:findings]})), safe="")
        if len(said) <= _QUERY:
            return said
    return ""


def _span(alert: Alert) -> tuple[str, str]:
    # Records of one operation straddle the window's edges; an hour on either side shows them all.
    times = [finding.time for finding in alert.findings]
    start = min(alert.window_start, *times) - timedelta(hours=1)
    end = max(alert.window_end, *times) + timedelta(hours=1)
    return iso(start.replace(microsecond=0)), iso(end.replace(microsecond=0))


def _kql_string(text: str) -> str:
    return '"' + clean(text, 200).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
