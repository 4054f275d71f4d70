"""A running service whose alerts say who answers for the identity, as a file has it that is edited meanwhile."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.core.owners import Owners, Ownership
from service.sinks.content.alert_content import Links, alert_content
from service.sinks.content.ocsf import detection_finding
from tests.fakes.alerts import alert, outage
from tests.service.lives import QUARTER, Life, World, living

OWNERS = Owners({"alice@contoso.com": Ownership("payments", ("tier 0",))})


def test_cards_and_ocsf_say_whose_an_identity_is_and_of_many_they_say_nothing() -> None:
    one, many = OWNERS.named_in([alert(), outage()])
    content = alert_content(one, Links())
    assert content.name == "alice@contoso.com (human, owner payments)"
    assert content.who.text.endswith(", owner payments)")
    unmapped = detection_finding(one)["unmapped"]
    assert isinstance(unmapped, dict)
    assert (unmapped["owner"], unmapped["tags"]) == ("payments", ["tier 0"])
    assert many == outage()


@pytest.mark.integration
async def test_an_alert_says_whose_it_is_by_the_file_as_it_is_then(tmp_path: Path) -> None:
    world, file = World(), tmp_path / "owners.csv"
    file.write_text("identity,owner\nann@contoso.com,hr\n,nobody\n")
    life = Life(world, owners=file)
    with capture_logs() as logs:
        async with living(life):
            life.feed("Microsoft.Web/sites/1")
            await life.pass_time(QUARTER)
            file.write_text("identity,owner,tags\nann@contoso.com,sales,tier 0\n")
            await life.pass_time(180.0)
            life.feed("Microsoft.Web/sites/2")
            await life.pass_time(QUARTER)
    told = [(one.owner, one.tags) for one in world.alerts]
    assert told[0] == ("hr", ())
    assert told[-1] == ("sales", ("tier 0",))
    assert [one["count"] for one in logs if one["event"] == "owners_loaded"] == [1, 1]
    assert [one["problems"] for one in logs if one["event"] == "owners_rows_rejected"] == [
        ["line 3: identity is empty"]
    ]
