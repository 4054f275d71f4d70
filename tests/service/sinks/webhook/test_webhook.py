import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from models.stream.events import ActorKind
from service.clock import SystemClock
from service.core.ports import Receipt
from service.sinks.content.cloud_event import cloud_event
from service.sinks.content.ocsf import detection_finding
from service.sinks.webhook.signing import sign, signing_key
from service.sinks.webhook.sink import WebhookSink
from tests.fakes.alerts import HOSTILE_NAMES, alert, finding, hostile
from tests.fakes.clock import FakeClock
from tests.fakes.receiver import posts_to, receiving

OLD, NEW, FOREIGN = "whsec_b2xkLXNlY3JldC1vbGQ=", "whsec_bmV3LXNlY3JldC1uZXc=", "whsec_Zm9yZWlnbi1zZWNyZXQ="


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
async def test_an_independent_verifier_accepts_the_signature_of_each_secret(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(NEW + "\n")
    async with receiving() as receiver:
        # The verifier compares with its own clock, so this one test signs with the machine's time.
        clock = SystemClock()
        sink = WebhookSink("siem", posts_to(receiver.url), clock=clock, secrets=[SecretStr(OLD), file])
        [message] = sink.render([hostile(name)])
        assert (await sink.send(message)).outcome == "sent"
        await sink.close()
    [heard] = receiver.heard
    for secret in (OLD, NEW):
        event = Webhook(secret).verify(heard.body, dict(heard.headers))
        assert event["id"] == message.id == heard.headers["webhook-id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(FOREIGN).verify(heard.body, dict(heard.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(heard.body + b" ", dict(heard.headers))


def test_the_signature_is_the_specification_s_own_example() -> None:
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, section "Signature"
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    moment = datetime.fromtimestamp(1614265330, UTC)
    headers = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, b'{"test": 2432232314}', [key])
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_an_unsigned_webhook_has_no_signature_headers() -> None:
    async with receiving() as receiver:
        sink = WebhookSink("siem", posts_to(receiver.url), clock=FakeClock())
        await sink.send(sink.render([alert()])[0])
        await sink.close()
    assert "webhook-signature" not in receiver.heard[0].headers


async def test_a_secret_file_that_is_missing_is_waited_for_and_a_bad_one_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    sink = WebhookSink("siem", posts_to("https://siem.example"), clock=FakeClock(), secrets=[file])
    [message] = sink.render([alert()])
    assert await sink.send(message) == Receipt("retry", "secret_unreadable")
    file.write_text("whsec_not base64 at all!")
    assert await sink.send(message) == Receipt("broken", "secret_invalid")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_???", "plain text"])
def test_a_secret_that_is_not_base64_is_an_error_that_does_not_repeat_it(secret: str) -> None:
    with pytest.raises(ValueError, match="must be whsec_ followed by base64") as error:
        WebhookSink("siem", posts_to("https://x"), clock=FakeClock(), secrets=[SecretStr(secret)])
    assert not secret.strip("whsec_") or secret not in str(error.value)


def test_each_alert_is_a_cloud_event_of_its_own() -> None:
    sink = WebhookSink("siem", posts_to("https://x"), clock=FakeClock())
    first, second = sink.render([alert(1), alert(2, revision=4)])
    one, two = json.loads(first.body), json.loads(second.body)
    assert [first.id, second.id] == [one["id"], two["id"]] == [f"{alert(1).id}.1", f"{alert(2).id}.4"]
    assert first.content_type == "application/cloudevents+json; charset=utf-8"
    assert one["specversion"] == "1.0"
    assert one["source"] == "/unwonted"
    assert one["time"] == "2026-11-02T09:30:00.123456Z"
    assert [one["type"], two["type"]] == ["unwonted.alert.created", "unwonted.alert.updated"]
    assert [one["data"]["type_uid"], two["data"]["type_uid"]] == [200401, 200402]


REQUIRED = {
    "activity_id", "category_uid", "class_uid", "finding_info", "metadata", "severity_id", "time", "type_uid", "cloud",
}  # fmt: skip


@pytest.mark.parametrize("kind", ActorKind)
def test_the_finding_has_what_ocsf_requires(kind: ActorKind) -> None:
    told = json.loads(json.dumps(detection_finding(alert(findings=2, actor_kind=kind))))
    assert told.keys() >= REQUIRED
    assert told["type_uid"] == told["class_uid"] * 100 + told["activity_id"]
    assert told["severity_id"] == 4
    assert told["finding_info"]["uid"] == alert().id
    assert told["finding_info"]["attacks"] == [
        {"tactic": {"uid": "TA0003"}, "technique": {"uid": "T1098"}},
        {"tactic": {"uid": "TA0004"}, "technique": {"uid": "T1078"}, "sub_technique": {"uid": "T1078.004"}},
    ]
    assert len(told["evidences"]) == len(told["anomaly_analyses"]) == 2
    for analysis in told["anomaly_analyses"]:
        assert analysis["analysis_targets"][0]["name"] == "alice@contoso.com"
        assert analysis["anomalies"][0]["observed_pattern"] == "UNSEEN"
        assert analysis["baselines"][0]["observations"] == [
            {"value": "microsoft.compute/virtualmachines/restart/action"}
        ]


def test_what_was_done_before_is_rare_not_unseen() -> None:
    seldom = finding(evidence={"probability": {"times": 1.7}})
    analysis = detection_finding(alert().model_copy(update={"findings": (seldom,)}))["anomaly_analyses"]
    assert json.loads(json.dumps(analysis))[0]["anomalies"][0]["observed_pattern"] == "RARE"
    assert "baselines" not in json.dumps(analysis)


def test_the_whole_finding_can_be_had_back_from_the_event() -> None:
    event = json.loads(json.dumps(cloud_event(alert())))
    [evidence] = event["data"]["evidences"]
    assert evidence["data"] == finding(id=evidence["uid"]).model_dump(mode="json")


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_an_event_is_never_larger_than_receivers_take(name: str) -> None:
    enormous = hostile(name).model_copy(update={"findings": hostile(name).findings * 200})
    [message] = WebhookSink("siem", posts_to("https://x"), clock=FakeClock()).render([enormous])
    assert len(message.body) <= 262_144
    event = json.loads(message.body)
    assert event["data"]["finding_info"]["uid"] == enormous.id
    told = len(event["data"]["evidences"])
    assert told >= 5
    assert event["data"]["unmapped"]["findings_left_out"] == 1600 - told
