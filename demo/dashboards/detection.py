"""The dashboard *Detection*: what is found, how much of it alerts, and how well the detectors know the tenant."""

from demo.dashboards.panels import Dashboard, Line, Panel, Row
from demo.dashboards.queries import Growth, Held, Increase, Less, Quantile, Ratio, Share

_CELLS = "unwonted_cell_score_count"
_BUCKETS = "unwonted_cell_score_bucket"
_SHADOWS = "unwonted_shadow_attacks_total"

_TODAY = Row(
    "Today",
    (
        Panel(
            "Alerted today",
            "Identities and operations alerted on the current day of event time.",
            "short",
            (Line(Held("unwonted_alerts_today"), "today"),),
            "stat",
        ),
        Panel(
            "Budget a day",
            "How many identities may be alerted a day (alerting.alerts_per_day); 0 means that there is no budget.",
            "short",
            (Line(Held("unwonted_alerts_budget", how="max"), "budget"),),
            "stat",
        ),
        Panel(
            "Expected a day",
            "Identities a day that the thresholds in force would have alerted in the last four weeks.",
            "short",
            (Line(Held("unwonted_alerts_expected", how="max"), "expected"),),
            "stat",
        ),
        Panel(
            "Least warm detector",
            "0 while a detector has learnt nothing, 1 when its scores are fully trusted. Scores are damped until then.",
            "percentunit",
            (Line(Held("unwonted_warmup_ratio", how="min"), "warm"),),
            "stat",
            ((0, "yellow"), (0.9, "green")),
            top=1.0,
        ),
        Panel(
            "Cells judged in a day",
            "A cell is one identity, one action, one hour; each detector scores it.",
            "short",
            (Line(Increase(_CELLS, over="1d"), "cells"),),
            "stat",
        ),
        Panel(
            "Unusual cells",
            "Share of the cells judged in a day that score above 50. Much more than one in a hundred means that much "
            "is new (a first week, a migration), or an attack on many identities.",
            "percentunit",
            (
                Line(
                    Share(
                        Less(Increase(_CELLS, over="1d"), Increase(_BUCKETS, where={"le": "50.0"}, over="1d")),
                        Increase(_CELLS, over="1d"),
                    ),
                    "unusual",
                ),
            ),
            "stat",
            ((0, "green"), (0.02, "yellow"), (0.1, "red")),
            "nothing was judged in a day",
        ),
    ),
)

_FOUND = Row(
    "What is found",
    (
        Panel(
            "Anomalies",
            "Unusual cells in an hour by detector and severity, before they are grouped into alerts and before any "
            "threshold.",
            "short",
            (
                Line(
                    Increase("unwonted_anomalies_total", ("detector", "severity"), over="1h"),
                    "{{detector}} {{severity}}",
                ),
            ),
        ),
        Panel(
            "Distribution of scores",
            "Judged cells by score. Nearly all should be at the bottom; a band that moves up means that habits have "
            "changed, or that a detector gets a new kind of input.",
            "short",
            (Line(Increase(_BUCKETS, ("le",), over="1h"), "{{le}}"),),
            "heat",
            nothing="nothing was judged in this time",
        ),
        Panel(
            "What is new to the detectors",
            "Increase of the values that each detector remembers, in an hour: identities' first actions, networks, "
            "places. High in the first weeks, and when work changes.",
            "short",
            (Line(Growth("unwonted_state_entries", ("detector",)), "{{detector}}"),),
        ),
        Panel(
            "Warm-up",
            "0 while a detector has learnt nothing, 1 when its scores are fully trusted.",
            "percentunit",
            (Line(Held("unwonted_warmup_ratio", ("detector",), "min"), "{{detector}}"),),
            top=1.0,
        ),
        Panel(
            "Identities known",
            "Identities that each detector remembers.",
            "short",
            (Line(Held("unwonted_tracked_keys", ("detector",), "max"), "{{detector}}"),),
        ),
        Panel(
            "Thresholds in force",
            "Least score that alerts; with a budget it moves when a day of event time is over.",
            "short",
            (Line(Held("unwonted_threshold_score", ("detector",), "max"), "{{detector}}"),),
            top=100.0,
        ),
    ),
)

_TOLD = Row(
    "What alerts",
    (
        Panel(
            "Alerts a day, and the budget",
            "Alerted on the current day of event time; the budget (0 without one); what the thresholds in force would "
            "have given a day over four weeks.",
            "short",
            (
                Line(Held("unwonted_alerts_today"), "today"),
                Line(Held("unwonted_alerts_budget", how="max"), "budget"),
                Line(Held("unwonted_alerts_expected", how="max"), "expected"),
            ),
        ),
        Panel(
            "Alerts",
            "In an hour, new alerts and updates of earlier ones, by severity.",
            "short",
            (Line(Increase("unwonted_alerts_total", ("severity", "result"), over="1h"), "{{severity}} {{result}}"),),
        ),
        Panel(
            "Suppressed",
            "Findings or alerts in an hour that were not sent, by reason: known already, below a sink's severity, "
            "overflow in a storm, covered by a suppression.",
            "short",
            (Line(Increase("unwonted_suppressed_total", ("reason",), over="1h"), "{{reason}}"),),
        ),
        Panel(
            "Would have alerted",
            "Findings in an hour that a suppression covered, by detector. `unwonted suppress list "
            "--would-have-alerted` lists them.",
            "short",
            (Line(Increase("unwonted_would_have_alerted_total", ("detector",), over="1h"), "{{detector}}"),),
        ),
        Panel(
            "From event to alert",
            "Half, and 95 %, of the alerts of six hours came within this time after their newest event; the delay of "
            "Azure's export is part of it.",
            "s",
            (
                Line(Quantile(0.5, "unwonted_detection_latency_seconds", over="6h"), "half"),
                Line(Quantile(0.95, "unwonted_detection_latency_seconds", over="6h"), "95 %"),
            ),
            steps=((0, "green"), (3_600, "red")),
            nothing="there was no alert in this time",
        ),
    ),
)


def _recall(by: str) -> Line:
    labels = (by,) if by else ()
    told = Increase(_SHADOWS, labels, {"result": "alerted"}, over="7d")
    return Line(Ratio(told, Increase(_SHADOWS, labels, over="7d")), f"{{{{{by}}}}}" if by else "alerted")


_MISSED = Row(
    "What would be missed",
    (
        Panel(
            "Imagined attacks alerted, in a week",
            "Share of the attacks imagined in silence that would have been told of at the thresholds of their day.",
            "percentunit",
            (_recall(""),),
            "stat",
            nothing="none has been imagined yet: shadow.attacks is 0, or no hour has closed",
            top=1.0,
        ),
        Panel(
            "Imagined attacks, in a day",
            "How many were imagined: the fewer, the less the shares beside it mean.",
            "short",
            (Line(Increase(_SHADOWS, over="1d"), "imagined"),),
            "stat",
        ),
        Panel(
            "Alerted by style, over a week",
            "Share of the imagined attacks of each style that would have been told of.",
            "percentunit",
            (_recall("style"),),
            nothing="none has been imagined yet",
            top=1.0,
        ),
        Panel(
            "Alerted by kind of identity, over a week",
            "Whose stolen identity would be noticed, and whose would not.",
            "percentunit",
            (_recall("kind"),),
            nothing="none has been imagined yet",
            top=1.0,
        ),
        Panel(
            "Alerted by origin, over a week",
            "From the victim's own network, from a strange one, and by an identity that nobody has seen before.",
            "percentunit",
            (_recall("origin"),),
            nothing="none has been imagined yet",
            top=1.0,
        ),
    ),
)

DETECTION = Dashboard(
    "detection",
    "Unwonted: detection",
    "What is found, how much of it alerts, and how well the detectors know the tenant.",
    48,
    (_TODAY, _FOUND, _TOLD, _MISSED),
)
