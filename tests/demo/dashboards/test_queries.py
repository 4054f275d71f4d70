"""The questions of the dashboards: what Prometheus is asked, and what a recording answers."""

from datetime import UTC, datetime, timedelta

import pytest

from demo.dashboards import DASHBOARDS
from demo.dashboards.queries import Changes, Growth, Held, Increase, Less, Quantile, Query, Rate, Share, Since
from demo.dashboards.recording import Recording

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEFORE = """
at 0
seen{result="good"} 10
seen{result="bad"} 0
all 10
held{partition="0"} 3
delay_bucket{le="1.0"} 0
delay_bucket{le="2.0"} 0
delay_bucket{le="+Inf"} 0
"""
AFTER = """
at 1772362800
seen{result="good"} 40
seen{result="bad"} 10
all 50
held{partition="0"} 1
held{partition="1"} 5
delay_bucket{le="1.0"} 1
delay_bucket{le="2.0"} 3
delay_bucket{le="+Inf"} 4
"""


def recording() -> Recording:
    told = Recording()
    told.add(NOON - timedelta(hours=1), BEFORE)
    told.add(NOON, AFTER)
    return told


@pytest.mark.parametrize(
    ("query", "promql", "answer"),
    [
        (Held("held"), 'sum(held{job=~"$job"})', {(): 6}),
        (
            Held("held", ("partition",), "max"),
            'max by (partition) (held{job=~"$job"})',
            {(("partition", "0"),): 1, (("partition", "1"),): 5},
        ),
        (Since("at"), 'time() - max(at{job=~"$job"} > 0)', {(): 3600}),
        (Increase("all", over="1h"), 'sum(increase(all{job=~"$job"}[1h]))', {(): 40}),
        (
            Increase("seen", where={"result": "bad|worse"}, over="1h"),
            'sum(increase(seen{job=~"$job",result=~"bad|worse"}[1h]))',
            {(): 10},
        ),
        (Rate("all", over="1h"), 'sum(rate(all{job=~"$job"}[1h]))', {(): 40 / 3600}),
        (Growth("held", over="1h"), 'clamp_min(sum(delta(held{job=~"$job"}[1h])), 0)', {(): 3}),
        (Changes("at", "1h"), 'sum(changes(at{job=~"$job"}[1h]))', {(): 1}),
        (
            Quantile(0.5, "delay", over="1h"),
            'histogram_quantile(0.5, sum by (le) (increase(delay_bucket{job=~"$job"}[1h])))',
            {(): 1.5},
        ),
        (
            Share(Increase("seen", ("result",), over="1h"), Increase("all", over="1h")),
            (
                'sum by (result) (increase(seen{job=~"$job"}[1h])) / on () group_left () '
                '(sum(increase(all{job=~"$job"}[1h])) > 0)'
            ),
            {(("result", "good"),): 0.75, (("result", "bad"),): 0.25},
        ),
        (Less(Held("all"), Held("held")), '(sum(all{job=~"$job"}) - sum(held{job=~"$job"}))', {(): 44}),
    ],
)
def test_a_query_is_written_for_prometheus_and_answered_from_a_recording(
    query: Query, promql: str, answer: dict[tuple[tuple[str, str], ...], float]
) -> None:
    assert query.promql() == promql
    assert dict(query.answer(recording().view(NOON.timestamp()))) == pytest.approx(answer)


def test_what_has_not_happened_has_no_share_no_age_and_no_quantile() -> None:
    then = recording().view((NOON - timedelta(hours=1)).timestamp())

    assert Since("at").answer(then) == {}
    assert Quantile(0.5, "delay").answer(then) == {}
    assert Share(Increase("seen"), Increase("all")).answer(then) == {}


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    assert Quantile(0.99, "delay", over="1h").answer(recording().view(NOON.timestamp())) == {(): 2.0}


def test_a_recording_is_written_as_open_metrics_with_its_times() -> None:
    lines = list(recording().open_metrics())

    assert lines[0] == 'at{job="demo"} 0 1772362800.000\n'
    assert lines[1] == 'seen{job="demo",result="good"} 10 1772362800.000\n'
    assert lines[-1] == "# EOF\n"


def test_no_two_panels_of_a_dashboard_have_the_same_title() -> None:
    for dashboard in DASHBOARDS:
        titles = [panel.title for panel in dashboard.panels]
        assert len(set(titles)) == len(titles)
