"""The dashboard *Health*: whether it is up, keeps up with the hub, saves its state, and delivers alerts."""

from demo.dashboards.panels import Dashboard, Line, Panel, Row
from demo.dashboards.queries import Changes, Held, Increase, Quantile, Rate, Share, Since

_AT_A_GLANCE = Row(
    "At a glance",
    (
        Panel(
            "Partitions read",
            "Share of the hub's partitions that this process reads. If it is below 100 % for more than three minutes, "
            "another reader has them, or nobody reads them.",
            "percentunit",
            (Line(Share(Held("unwonted_partitions_owned"), Held("unwonted_partitions")), "read"),),
            "stat",
            ((0, "red"), (1, "green")),
            "not connected to the hub yet",
        ),
        Panel(
            "Messages behind",
            "Messages in the hub that are not yet applied. A growing number is worse than a high one.",
            "short",
            (Line(Held("unwonted_consumer_lag_messages"), "behind"),),
            "stat",
            ((0, "green"), (1_000, "yellow"), (10_000, "red")),
            "not connected to the hub yet",
        ),
        Panel(
            "Age of the watermark",
            "Up to the watermark, all events are taken to have arrived, and hours close. Its best possible age is "
            "windows.lateness (30 minutes).",
            "s",
            (Line(Since("unwonted_watermark_timestamp_seconds"), "ago"),),
            "stat",
            ((0, "green"), (3_600, "yellow"), (10_800, "red")),
            "no event has come yet",
        ),
        Panel(
            "Last evaluation",
            "Since the last evaluation, which decides what alerts: every 15 minutes by default.",
            "s",
            (Line(Since("unwonted_evaluation_last_success_timestamp_seconds"), "ago"),),
            "stat",
            ((0, "green"), (1_500, "yellow"), (2_700, "red")),
            "none since the start: the first comes within 15 minutes",
        ),
        Panel(
            "Last snapshot",
            "Since the state was last saved; after a crash, what came later is read again.",
            "s",
            (Line(Since("unwonted_snapshot_last_success_timestamp_seconds"), "ago"),),
            "stat",
            ((0, "green"), (1_500, "yellow"), (2_700, "red")),
            "none yet: the state cannot be saved",
        ),
        Panel(
            "Restarts in a day",
            "How often the process has restarted, deployments included.",
            "short",
            (Line(Changes("process_start_time_seconds", "1d"), "restarts"),),
            "stat",
            ((0, "green"), (2, "yellow"), (5, "red")),
        ),
        Panel(
            "Broken sinks",
            "Sinks that no longer accept messages; they are only probed until they do again.",
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
            "In the hub and not yet applied. If only one partition is behind, look at its connection; if all are, at "
            "the process.",
            "short",
            (Line(Held("unwonted_consumer_lag_messages", ("partition",)), "{{partition}}"),),
            nothing="not connected to the hub yet",
        ),
        Panel(
            "Arrival delay",
            "From an event until the hub took it: usually 3 to 20 minutes; this service cannot change it. What arrives "
            "later than windows.lateness is judged late, or not at all.",
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
            "Age of the watermark, and, for each partition, how long ago the hub took the message applied last. A "
            "watermark that falls behind delays all alerts.",
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
            "Messages and records applied: an Event Hubs message holds one or more records.",
            "short",
            (
                Line(Rate("unwonted_messages_total"), "messages"),
                Line(Rate("unwonted_records_total"), "records"),
            ),
        ),
        Panel(
            "Event-loop lag",
            "How late the event loop was, at most, in half and in 99 % of the measurements. Above a second, probes may "
            "time out.",
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
            "95 % of the batches of messages, and of the evaluations, take no longer than this.",
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
    "Is its state saved?",
    (
        Panel(
            "Snapshots",
            "In an hour, by result. Failures are in the log as snapshot_failed.",
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
            "Identities, as a share of the limit",
            "How full each detector's memory is. At the limit, the identities that have been silent for longest are "
            "evicted: raise limits.max_identities.",
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
            "Encoding and storing: 95 % take no longer than this.",
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
            "Evictions",
            "Identities and values forgotten a second to stay within the limits, by detector.",
            "short",
            (Line(Rate("unwonted_evictions_total", ("detector",)), "{{detector}}"),),
        ),
    ),
)

_HEARD = Row(
    "Are alerts delivered?",
    (
        Panel(
            "Deliveries",
            "Attempts in an hour, and messages given up, by sink. Occasional retries are normal; messages that were "
            "refused, expired or overflowed never reach that sink.",
            "short",
            (Line(Increase("unwonted_deliveries_total", ("sink", "result"), over="1h"), "{{sink}} {{result}}"),),
            nothing="no sink is configured",
        ),
        Panel(
            "Waiting for delivery",
            "Messages in the outbox, by sink. They are kept for a day, also across restarts.",
            "short",
            (Line(Held("unwonted_outbox_messages", ("sink",)), "{{sink}}"),),
            nothing="no sink is configured",
        ),
        Panel(
            "One delivery",
            "95 % of the attempts take no longer than this, by sink.",
            "s",
            (Line(Quantile(0.95, "unwonted_delivery_duration_seconds", ("sink",), over="6h"), "{{sink}}"),),
            nothing="nothing was sent in this time",
        ),
    ),
)

HEALTH = Dashboard(
    "health",
    "Unwonted: health",
    "Is it up, does it keep up with the hub, is its state saved, are alerts delivered?",
    6,
    (_AT_A_GLANCE, _KEEPING_UP, _REMEMBERING, _HEARD),
)
