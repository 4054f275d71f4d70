"""The dashboard *Coverage*: what happens in Azure and is not read, not understood, or read too late."""

from demo.dashboards.panels import Dashboard, Line, Panel, Row
from demo.dashboards.queries import Held, Increase, Less, Rate, Share, Since

_RECORDS = Rate("unwonted_records_total")

_NOW = Row(
    "Is everything read?",
    (
        Panel(
            "Partitions not read",
            "Partitions that the hub has and this process does not read: events in them are not judged until they are "
            "read.",
            "short",
            (Line(Less(Held("unwonted_partitions"), Held("unwonted_partitions_owned")), "not read"),),
            "stat",
            ((0, "green"), (1, "red")),
            "not connected to the hub yet",
        ),
        Panel(
            "Silent partitions",
            "Partitions whose connection delivers neither messages nor the empty batches that a quiet partition has.",
            "short",
            (Line(Held("unwonted_partitions_silent"), "silent"),),
            "stat",
            ((0, "green"), (1, "red")),
        ),
        Panel(
            "Newest message in the hub",
            "Since a message was last written to the hub. After hours without one, check whether somebody has deleted "
            "the diagnostic setting.",
            "s",
            (Line(Since("unwonted_partition_last_enqueued_timestamp_seconds"), "ago"),),
            "stat",
            ((0, "green"), (3_600, "yellow"), (10_800, "red")),
            "the hub has never had a message",
        ),
        Panel(
            "Lost unread, in a day",
            "Messages that the hub dropped before they were read: they cannot be read any more. Raise its retention.",
            "short",
            (Line(Increase("unwonted_source_expired_messages_total", over="1d"), "lost"),),
            "stat",
            ((0, "green"), (1, "red")),
        ),
        Panel(
            "Too late to be judged, in a day",
            "Events older than windows.late_horizon when the hub took them.",
            "short",
            (Line(Increase("unwonted_late_total", where={"result": "dropped"}, over="1d"), "too late"),),
            "stat",
            ((0, "green"), (1, "yellow")),
        ),
        Panel(
            "Evaluations missed, in a day",
            "A later evaluation looked back further instead; what it finds alerts later.",
            "short",
            (Line(Increase("unwonted_evaluations_missed_total", over="1d"), "missed"),),
            "stat",
            ((0, "green"), (1, "yellow")),
        ),
        Panel(
            "Clock set, in a day",
            "How often the machine's clock was set by more than a second; coverage gaps are judged by that clock.",
            "short",
            (Line(Increase("unwonted_clock_jumps_total", over="1d"), "set"),),
            "stat",
            ((0, "green"), (1, "yellow")),
        ),
        Panel(
            "Clock ahead",
            "How far the machine's clock is ahead of the hub's, once it is more than five minutes; negative: behind.",
            "s",
            (Line(Held("unwonted_clock_skew_seconds"), "ahead"),),
            "stat",
            ((-86_400_000, "red"), (-299, "green"), (300, "red")),
        ),
    ),
)

_SILENCE = Row(
    "Silence and coverage gaps",
    (
        Panel(
            "Records a second",
            "Nothing at all, where there is something on other days at this hour, is a security event in its own "
            "right.",
            "short",
            (Line(_RECORDS, "records"),),
        ),
        Panel(
            "Newest message, by partition",
            "Since the hub took it. If only one partition is old, look at its writer; if all are, at the diagnostic "
            "setting.",
            "s",
            (Line(Since("unwonted_partition_last_enqueued_timestamp_seconds", ("partition",)), "{{partition}}"),),
            steps=((0, "green"), (10_800, "red")),
            nothing="the hub has never had a message",
        ),
        Panel(
            "Partitions",
            "Partitions that the hub has, those that are read, and those whose connection is silent.",
            "short",
            (
                Line(Held("unwonted_partitions"), "there are"),
                Line(Held("unwonted_partitions_owned"), "read"),
                Line(Held("unwonted_partitions_silent"), "silent"),
            ),
        ),
        Panel(
            "Coverage gaps",
            "1 while a coverage gap of this kind is open and has been reported to the sinks; notices.after sets how "
            "long input must be missing for that.",
            "short",
            (Line(Held("unwonted_blind_window_open", ("reason",), how="max"), "{{reason}}"),),
            steps=((0, "green"), (1, "red")),
        ),
        Panel(
            "Connection failures",
            "In an hour, by reason; each is retried.",
            "short",
            (Line(Increase("unwonted_source_errors_total", ("reason",), over="1h"), "{{reason}}"),),
        ),
        Panel(
            "Connections closed",
            "In an hour, by reason. Recycling is routine; stolen means that another reader uses the same "
            "consumer group.",
            "short",
            (Line(Increase("unwonted_source_closings_total", ("reason",), over="1h"), "{{reason}}"),),
        ),
        Panel(
            "Lost unread",
            "Messages in an hour that the hub dropped before they were read.",
            "short",
            (Line(Increase("unwonted_source_expired_messages_total", over="1h"), "lost"),),
        ),
    ),
)

_UNDERSTOOD = Row(
    "Read, but not understood or too late",
    (
        Panel(
            "Records not understood",
            "In an hour, by reason; redacted samples are in the dead letter.",
            "short",
            (Line(Increase("unwonted_rejects_total", ("reason",), over="1h"), "{{reason}}"),),
        ),
        Panel(
            "Share not understood",
            "Of all records. More than a few in a hundred mean another log on the hub, or a new format of Azure's.",
            "percentunit",
            (Line(Share(Rate("unwonted_rejects_total"), _RECORDS), "not understood"),),
            steps=((0, "green"), (0.05, "red")),
            nothing="no record has come in this time",
        ),
        Panel(
            "Left out",
            "Records in an hour that are not the doing of an identity, or belong to another log on the same hub.",
            "short",
            (Line(Increase("unwonted_left_out_total", ("reason",), over="1h"), "{{reason}}"),),
        ),
        Panel(
            "Share that comes late",
            "Share of all records that arrive after their hour was closed: judged for a day, after that only counted.",
            "percentunit",
            (Line(Share(Rate("unwonted_late_total", ("result",)), _RECORDS), "{{result}}"),),
            nothing="no record has come in this time",
        ),
        Panel(
            "Share that comes again",
            "Messages and records that had been applied before, as a share of all records; they change nothing. Many "
            "of them mean that two diagnostic settings write to one hub.",
            "percentunit",
            (Line(Share(Rate("unwonted_duplicates_total", ("stage",)), _RECORDS), "{{stage}}"),),
            nothing="no record has come in this time",
        ),
        Panel(
            "From the future, and the dead letter",
            "An hour: events dated later than their arrival; rejects and undelivered messages written to the "
            "dead letter, and those it had no room for; entries that the history lacks.",
            "short",
            (
                Line(Increase("unwonted_clamped_total", over="1h"), "from the future"),
                Line(
                    Increase("unwonted_dead_letters_total", ("reason", "result"), over="1h"),
                    "{{reason}}: dead letter {{result}}",
                ),
                Line(Increase("unwonted_history_dropped_total", over="1h"), "missing in the history"),
            ),
        ),
    ),
)

COVERAGE = Dashboard(
    "coverage",
    "Unwonted: coverage",
    "What happens in Azure and is not read, not understood, or read too late.",
    24,
    (_NOW, _SILENCE, _UNDERSTOOD),
)
