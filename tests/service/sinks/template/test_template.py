"""What is peculiar to the webhook with a template: its secrets, its refusals, and alerts that the template fails at."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service.cli.commands import main
from service.core.alerting.alerts import Alert
from service.core.outbox import Undeliverable
from service.core.ports import ALERT, Pace, Receipt
from service.delivery.resending import outstanding, resend
from tests.fakes.alerts import alert, hostile
from tests.fakes.clock import FakeClock
from tests.fakes.notices import notice
from tests.fakes.receiver import Receiver
from tests.service.sinks.kinds import PLANTED, configured, made

ONLY_ONE = '{"id": {{ id | tojson }}{% if actor.name == "bob" %}, {{ nothing }}{% endif %}}'


def template(folder: Path, source: str) -> Path:
    file = folder / "body.j2"
    file.write_text(source)
    return file


async def test_headers_and_members_come_from_files_that_are_read_again(receiver: Receiver, tmp_path: Path) -> None:
    url, header, member = (tmp_path / name for name in ("url", "header", "member"))
    url.write_text(receiver.url)
    sink = made(
        "template",
        preset="pagerduty",
        url_file=url,
        header_files={"Authorization": header},
        member_files={"routing_key": member},
    )
    [message] = sink.render([alert()])
    assert await sink.send(message) == Receipt("retry", "secret_unreadable")
    header.write_text("Token one\nX-Forged: 1")
    assert await sink.send(message) == Receipt("broken", "secret_invalid")
    for secret in ("one", "two"):
        header.write_text(f"GenieKey {secret}\n")
        member.write_text(f"{secret}\n")
        assert (await sink.send(message)).outcome == "sent"
    await sink.close()
    assert [heard.headers["authorization"] for heard in receiver.heard] == ["GenieKey one", "GenieKey two"]
    assert [json.loads(heard.body)["routing_key"] for heard in receiver.heard] == ["one", "two"]
    assert b"routing_key" not in message.body, "what is kept until it is sent has no secret"


async def test_an_alert_that_the_template_fails_at_is_given_up_whole(receiver: Receiver, tmp_path: Path) -> None:
    url = tmp_path / "url"
    url.write_text(receiver.url)
    sink = made("template", url_file=url, template_file=template(tmp_path, ONLY_ONE))
    bob = alert(2, actor_name="bob")
    fine, failed = sink.render([alert(1), bob])
    assert json.loads(fine.body) == {"id": alert(1).id}
    assert (failed.id, failed.content_type) == (f"{bob.id}.1", ALERT)
    assert Alert.model_validate_json(failed.body) == bob
    assert (await sink.send(fine)).outcome == "sent"
    assert await sink.send(failed) == Receipt("refused", "template_failed: line 1: 'nothing' is undefined")
    await sink.close()
    assert len(receiver.heard) == 1


def test_an_alert_that_is_kept_for_its_template_to_be_mended_is_bounded(tmp_path: Path) -> None:
    source = '{% if actor.name == "unwonted test" or kind != "alert" %}{}{% else %}{{ nothing }}{% endif %}'
    [message] = made("template", template_file=template(tmp_path, source)).render([hostile("x" * 200_000)])
    assert message.content_type == ALERT
    assert len(message.body) <= 2**18
    assert Alert.model_validate_json(message.body).id == hostile("x").id


async def test_what_the_dead_letter_has_is_sent_when_the_template_has_been_mended(
    receiver: Receiver, tmp_path: Path
) -> None:
    url = tmp_path / "url"
    url.write_text(receiver.url)
    [failed] = made("template", template_file=template(tmp_path, ONLY_ONE)).render([alert(actor_name="bob")])
    letter = Undeliverable("soc", failed, "refused", "template_failed", 1).entry()
    waiting = outstanding([{"written": "2026-11-02", **letter}])
    mended = made("template", url_file=url, preset="json")
    receipts = [receipt async for _, receipt in resend(mended, Pace(), waiting.messages, FakeClock())]
    await mended.close()
    assert [receipt.outcome for receipt in receipts] == ["sent"]
    assert json.loads(receiver.heard[0].body)["actor"]["name"] == "bob"


async def test_a_notice_that_the_template_fails_at_is_refused_too(tmp_path: Path) -> None:
    source = '{% if kind == "notice" and stage == "closed" %}{{ nothing }}{% endif %}{}'
    sink = made("template", template_file=template(tmp_path, source))
    assert sink.render_notice(notice()).body == b"{}"
    receipt = await sink.send(sink.render_notice(notice(stage="closed")))
    await sink.close()
    assert receipt == Receipt("refused", "template_failed")


def test_a_template_that_is_never_given_a_verdict_need_not_understand_one(tmp_path: Path) -> None:
    file = template(tmp_path, "{% if kind == 'verdict' %}{{ nothing }}{% endif %}{}")
    for without in ({"verdicts": False}, {"updates": False}):
        assert made("template", template_file=file, **without).name == "template"


def test_what_is_no_json_may_be_sent_as_what_it_is(tmp_path: Path) -> None:
    file = template(tmp_path, "{{ title }}")
    [message] = made("template", template_file=file, content_type="text/plain").render([alert()])
    assert message.body.startswith(b"High 92: alice@contoso.com")
    assert message.content_type == "text/plain"


@pytest.mark.parametrize(
    ("options", "source", "why"),
    [
        ({}, '{"id": {{ nothing }}}', "template_file line 1: 'nothing' is undefined"),
        ({}, '{"id": {{ id }}}', "template_file makes no JSON: "),
        ({}, "{% if kind == 'notice' %}{{ nothing }}{% endif %}{}", "template_file line 1: 'nothing' is undefined"),
        ({}, "{% if kind == 'verdict' %}{{ nothing }}{% endif %}{}", "template_file line 1: 'nothing' is undefined"),
        ({}, "{{ title.upper() }}", "template_file line 1: Call is not available in a template here"),
        ({"member_files": {"key": "/x"}}, "[]", "template_file makes no JSON object, to which member_files could add"),
        ({"preset": "json"}, "{}", "needs at most one of preset and template_file"),
        ({"template_file": "/nowhere.j2"}, "", "template_file cannot be read: No such file or directory"),
        ({"header_files": {"Host": "/x"}}, "{}", "should name HTTP headers, and none of those that every request has"),
        ({"header_files": {"a b": "/x"}}, "{}", "should name HTTP headers, and none of those that every request has"),
        ({"content_type": "json\r\nx: y"}, "{}", "should be a type such as application/json"),
        ({"template_file": None, "preset": "pagerduty"}, "", "needs member_files with routing_key when preset is"),
        ({"template_file": None, "preset": "jira"}, "", "preset line 4: 'dict object' has no attribute 'project'"),
    ],
)
def test_a_template_that_would_fail_is_refused_by_check_config(
    options: dict[str, Any], source: str, why: str, tmp_path: Path
) -> None:
    sink = {"kind": "template", "url_file": "/nowhere", "template_file": str(template(tmp_path, source)), **options}
    file = tmp_path / "unwonted.yaml"
    file.write_text(json.dumps({"sinks": {"soc": {name: one for name, one in sink.items() if one is not None}}}))
    result = CliRunner().invoke(main, ["check-config", "--config", str(file)])
    assert result.exit_code == 2
    said = [line for line in result.output.splitlines() if "sinks.soc" in line]
    assert len(said) == 1
    assert why in said[0]


def test_files_of_secrets_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    settings = configured("template", header_files={"X-Key": empty}, member_files={"key": "/nowhere"})
    problems = [one for one in settings.file_problems() if not one.startswith("url_file")]
    assert problems == [
        f"header_files.X-Key: {empty}: should be one line of ASCII text",
        "member_files.key: /nowhere: No such file or directory",
    ]


async def test_no_header_s_or_member_s_secret_is_in_a_repr(receiver: Receiver, tmp_path: Path) -> None:
    url, secret = tmp_path / "url", tmp_path / "secret"
    url.write_text(receiver.url)
    secret.write_text(PLANTED)
    sink = made("template", url_file=url, header_files={"X-Key": secret}, member_files={"key": secret})
    receipt = await sink.send(sink.render([alert()])[0])
    await sink.close()
    assert PLANTED not in f"{receipt} {sink!r} {vars(sink)}"
    assert json.loads(receiver.heard[0].body)["key"] == PLANTED
