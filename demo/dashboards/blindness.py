"""The dashboard *CoverageMonitor*: what happens in Azure and is not seen, not understood, or seen too late."""

from demo.dashboards.panels import Dashboard, Line, Panel, Row
from demo.dashboards.queries import Held, Increase, Less, Rate, Share, Since

_RECORDS = Rate("unwonted_records_total")

_NOW = Row(
    "Does it see everything?",
    (
        Panel(
            "Partitions not read",
            "Partitions that the hub has and this process does not read: what is written there is not seen until "
            "somebody does.",
            "short",
            (Line(Less(Held("unwonted_partitions"), Held("unwonted_partitions_owned")), "not read"),),
            "stat",
            ((0, "green"), (1, "red")),
            "not connected to the hub yet",
        ),
        Panel(
            "Silent partitions",
            "Connections that show no sign of life, though a partition without messages would show one.",
            "short",
            (Line(Held("unwonted_partitions_silent"), "silent"),),
            "stat",
            ((0, "green"), (1, "red")),
        ),
        Panel(
            "Newest message in the hub",
            "Since anybody wrote to the hub. Hours of silence can mean that somebody has deleted the diagnostic "
            "setting: look.",
            "s",
            (Line(Since("unwonted_partition_last_enqueued_timestamp_seconds"), "ago"),),
            "stat",
            ((0, "green"), (3_600, "yellow"), (10_800, "red")),
            "the hub has never had a message",
        ),
        Panel(
            "Lost unread, in a day",
            "Messages that the hub dropped before they were read: they are gone for good. Raise its retention.",
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
            "A later, wider one stands for each; what it finds is told later.",
            "short",
            (Line(Increase("unwonted_evaluations_missed_total", over="1d"), "missed"),),
            "stat",
            ((0, "green"), (1, "yellow")),
        ),
    ),
)

_SILENCE = Row(
    "Silence and gaps",
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
            "Since the hub took it. One partition alone: its writer; all of them: the diagnostic setting.",
            "s",
            (Line(Since("unwonted_partition_last_enqueued_timestamp_seconds", ("partition",)), "{{partition}}"),),
            steps=((0, "green"), (10_800, "red")),
            nothing="the hub has never had a message",
        ),
        Panel(
            "Partitions",
            "Those the hub has, those that are read, those whose connection is silent.",
            "short",
            (
                Line(Held("unwonted_partitions"), "there are"),
                Line(Held("unwonted_partitions_owned"), "read"),
                Line(Held("unwonted_partitions_silent"), "silent"),
            ),
        ),
        Panel(
            "Blind spans",
            "1 while such a span lasts, of which the sinks have been told; notices.after says from how long on.",
            "short",
            (Line(Held("unwonted_blind_window_open", ("reason",), how="max"), "{{reason}}"),),
            steps=((0, "green"), (1, "red")),
        ),
        Panel(
            "Trouble with the connection",
            "Failures an hour, by reason; each is retried.",
            "short",
            (Line(Increase("unwonted_source_errors_total", ("reason",), over="1h"), "{{reason}}"),),
        ),
        Panel(
            "Connections closed",
            "An hour, by reason. Recycling is routine; stolen means that another reader has our consumer group.",
            "short",
            (Line(Increase("unwonted_source_closings_total", ("reason",), over="1h"), "{{reason}}"),),
        ),
        Panel(
            "Lost unread",
            "Messages an hour that the hub dropped before they were read.",
            "short",
            (Line(Increase("unwonted_source_expired_messages_total", over="1h"), "lost"),),
        ),
    ),
)

_UNDERSTOOD = Row(
    "Seen, but not understood or not in time",
    (
        Panel(
            "Records not understood",
            "An hour, by reason; redacted samples are in the dead letter.",
            "short",
            (Line(Increase("unwonted_rejects_total", ("reason",), over="1h"), "{{reason}}"),),
        ),
        Panel(
            "Share not understood",
            "Of all records. More than a few in a hundred: another log on the hub, or a new shape of Azure's.",
            "percentunit",
            (Line(Share(Rate("unwonted_rejects_total"), _RECORDS), "not understood"),),
            steps=((0, "green"), (0.05, "red")),
            nothing="no record has come in this time",
        ),
        Panel(
            "Left out",
            "Records an hour recognised as no identity's doing, or as another kind of log on the same hub.",
            "short",
            (Line(Increase("unwonted_left_out_total", ("reason",), over="1h"), "{{reason}}"),),
        ),
        Panel(
            "Share that comes late",
            "Of all records, after their hour had closed: still judged for a day, then only counted.",
            "percentunit",
            (Line(Share(Rate("unwonted_late_total", ("result",)), _RECORDS), "{{result}}"),),
            nothing="no record has come in this time",
        ),
        Panel(
            "Share that comes again",
            "Messages and records that had been applied before, of all records; they change nothing. Many: two "
            "diagnostic settings write to one hub.",
            "percentunit",
            (Line(Share(Rate("unwonted_duplicates_total", ("stage",)), _RECORDS), "{{stage}}"),),
            nothing="no record has come in this time",
        ),
        Panel(
            "From the future, and the dead letter",
            "An hour: events dated later than their arrival; rejects and undelivered messages written to the "
            "dead letter, and those it had no room for.",
            "short",
            (
                Line(Increase("unwonted_clamped_total", over="1h"), "from the future"),
                Line(
                    Increase("unwonted_dead_letters_total", ("reason", "result"), over="1h"),
                    "{{reason}}: dead letter {{result}}",
                ),
            ),
        ),
    ),
)

BLINDNESS = Dashboard(
    "blindness",
    "Unwonted: blindness",
    "What happens in Azure and is not seen, not understood, or seen too late.",
    24,
    (_NOW, _SILENCE, _UNDERSTOOD),
)
