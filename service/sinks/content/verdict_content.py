"""What an alert was found to be, in words: by whom, why, and what follows from it; for every sink alike."""

from service.core.verdicts import VerdictKind, VerdictNotice
from service.sinks.content.wording import clean, moment, plain_action

# Longest texts, in bytes of UTF-8.
_NAME = 120
_WHY = 600
_ACTION = 80
_FOUND = {
    VerdictKind.BENIGN: "Closed as benign",
    VerdictKind.BENIGN_ONCE: "Closed as benign this once",
    VerdictKind.MALICIOUS: "Found malicious",
    VerdictKind.DUPLICATE: "Closed as known already",
}
_FOLLOWS = {
    VerdictKind.BENIGN: "these activities become a habit from {since} on, and are told no more",
    VerdictKind.BENIGN_ONCE: "none of it is learnt; on another day it is told again",
    VerdictKind.MALICIOUS: "nothing of it is learnt from {since} on, and all of it is told as before",
    VerdictKind.DUPLICATE: "no more of it is told",
}
_MOST_ACTIONS = 3


def verdict_heading(verdict: VerdictNotice) -> str:
    """Return one line: what was found, by whom, and of whose activities."""
    found = _FOUND[verdict.kind] + (" for its kind" if verdict.for_kind else "")
    who, by = clean(verdict.actor_name, 60) or "unknown identity", clean(verdict.by, 60) or "somebody"
    what = clean(plain_action(verdict.actions[0]), _ACTION) if verdict.actions else ""
    more = f" and {len(verdict.actions) - 1:,} more" if len(verdict.actions) > 1 else ""
    return f"{found} by {by}: {who}" + (f": {what}{more}" if what else "")


def verdict_lines(verdict: VerdictNotice) -> list[tuple[str, str]]:
    """Return what is said below that, each line with its label."""
    actions = [clean(plain_action(one), _ACTION) for one in verdict.actions[:_MOST_ACTIONS]]
    more = len(verdict.actions) - len(actions)
    return [
        ("Why", clean(verdict.why, _WHY)),
        ("Who", clean(verdict.actor_name, _NAME)),
        ("What", ", ".join(one for one in actions if one) + (f" and {more:,} more" if more else "")),
        ("So", _FOLLOWS[verdict.kind].format(since=moment(verdict.takes_effect))),
        ("Found", f"{moment(verdict.found_at)} by {clean(verdict.by, _NAME)}"),
    ]


def verdict_reference(verdict: VerdictNotice) -> str:
    """Return the ids by which to talk about it: the alert's, and the verdict's."""
    return f"Alert {clean(verdict.alert, 200)}, verdict {verdict.id}"
