"""docker-compose.yml and what it mounts: valid for their readers, and in agreement with each other."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from service.settings.reading import load
from service.sinks.slack.settings import SlackSettings
from service.sinks.teams.settings import TeamsSettings
from service.sinks.webhook.settings import WebhookSettings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
EMULATOR = json.loads((ROOT / "config" / "emulator" / "Config.json").read_text())
SETTINGS = load(ROOT / "config" / "emulator" / "unwonted.yaml", {})


def test_it_is_valid_by_the_compose_specification() -> None:
    check = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [check, "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout


def test_every_file_it_mounts_is_in_the_repository_or_made_by_make() -> None:
    sources = {
        volume.split(":")[0].removeprefix("./")
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    }

    assert [name for name in sources - {"node_modules"} if not (ROOT / name).exists()] == []


def test_its_ports_are_open_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_every_image_has_a_version() -> None:
    assert [service["image"] for service in SERVICES.values() if re.search(r":latest$|^[^:]+$", service["image"])] == []


def test_the_emulators_configuration_keeps_to_its_limits() -> None:
    (namespace,) = EMULATOR["UserConfig"]["NamespaceConfig"]

    assert (namespace["Type"], namespace["Name"]) == ("EventHub", "emulatorNs1")
    assert 1 <= len(namespace["Entities"]) <= 10
    for entity in namespace["Entities"]:
        assert type(entity["PartitionCount"]) is int
        assert 1 <= entity["PartitionCount"] <= 32
        assert "$default" not in [group["Name"].lower() for group in entity["ConsumerGroups"]], "it is implied"


def test_the_service_reads_the_hub_and_group_that_the_emulator_has() -> None:
    (entity,) = EMULATOR["UserConfig"]["NamespaceConfig"][0]["Entities"]

    assert SETTINGS.event_hub.hub == entity["Name"]
    assert SETTINGS.event_hub.consumer_group in [group["Name"] for group in entity["ConsumerGroups"]]
    assert entity["Name"] in SERVICES["tenant"]["command"]


def test_service_and_tenant_reach_the_emulator_as_its_documentation_says() -> None:
    secret = SETTINGS.event_hub.connection_string
    assert secret is not None
    text = secret.get_secret_value()

    assert text == SERVICES["tenant"]["environment"]["EVENT_HUB_CONNECTION_STRING"]
    assert "Endpoint=sb://emulator;" in text
    assert text.endswith("UseDevelopmentEmulator=true;")


def test_every_sink_posts_to_the_receiver_that_shares_the_services_loopback() -> None:
    port = SERVICES["receiver"]["command"][-1]
    sinks = {"teams": TeamsSettings, "slack": SlackSettings, "webhook": WebhookSettings}

    assert SERVICES["unwonted"]["network_mode"] == "service:receiver"
    assert SETTINGS.sinks.keys() == sinks.keys()
    for name, kind in sinks.items():
        sink = SETTINGS.sinks[name]
        assert isinstance(sink, kind)
        assert sink.address.get_secret_value() == f"http://127.0.0.1:{port}/{name}"


def test_service_and_receiver_share_the_signing_secret() -> None:
    webhook = SETTINGS.sinks["webhook"]
    assert isinstance(webhook, WebhookSettings)

    assert [secret.get_secret_value() for secret in webhook.secrets] == [
        SERVICES["receiver"]["environment"]["RECEIVER_SECRET"]
    ]
