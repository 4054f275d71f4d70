"""A notice in words: which span, which partitions, what it means for alerts, and what to check; for every sink alike.

In a notice of a coverage gap nothing was chosen by an outsider: partition names are the hub's own numbers, the rest is
ours. What is said of a verdict stands in `verdict_content`.
"""

from typing import NamedTuple

from service.core.notices import AnyNotice, GapKind, Notice
from service.core.verdicts import VerdictNotice
from service.sinks.content.alert_content import Fact
from service.sinks.content.verdict_content import verdict_heading, verdict_lines, verdict_reference
from service.sinks.content.wording import counted, listed, moment

_BEGUN = {
    GapKind.SILENT: "Blind: nothing has come from {where} since {since}",
    GapKind.BEHIND: "Behind: the log since {since} is being read late",
    GapKind.LATE: "Late: Azure delivers the log{whose} since {since} late",
    GapKind.LOST: "Lost: {lost} since {since}, never read",
}
_OVER = {
    GapKind.SILENT: "Whole again: nothing came from {where} from {since} to {until}",
    GapKind.BEHIND: "Whole again: the log from {since} to {until} was read late",
    GapKind.LATE: "On time again: Azure delivered the log{whose} from {since} to {until} late",
    GapKind.LOST: "Whole again, but for {lost} from {since} to {until}",
}
_MEANING = {
    GapKind.SILENT: "The hub sends neither messages nor word that it has none: until this is over, the absence of "
    "alerts does not mean that all is well.",
    GapKind.BEHIND: "The service was away, or more comes than it reads: what happens is judged long after it happened.",
    GapKind.LATE: "Events reach the hub long after they happened, so alerts for them come late, too.",
    GapKind.LOST: (
        "The hub dropped messages before they were read, or one had ended the service twice and was set aside: only "
        "Azure's own log has what was in them."
    ),
}
_MAY_COME = {
    GapKind.SILENT: "may still come, for as long as the hub keeps its messages",
    GapKind.BEHIND: "still come, as the span is read",
    GapKind.LATE: "still come, as the events arrive; what is older than the late horizon is only counted",
    GapKind.LOST: "will not come for what is lost",
}
_CHECK = {
    GapKind.SILENT: "Is the hub up? Has its network, its access or a diagnostic setting been changed, and by whom?",
    GapKind.BEHIND: "Was the service down? If not: is there a flood, and who causes it?",
    GapKind.LATE: "Does Azure Service Health know of delays of Azure Monitor?",
    GapKind.LOST: "Search the span in Azure's activity log; keep messages longer than the longest outage.",
}


_RECREATED = "an unknown number of messages, perhaps none: what the old hub held and was not read"
_RECREATED_MEANING = (
    "The hub was deleted and created again, and is now read from its beginning: only Azure's own log has what the old "
    "one held and was not read."
)
_RECREATED_CHECK = "Who deleted the hub, and why? Search the span in Azure's activity log."


class NoticeContent(NamedTuple):
    """A notice as text.

    Attributes
    ----------
    heading
        One line.
    facts
        The lines below it.
    reference
        Its id, for collapsing repeats and for talking about it.
    is_over
        Whether what it tells of is over: the gap, or the alert.
    """

    heading: str
    facts: tuple[Fact, ...]
    reference: str
    is_over: bool


def notice_content(notice: AnyNotice) -> NoticeContent:
    """Put `notice` into words."""
    if isinstance(notice, VerdictNotice):
        facts = tuple(Fact(label, text) for label, text in verdict_lines(notice) if text)
        return NoticeContent(verdict_heading(notice), facts, verdict_reference(notice), notice.stage == "closed")
    return _gap_content(notice)


def _gap_content(notice: Notice) -> NoticeContent:
    kind, over = notice.kind, notice.until is not None
    is_known = notice.lost_messages is not None
    lost = (
        counted(notice.lost_messages, "message")
        if notice.lost_messages is not None
        else "an unknown number of messages"
    )
    where = f"partition{'s' if len(notice.partitions) > 1 else ''} {listed(notice.partitions, most=8, limit=20)}"
    since = moment(notice.since)
    until = moment(notice.until) if notice.until is not None else ""
    many, few = len(notice.subscriptions) > 1, listed(notice.subscriptions, most=1, limit=40)
    whose = (
        f" of {counted(len(notice.subscriptions), 'subscription')}"
        if many
        else f" of subscription {few}"
        if few
        else ""
    )
    heading = (_OVER if over else _BEGUN)[kind].format(where=where, since=since, until=until, lost=lost, whose=whose)
    come = [counted(notice.late_records, "record") + ("" if over else " so far")]
    if notice.unjudged_records:
        come.append(f"{notice.unjudged_records:,} of them too late to be judged")
    alerts = "what was unusual in it has been told" if over and kind is not GapKind.LOST else _MAY_COME[kind]
    facts = [
        Fact("Span", f"{since} to {until}" if over else f"since {since}"),
        Fact("Where", where),
        Fact("Subscriptions", listed(notice.subscriptions, most=8, limit=40)),
        Fact("Meaning", "" if over else _MEANING[kind] if is_known else _RECREATED_MEANING),
        Fact("Alerts", alerts),
        Fact("Came late", ", ".join(come) if notice.late_records else ""),
        Fact("Lost", ("" if kind is not GapKind.LOST else lost if is_known else _RECREATED)),
        Fact("Check", "" if over and kind is not GapKind.LOST else _CHECK[kind] if is_known else _RECREATED_CHECK),
    ]
    update = " (update)" if notice.stage == "updated" else ""
    reference = f"Notice {notice.id}" + (f", update {notice.revision - 1}" if notice.revision > 1 else "")
    return NoticeContent(heading + update, tuple(fact for fact in facts if fact.text), reference, over)
