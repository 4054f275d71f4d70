"""For each alert rule a deployment that is ill, and others that nearly are, as series by the minute."""

from typing import NamedTuple

BUILD = "unwonted_build_info"
START = "process_start_time_seconds"
EVALUATED = "unwonted_evaluation_last_success_timestamp_seconds"
SENT = 'unwonted_deliveries_total{sink="soc",result="sent"}'
RETRIED = 'unwonted_deliveries_total{sink="soc",result="retry"}'
WAITING = 'unwonted_outbox_messages{sink="soc"}'
BROKEN = 'unwonted_sink_broken{sink="soc"}'


class Case(NamedTuple):
    """One rule: the series of a deployment that is ill, and of others that nearly are, by the minute; when to look."""

    alert: str
    severity: str
    ill: dict[str, str]
    well: tuple[dict[str, str], ...]
    at: str


def delays(in_time: float, all_of_them: float) -> dict[str, str]:
    name = "unwonted_arrival_delay_seconds"
    return {
        f'{name}_bucket{{le="1800.0"}}': f"0+{in_time}x200",
        f'{name}_bucket{{le="+Inf"}}': f"0+{all_of_them}x200",
        f"{name}_count": f"0+{all_of_them}x200",
        "unwonted_records_total": f"0+{all_of_them}x200",
    }


def lags(within_a_second: int) -> dict[str, str]:
    name = "unwonted_event_loop_lag_seconds_bucket"
    return {f'{name}{{le="1.0"}}': f"0+{within_a_second}x60"} | {
        f'{name}{{le="{bound}"}}': "0+100x60" for bound in ("2.5", "+Inf")
    }


# What the objectives rest on is given as recorded: three days of everything else would take promtool a minute.
ON_TIME = "unwonted:detection_on_time:bool"
WORKS = 'unwonted:delivery_works:bool{sink="soc"}'

CASES = [
    Case("UnwontedDown", "critical", {BUILD: "1x30 stale"}, ({BUILD: "1x60"},), "35m"),
    Case(
        "UnwontedRestarting",
        "warning",
        {START: "0x10 600x10 1200x10 1800x30", BUILD: "1x60"},
        ({START: "0x10 600x10 1200x40", BUILD: "1x60"},),
        "40m",
    ),
    Case("UnwontedEventLoopSlow", "warning", lags(98), (lags(100),), "30m"),
    Case(
        "UnwontedPartitionsNotOwned",
        "critical",
        {"unwonted_partitions_owned": "4x10 3x20", "unwonted_partitions": "4x30"},
        ({"unwonted_partitions_owned": "4x10 3x2 4x18", "unwonted_partitions": "4x30"},),
        "20m",
    ),
    Case(
        "UnwontedLagGrowing",
        "warning",
        {'unwonted_consumer_lag_messages{partition="0"}': "900+100x60"},
        (
            {'unwonted_consumer_lag_messages{partition="0"}': "90000-100x60"},
            {'unwonted_consumer_lag_messages{partition="0"}': "0+10x60"},
        ),
        "40m",
    ),
    Case(
        "UnwontedNoEvents",
        "critical",
        {"unwonted_records_total": "0+5x60 300x200", 'unwonted_consumer_lag_messages{partition="0"}': "0x260"},
        (
            {
                "unwonted_records_total": "0+5x60 300x70 301x130",
                'unwonted_consumer_lag_messages{partition="0"}': "0x260",
            },
        ),
        "245m",
    ),
    Case(
        "UnwontedMessagesLost",
        "critical",
        {"unwonted_source_expired_messages_total": "0x20 7x20"},
        ({"unwonted_source_expired_messages_total": "7x40"},),
        "30m",
    ),
    Case(
        "UnwontedArrivalDelayHigh",
        "warning",
        delays(7, 10),
        (
            delays(9, 10),
            delays(0, 0.2),
        ),
        "95m",
    ),
    Case(
        "UnwontedRecordsRejected",
        "warning",
        {"unwonted_records_total": "0+100x100", 'unwonted_rejects_total{reason="bad_time"}': "0+6x100"},
        (
            {"unwonted_records_total": "0+100x100", 'unwonted_rejects_total{reason="bad_time"}': "0+4x100"},
            {"unwonted_records_total": "0+0.3x100", 'unwonted_rejects_total{reason="bad_time"}': "0+0.3x100"},
        ),
        "60m",
    ),
    Case(
        "UnwontedEventsTooLate",
        "warning",
        {'unwonted_late_total{result="dropped"}': "0x20 30x40"},
        ({'unwonted_late_total{result="dropped"}': "0x20 10x40", 'unwonted_late_total{result="judged"}': "0+9x60"},),
        "40m",
    ),
    Case(
        "UnwontedNotEvaluating",
        "critical",
        {EVALUATED: "0+60x20 1200x80", START: "0x100", BUILD: "1x100"},
        (
            {EVALUATED: "0+60x20 1200x80", START: "0x30 4200x70", BUILD: "1x100"},
            {EVALUATED: "0+60x100", START: "0x100", BUILD: "1x100"},
        ),  # has just begun again
        "75m",
    ),
    Case(
        "UnwontedEvaluationsMissed",
        "warning",
        {"unwonted_evaluations_missed_total": "0x20 2x20 4x20"},
        ({"unwonted_evaluations_missed_total": "3x60"},),
        "50m",
    ),
    Case(
        "UnwontedDetectionStorm",
        "warning",
        {'unwonted_suppressed_total{reason="overflow"}': "0x20 1x20"},
        (
            {
                'unwonted_suppressed_total{reason="known"}': "0+9x40",
                'unwonted_alerts_total{result="new"}': "0x20 40x20",
            },
            {'unwonted_suppressed_total{reason="overflow"}': "2x60"},
        ),
        "30m",
    ),
    Case(
        "UnwontedDetectionStorm",
        "warning",
        {'unwonted_alerts_total{result="new",severity="low"}': "0x20 30x20 60x20"},
        (
            {'unwonted_alerts_total{result="update",severity="low"}': "0x20 30x20 60x20"},
            {'unwonted_suppressed_total{reason="overflow"}': "2x60"},
        ),
        "50m",
    ),
    Case(
        "UnwontedStateNearLimit",
        "warning",
        {
            'unwonted_tracked_keys{detector="rare_action"}': "95x100",
            'unwonted_tracked_keys_limit{detector="rare_action"}': "100x100",
        },
        (
            {
                'unwonted_tracked_keys{detector="rare_action"}': "85x100",
                'unwonted_tracked_keys_limit{detector="rare_action"}': "100x100",
            },
        ),
        "70m",
    ),
    Case(
        "UnwontedSnapshotStale",
        "warning",
        {"unwonted_snapshot_last_success_timestamp_seconds": "0+60x20 1200x80", START: "0x100", BUILD: "1x100"},
        (
            {"unwonted_snapshot_last_success_timestamp_seconds": "0+60x50 3000x50", START: "0x100", BUILD: "1x100"},
            {
                "unwonted_snapshot_last_success_timestamp_seconds": "0+60x20 1200x80",
                START: "0x30 4200x70",
                BUILD: "1x100",
            },
        ),
        "75m",
    ),
    Case("UnwontedSinkBroken", "critical", {BROKEN: "0x10 1x20"}, ({BROKEN: "0x10 1x3 0x17"},), "20m"),
    Case(
        "UnwontedDeliveryFailing",
        "warning",
        {RETRIED: "0+2x60", SENT: "0+1x60"},
        (
            {RETRIED: "0+1x60", SENT: "0+2x60"},
            {RETRIED: "0x30 2x30", SENT: "0x60"},
        ),
        "50m",
    ),
    Case(
        "UnwontedHistoryDropping",
        "warning",
        {"unwonted_history_dropped_total": "0x10 0+5x50"},
        ({"unwonted_history_dropped_total": "70x60"},),
        "40m",
    ),
    Case(
        "UnwontedHistoryNotShipped",
        "warning",
        {"unwonted_history_shipping_failed": "0x5 1x60"},
        ({"unwonted_history_shipping_failed": "0x5 1x20 0x40"}, {"unwonted_history_shipping_failed": "0x60"}),
        "45m",
    ),
    Case(
        "UnwontedConsoleSignInsRefused",
        "warning",
        {'unwonted_console_sign_ins_total{result="refused"}': "0+3x60"},
        (
            {'unwonted_console_sign_ins_total{result="refused"}': "0+1x60"},
            {'unwonted_console_sign_ins_total{result="entered"}': "0+9x60"},
        ),
        "40m",
    ),
    Case(
        "UnwontedClockWrong",
        "warning",
        {"unwonted_clock_skew_seconds": "0x10 -900x50"},
        ({"unwonted_clock_skew_seconds": "0x10 900x5 0x50"}, {"unwonted_clock_skew_seconds": "200x60"}),
        "40m",
    ),
    Case(
        "UnwontedDeliveriesLost",
        "critical",
        {'unwonted_deliveries_total{sink="soc",result="refused"}': "0x20 1x20"},
        (
            {'unwonted_deliveries_total{sink="soc",result="orphaned"}': "0x20 1x20", SENT: "0+1x40"},
            {'unwonted_deliveries_total{sink="soc",result="refused"}': "3x40"},
        ),
        "30m",
    ),
    Case(
        "UnwontedQueueGrowing",
        "warning",
        {WAITING: "0+1x80"},
        (
            {WAITING: "80-1x80"},
            {WAITING: "0+0.2x80"},
        ),
        "60m",
    ),
]
# A bad quarter of an hour; a bad hour long ago and bad minutes just now. Not: two bad minutes; some just now, too few;
# many, but over; a bad hour long ago and nothing since.
CALM = ("1x300 0x2 1x28", "1x317 0x8", "1x300 0x11 1x20", "1x200 0x60 1x66")
# Half an hour every day. Not: once in three days; too few, but recent; enough, but over.
DAILY = "1x1400 0x30 1x1400 0x30 1x1200 0x30 1x300"
RARELY = ("1x1400 0x40 1x3000", "1x4200 0x20 1x90", "1x1400 0x60 1x2900")
