"""The dashboard *Health*: whether it is up, keeps up, remembers, and is heard."""

from demo.dashboards.panels import Dashboard, Line, Panel, Row
from demo.dashboards.queries import Changes, Held, Increase, Quantile, Rate, Share, Since

_AT_A_GLANCE = Row(
    "At a glance",
    (
        Panel(
            "Partitions read",
            "Partitions that this process reads, of those the hub has. Fewer for more than three minutes means that "
            "something else reads them, or nothing does.",
            "percentunit",
            (Line(Share(Held("unwonted_partitions_owned"), Held("unwonted_partitions")), "read"),),
            "stat",
            ((0, "red"), (1, "green")),
            "not connected to the hub yet",
        ),
        Panel(
            "Messages behind",
            "What is in the hub and not yet applied. Growing is worse than high.",
            "short",
            (Line(Held("unwonted_consumer_lag_messages"), "behind"),),
            "stat",
            ((0, "green"), (1_000, "yellow"), (10_000, "red")),
            "not connected to the hub yet",
        ),
        Panel(
            "Event time complete",
            "How long ago the watermark is: hours close, and settle, up to here. As long as windows.lateness (30 "
            "minutes) is as good as it gets.",
            "s",
            (Line(Since("unwonted_watermark_timestamp_seconds"), "ago"),),
            "stat",
            ((0, "green"), (3_600, "yellow"), (10_800, "red")),
            "no event has come yet",
        ),
        Panel(
            "Last evaluation",
            "Since it was last decided what is worth telling: every 15 minutes by default.",
            "s",
            (Line(Since("unwonted_evaluation_last_success_timestamp_seconds"), "ago"),),
            "stat",
            ((0, "green"), (1_500, "yellow"), (2_700, "red")),
            "none since the start: the first comes within 15 minutes",
        ),
        Panel(
            "Last snapshot",
            "Since everything learnt was last saved; a crash repeats what came after it.",
            "s",
            (Line(Since("unwonted_snapshot_last_success_timestamp_seconds"), "ago"),),
            "stat",
            ((0, "green"), (1_500, "yellow"), (2_700, "red")),
            "none yet: the state cannot be saved",
        ),
        Panel(
            "Restarts in a day",
            "How often the process has begun anew, deployments included.",
            "short",
            (Line(Changes("process_start_time_seconds", "1d"), "restarts"),),
            "stat",
            ((0, "green"), (2, "yellow"), (5, "red")),
        ),
        Panel(
            "Broken sinks",
            "Sinks whose address is not accepted any more; they are only probed until that is mended.",
            "short",
            (Line(Held("unwonted_sink_broken"), "broken"),),
            "stat",
            ((0, "green"), (1, "red")),
            "no sink is configured",
        ),
    ),
)

_KEEPING_UP = Row(
    "Does it keep up?",
    (
        Panel(
            "Messages behind, by partition",
            "In the hub and not yet applied. One partition alone: its connection; all of them: the process.",
            "short",
            (Line(Held("unwonted_consumer_lag_messages", ("partition",)), "{{partition}}"),),
            nothing="not connected to the hub yet",
        ),
        Panel(
            "Arrival delay",
            "From an event to when the hub took it: usually 3 to 20 minutes, and nothing that this service could "
            "mend. What comes later than windows.lateness is judged late, or not at all.",
            "s",
            (
                Line(Quantile(0.5, "unwonted_arrival_delay_seconds"), "half"),
                Line(Quantile(0.95, "unwonted_arrival_delay_seconds"), "95 %"),
            ),
            steps=((0, "green"), (1_800, "red")),
            nothing="no event has come in this time",
        ),
        Panel(
            "Watermark and last applied message",
            "How long ago event time is complete up to, and how long ago the hub took what each partition has "
            "applied last. A watermark that falls behind holds everything up.",
            "s",
            (
                Line(Since("unwonted_watermark_timestamp_seconds"), "watermark"),
                Line(
                    Since("unwonted_partition_last_applied_timestamp_seconds", ("partition",)), "applied {{partition}}"
                ),
            ),
            nothing="no event has come yet",
        ),
        Panel(
            "Messages and records a second",
            "What is applied: an Event Hubs message holds one or more records.",
            "short",
            (
                Line(Rate("unwonted_messages_total"), "messages"),
                Line(Rate("unwonted_records_total"), "records"),
            ),
        ),
        Panel(
            "Event-loop lag",
            "How late a sleeper was woken, half and 99 in 100 times. Above a second, probes may time out.",
            "s",
            (
                Line(Quantile(0.5, "unwonted_event_loop_lag_seconds"), "half"),
                Line(Quantile(0.99, "unwonted_event_loop_lag_seconds"), "99 %"),
            ),
            steps=((0, "green"), (1, "red")),
            nothing="not measured yet",
        ),
        Panel(
            "Batches and evaluations",
            "Nineteen in twenty batches of messages, and evaluations, take no longer.",
            "s",
            (
                Line(Quantile(0.95, "unwonted_batch_duration_seconds"), "batch"),
                Line(Quantile(0.95, "unwonted_evaluation_duration_seconds", over="1h"), "evaluation"),
            ),
            nothing="nothing was processed in this time",
        ),
    ),
)

_REMEMBERING = Row(
    "Does it remember?",
    (
        Panel(
            "Snapshots",
            "By what came of them, an hour. Failed ones are told in the log as snapshot_failed.",
            "short",
            (Line(Increase("unwonted_snapshots_total", ("result",), over="1h"), "{{result}}"),),
        ),
        Panel(
            "Memory, and the state on disk",
            "Resident memory of the process, the whole state as last saved and compressed, and what each detector "
            "holds of it before compression.",
            "bytes",
            (
                Line(Held("process_resident_memory_bytes"), "resident"),
                Line(Held("unwonted_snapshot_size_bytes"), "snapshot"),
                Line(Held("unwonted_state_bytes", ("detector",)), "{{detector}}"),
            ),
        ),
        Panel(
            "Identities, of the most there may be",
            "How full each detector's memory is. At the limit, the longest silent identities are forgotten: raise "
            "limits.max_identities.",
            "percentunit",
            (
                Line(
                    Share(Held("unwonted_tracked_keys", ("detector",)), Held("unwonted_tracked_keys_limit", how="max")),
                    "{{detector}}",
                ),
            ),
            steps=((0, "green"), (0.9, "red")),
            top=1.0,
        ),
        Panel(
            "One snapshot",
            "Encoding and storing, nineteen in twenty take no longer.",
            "s",
            (Line(Quantile(0.95, "unwonted_snapshot_duration_seconds", over="1h"), "95 %"),),
            nothing="none was taken in this time",
        ),
        Panel(
            "Processor",
            "Seconds of processor time a second; one process cannot use more than about one.",
            "short",
            (Line(Rate("process_cpu_seconds_total"), "used"),),
            steps=((0, "green"), (0.8, "red")),
        ),
        Panel(
            "Forgotten to stay within bounds",
            "Identities and values a second, by detector.",
            "short",
            (Line(Rate("unwonted_evictions_total", ("detector",)), "{{detector}}"),),
        ),
    ),
)

_HEARD = Row(
    "Is it heard?",
    (
        Panel(
            "Deliveries",
            "Attempts and ends of messages an hour, by sink. Retries are normal now and then; refused, expired and "
            "overflowed ones are lost to that sink.",
            "short",
            (Line(Increase("unwonted_deliveries_total", ("sink", "result"), over="1h"), "{{sink}} {{result}}"),),
            nothing="no sink is configured",
        ),
        Panel(
            "Waiting for delivery",
            "Messages in the outbox, by sink. They survive a restart, for a day.",
            "short",
            (Line(Held("unwonted_outbox_messages", ("sink",)), "{{sink}}"),),
            nothing="no sink is configured",
        ),
        Panel(
            "One delivery",
            "Nineteen in twenty attempts take no longer, by sink.",
            "s",
            (Line(Quantile(0.95, "unwonted_delivery_duration_seconds", ("sink",), over="6h"), "{{sink}}"),),
            nothing="nothing was sent in this time",
        ),
    ),
)

HEALTH = Dashboard(
    "health",
    "Unwonted: health",
    "Is it up, does it keep up, does it remember, is it heard?",
    6,
    (_AT_A_GLANCE, _KEEPING_UP, _REMEMBERING, _HEARD),
)
