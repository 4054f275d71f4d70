"""A running service to which verdicts are given: they count from the next evaluation on, and in every life after it."""

from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.core.ports import Receipt
from service.core.verdicts.journal import line_of
from service.core.verdicts.verdict import Verdict, VerdictKind, takes_effect_from
from service.verdicts.stores import FileVerdictStore
from tests.fakes.clock import settle
from tests.fakes.verdicts import verdict_on
from tests.service.lives import HOUR, QUARTER, Life, World, died_of, killed, living

pytestmark = [pytest.mark.slow, pytest.mark.measured]

WEB = "Microsoft.Web/sites/1"


async def give(path: Path, life: Life, kind: VerdictKind) -> Verdict:
    """Judge the newest alert, as the command line does."""
    now, options = life.world.clock.now(), life.engine.options
    takes_effect = takes_effect_from(now, options.lateness, options.bucket)
    given = verdict_on(life.world.alerts[-1], kind, now, takes_effect=takes_effect)
    await FileVerdictStore(path).append("", line_of(given))
    return given


@pytest.mark.parametrize(("kind", "told_again"), [(VerdictKind.BENIGN, 0), (VerdictKind.BENIGN_ONCE, 1)])
async def test_what_was_fine_is_learnt_or_not_and_the_alert_has_no_further_revision(
    tmp_path: Path, kind: VerdictKind, told_again: int
) -> None:
    world, journal = World(), tmp_path / "verdicts.ndjson"
    life = Life(world, verdicts=journal)
    async with living(life):
        life.feed(WEB)
        await life.pass_time(QUARTER)
        assert len(world.alerts) == 1
        with capture_logs() as logs:
            given = await give(journal, life, kind)
            await life.pass_time(QUARTER)
        assert [one["id"] for one in logs if one["event"] == "verdict_given"] == [given.id]
        life.feed(WEB)
        await life.pass_time(4 * HOUR)
        assert len(world.alerts) == 1
        assert given.id in life.engine.rulings.applied
        life.feed(WEB)
        await life.pass_time(QUARTER)
        assert len(world.alerts) == 1 + told_again


async def test_killed_between_verdict_and_bucket_it_applies_it_in_the_next_life_all_the_same(tmp_path: Path) -> None:
    world, journal = World(), tmp_path / "verdicts.ndjson"
    life = Life(world, verdicts=journal)
    life.feed(WEB)
    await killed(life, QUARTER)
    given = await give(journal, life, VerdictKind.BENIGN)
    again = Life(world, verdicts=journal)
    async with living(again):
        await again.pass_time(4 * HOUR)
        assert given.id in again.engine.rulings.applied
        again.feed(WEB)
        await again.pass_time(QUARTER)
    assert len(world.alerts) == 1
    third = Life(world, verdicts=journal)
    async with living(third):
        assert third.engine.rulings.applied == {given.id: given.takes_effect}


async def test_one_that_nobody_heard_of_in_time_is_told(tmp_path: Path) -> None:
    world, journal = World(), tmp_path / "verdicts.ndjson"
    life = Life(world, verdicts=journal)
    async with living(life):
        life.feed(WEB)
        await life.pass_time(4 * HOUR)
        late = verdict_on(world.alerts[-1], VerdictKind.BENIGN, world.clock.now() - timedelta(hours=3))
        with capture_logs() as logs:
            await FileVerdictStore(journal).append("", line_of(late))
            await life.pass_time(QUARTER)
        assert [one["ids"] for one in logs if one["event"] == "verdicts_late"] == [[late.id]]
        await life.pass_time(2 * HOUR)
        assert late.id in life.engine.rulings.applied


async def test_a_journal_that_cannot_be_read_ends_the_service_before_it_judges_anything(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "verdicts.ndjson").mkdir()
    life = Life(world, verdicts=tmp_path / "verdicts.ndjson")
    life.feed(WEB)
    assert str(await died_of(life)) == "the journal of verdicts cannot be read: Is a directory"
    assert world.store.saves == 0


@pytest.mark.parametrize("kind", VerdictKind)
async def test_whoever_was_told_of_an_alert_is_told_once_and_soon_what_it_was_found_to_be(
    tmp_path: Path, kind: VerdictKind
) -> None:
    world, journal = World(), tmp_path / "verdicts.ndjson"
    life = Life(world, verdicts=journal)
    async with living(life):
        life.feed(WEB)
        await life.pass_time(QUARTER)
        given = await give(journal, life, kind)
        await life.pass_time(120.0)  # the journal is looked at each minute
        assert [one.id for one in world.sink.answered] == [given.id]
        await life.pass_time(2 * HOUR)
    again = Life(world, verdicts=journal)
    async with living(again):
        await again.pass_time(2 * HOUR)
    assert [(one.alert, one.kind, one.why) for one in world.sink.answered] == [(given.alert, kind, given.why)]


async def test_a_verdict_given_while_nobody_listened_is_told_at_the_first_evaluation(tmp_path: Path) -> None:
    world, journal = World(), tmp_path / "verdicts.ndjson"
    life = Life(world, verdicts=journal)
    life.feed(WEB)
    await killed(life, QUARTER)
    given = await give(journal, life, VerdictKind.BENIGN)
    again = Life(world, verdicts=journal)
    async with living(again):
        await again.pass_time(QUARTER)
    assert [one.id for one in world.sink.answered] == [given.id]


async def test_killed_before_it_was_told_it_tells_it_in_the_next_life(tmp_path: Path) -> None:
    world, journal = World(), tmp_path / "verdicts.ndjson"
    life = Life(world, verdicts=journal)
    life.feed(WEB)
    await killed(life, QUARTER)
    given = await give(journal, life, VerdictKind.BENIGN)
    world.sink.answer = Receipt("retry", "http_503")
    await killed(Life(world, verdicts=journal), QUARTER)
    assert {one.id for one in world.sink.answered} == {given.id}
    world.sink.answered.clear()
    world.sink.answer = Receipt("sent", "http_200")
    async with living(Life(world, verdicts=journal)):
        await settle()
        await world.clock.advance(600.0)
    assert [one.id for one in world.sink.answered] == [given.id]
