"""Who answers for an identity stands in its page, in lists with a facet, and in the API, hostile or not."""

import json
import re
from pathlib import Path

import pytest

from service.console.live import Live
from service.core.owners import Owners, Ownership
from tests.fakes.alerts import alert
from tests.service.console.browsing import serving
from tests.service.history.seen import ANN, closed, event

pytestmark = pytest.mark.integration
HOSTILE = "<script>alert(1)</script>"
TOLD = [alert(1, actor_id=ANN.id, actor_name=ANN.name), alert(2, actor_name="bob@contoso.com")]
LIVE = Live(owners=Owners({ANN.id: Ownership("payments", ("tier 0", "prod")), "bob@contoso.com": Ownership(HOSTILE)}))


async def test_lists_pages_and_the_api_say_whose_it_is_and_can_be_narrowed_by_it(tmp_path: Path) -> None:
    async with serving(tmp_path, [*closed([event(0)]), *TOLD], live=lambda: LIVE) as visitor:
        await visitor.enter()
        for path in ("/?days=0", f"/alerts/{TOLD[0].id}", f"/incidents/{TOLD[0].id}", f"/identity?id={ANN.id}"):
            status, page, _ = await visitor.get(path)
            assert status == 200
            assert "payments" in page
            assert "tier 0" in page
            assert HOSTILE not in page
        _, page, _ = await visitor.get("/?days=0")
        assert "owner=payments" in page
        assert "tag=tier+0" in page
        for query, found in (("owner=payments", {ANN.id}), ("tag=prod", {ANN.id}), ("tag=nothing", set())):
            _, text, _ = await visitor.get(f"/api/v1/incidents?days=0&{query}")
            assert {one["worst"]["identity"] for one in json.loads(text)["incidents"]} == found
        _, text, _ = await visitor.get(f"/api/v1/identity?id={ANN.id}&days=0")
        assert json.loads(text)["identity"]["owner"] == "payments"
        _, text, _ = await visitor.get("/incidents.csv?days=0&owner=payments")
        assert re.search(r",payments\r\n$", text)
