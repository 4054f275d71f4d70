"""The chart's values: each with bounds and a description, the service's own among them, and a wrong one refused."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.infra.charts import CHART, answers, case, config_text, manifests, of_kind, pod
from tests.infra.judges import ROOT, needs_judges

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
SECRETS = "/mnt/secrets-store"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every value that the schema knows, with its place."""
    for name, node in schema.get("properties", {}).items():
        yield f"{path}.{name}", node
        yield from nodes(node, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from nodes(schema["items"], f"{path}[]")


def test_every_value_is_described_and_bounded() -> None:
    everything = [*nodes(SCHEMA), *(entry for name, one in SCHEMA["$defs"].items() for entry in nodes(one, name))]
    bounds = {"enum", "type", "$ref", "const"}

    assert len(everything) > 150
    assert [path for path, node in everything if not (node.get("description") or "$ref" in node)] == []
    assert [path for path, node in everything if not bounds & node.keys()] == []


def test_no_object_takes_keys_that_nobody_knows() -> None:
    open_ended = {
        path for path, node in nodes(SCHEMA) if node.get("properties") and node.get("additionalProperties") is not False
    }

    # What Kubernetes itself defines and checks, at greater length than a chart should repeat.
    assert open_ended == {".topologySpreadConstraints[]", ".extraVolumes[]"} & open_ended
    assert SCHEMA["additionalProperties"] is False


def test_values_and_schema_know_the_same_keys() -> None:
    def keys(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
        for name, value in values.items():
            known = schema.get("properties", {})
            if known and name not in known:
                yield f"{path}.{name}"
            elif isinstance(value, dict) and known:
                yield from keys(value, known[name], f"{path}.{name}")

    assert list(keys(VALUES, SCHEMA)) == []
    assert SCHEMA["properties"].keys() - VALUES.keys() == {"global"}


def test_no_secret_can_be_put_into_the_configmap() -> None:
    for name, definition in SCHEMA["$defs"].items():
        assert {"url", "secrets", "connection_string"} & definition.get("properties", {}).keys() == set(), name


def test_the_chart_is_of_the_projects_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert chart["appVersion"] == project["version"]


def test_the_charts_page_has_every_value() -> None:
    page = (CHART / "README.md").read_text(encoding="utf-8")

    assert [name for name in VALUES if f"`{name}" not in page] == []


# What was typed over the values of the set 'blob'; where the message puts it; what it says is allowed.
WRONG = [
    ("image: {pullPolicy: Sometimes}", "/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"),
    ("image: {digest: latest}", "/image/digest", "sha256:"),
    ("image: {repository: ''}", "image.repository", "such as contoso.azurecr.io/unwonted"),
    ("image: {repository: 'Contoso Registry'}", "/image/repository", "does not match pattern"),
    ("images: {}", "additional properties 'images'", "not allowed"),
    ("replicas: 3", "additional properties 'replicas'", "not allowed"),
    ("config: []", "/config", "want object"),
    ("config: {http: {port: 80}}", "/config/http/port", "want 1,024"),
    ("config: {http: {port: 99999}}", "/config/http/port", "want 65,535"),
    ("config: {http: {prot: 8080}}", "/config/http'", "'prot' not allowed"),
    ("config: {schedule: {every: soon}}", "/config/schedule/every", "[dhms]"),
    ("config: {schedule: {every: [1]}}", "/config/schedule/every", "want number or string"),
    ("config: {alerting: {alerts_per_day: 0}}", "/config/alerting/alerts_per_day", "exclusiveMinimum"),
    (
        "config: {sinks: {soc: {kind: mail}}}",
        "/config/sinks/soc/kind",
        "'email', 'event_hub', 'sentinel', 'slack', 'stdout', 'syslog', 'teams', 'template', 'webhook'",
    ),
    ("config: {sinks: {soc: {min_severity: loud}}}", "/config/sinks/soc/min_severity", "'informational', 'low'"),
    ("config: {sinks: {soc: {url: 'https://x'}}}", "/config/sinks/soc'", "'url' not allowed"),
    ("config: {sinks: {SOC: {kind: stdout}}}", "/config/sinks'", "'SOC' not allowed"),
    ("config: {event_hub: {connection_string: x}}", "/config/event_hub'", "'connection_string' not allowed"),
    ("config: {event_hub: {transport: carrier-pigeon}}", "/config/event_hub/transport", "'amqp', 'websocket'"),
    ("config: {event_hub: {hub: ''}}", "config.event_hub.hub", "such as activity-log"),
    ("config: {event_hub: {namespace: ''}}", "config.event_hub.namespace", "such as contoso.servicebus.windows.net"),
    ("config: {detectors: {rare_acton: {}}}", "/config/detectors'", "'rare_acton' not allowed"),
    ("config: {detectors: {rare_action: {threshold: 101}}}", "/config/detectors/rare_action/threshold", "want 100"),
    ("config: {shutdown: {grace: 1m}}", "/config/shutdown/grace", "[0-9]{1,3}s"),
    ("config: {snapshots: {kind: disk}}", "/config/snapshots/kind", "'file', 'blob'"),
    ("config: {snapshots: {path: /data}}", "/config/snapshots/path", "/state"),
    ("config: {snapshots: {account_url: ''}}", "config.snapshots.account_url", "https://ACCOUNT.blob.core.windows.net"),
    ("config: {sinks: {soc: {url_file: /mnt/secrets-store/other}}}", "config.sinks.soc.url_file", "has teams-url"),
    ("config: {sinks: {mail: {kind: email, password: x}}}", "/config/sinks/mail'", "'password' not allowed"),
    (
        "config: {sinks: {mail: {kind: email, password_file: /mnt/secrets-store/other}}}",
        "config.sinks.mail.password_file",
        "has teams-url",
    ),
    (
        "config: {sinks: {tickets: {kind: template, header_files: {Authorization: /mnt/secrets-store/other}}}}",
        "config.sinks.tickets.header_files.Authorization",
        "has teams-url",
    ),
    (
        "config: {sinks: {events: {kind: event_hub, connection_string_file: /mnt/secrets-store/other}}}",
        "config.sinks.events.connection_string_file",
        "has teams-url",
    ),
    ("workloadIdentity: {clientId: unwonted}", "/workloadIdentity/clientId", "[0-9a-fA-F]{8}"),
    ("workloadIdentity: {clientId: ''}", "workloadIdentity.clientId", "a GUID"),
    ("serviceAccount: {create: false}", "serviceAccount.name", "serviceAccount.create: false"),
    ("secrets: {existingSecret: x}", "secrets:", "only one of existingSecret and keyVault.name"),
    ("secrets: {keyVault: {name: ''}}", "config.sinks.soc.url_file", "set secrets.keyVault or secrets.existingSecret"),
    ("secrets: {keyVault: {tenantId: ''}}", "secrets.keyVault.tenantId", "a GUID"),
    ("secrets: {keyVault: {objects: ['a/b']}}", "/secrets/keyVault/objects/0", "[A-Za-z0-9-]"),
    (
        "volume: {accessMode: ReadOnlyMany}",
        "/volume/accessMode",
        "'ReadWriteOnce', 'ReadWriteMany'",
    ),
    ("volume: {accessMode: ReadWriteMany}", "volume.accessMode", "is for config.standby.enabled: true alone"),
    ("config: {standby: {enabled: true}, snapshots: {kind: file}}", "volume.accessMode", "ReadWriteMany, on a volume"),
    ("config: {standby: {lease: 5s}}", "/config/standby/lease", "^(1[5-9]|[2-5][0-9]|60)s$"),
    ("extraEnv: [{name: UNWONTED_STANDBY__ENABLED, value: '1'}]", "extraEnv[0].name", "set it under config"),
    ("volume: {size: big}", "/volume/size", "(Mi|Gi|Ti)"),
    ("resources: {limits: {memory: lots}}", "/resources/limits/memory", "Ki|M|Mi"),
    ("resources: {limits: null}", "/resources", "limits"),
    ("nodeLossSeconds: -1", "/nodeLossSeconds", "want 0"),
    ("networkPolicy: {enabled: sometimes}", "/networkPolicy/enabled", "want boolean"),
    ("podMonitor: {apiGroups: [prometheus.io]}", "/podMonitor/apiGroups/0", "'azmonitoring.coreos.com'"),
    ("podMonitor: {interval: 30}", "/podMonitor/interval", "want string"),
    ("probes: {startupSeconds: 5}", "/probes/startupSeconds", "want 30"),
    ("test: {timeoutSeconds: 1}", "/test/timeoutSeconds", "want 10"),
    ("tolerations: [{effect: Never}]", "/tolerations/0/effect", "'NoExecute'"),
    ("topologySpreadConstraints: [{maxSkew: 1}]", "/topologySpreadConstraints/0", "'topologyKey'"),
    ("extraEnv: [{value: x}]", "/extraEnv/0", "missing property 'name'"),
    ("extraEnv: [{name: UNWONTED_HTTP__PORT, value: '1'}]", "extraEnv[0].name", "set it under config"),
    ("extraVolumeMounts: [{name: x, mountPath: data}]", "/extraVolumeMounts/0/mountPath", "'^/'"),
    ("fullnameOverride: Soc", "/fullnameOverride", "[a-z0-9]"),
]


@pytest.fixture(scope="module")
def refusals() -> dict[str, dict[str, Any]]:
    typed = [wrong for wrong, _, _ in WRONG]
    return dict(zip(typed, answers(*(case("blob", wrong) for wrong in typed)), strict=True))


@pytest.mark.integration
@needs_judges
@pytest.mark.parametrize(("typed", "place", "allowed"), WRONG, ids=[wrong for wrong, _, _ in WRONG])
def test_a_wrong_value_is_refused_in_one_line_that_says_where_and_what_is_allowed(
    refusals: dict[str, dict[str, Any]], typed: str, place: str, allowed: str
) -> None:
    answer = refusals[typed]
    assert "manifests" not in answer, "nothing is rendered by halves"
    # The first line says which chart, or which template, noticed.
    (line,) = answer["error"].strip().splitlines()[1:]

    assert place in line
    assert allowed in line


@pytest.mark.integration
@needs_judges
def test_all_that_is_missing_is_said_at_once() -> None:
    (answer,) = answers(case(None))
    said = answer["error"].strip().splitlines()[1:]

    assert [line.split(":")[0] for line in said] == [
        "image.repository",
        "config.event_hub.namespace",
        "config.snapshots.account_url",
        "workloadIdentity.clientId",
    ]


@pytest.mark.integration
@needs_judges
def test_the_example_on_the_charts_page_works() -> None:
    page = (CHART / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (answer,) = answers(case(None, example.replace("sha256:…", "sha256:" + "0" * 64), lint=True))

    assert "error" not in answer, answer["error"]
    assert answer["lint"] == []


@pytest.mark.integration
@needs_judges
def test_history_that_is_learnt_at_the_first_start_has_a_place_in_the_pod() -> None:
    wanted, default, wrong = answers(
        case("blob", "config: {learn: {on_empty_state: true, management_group: contoso}}"),
        case("blob"),
        case("blob", "config: {learn: {spool: /tmp/history}}"),
    )
    learn = yaml.safe_load(config_text(manifests(wanted)))["learn"]
    volumes = {volume["name"]: volume for volume in pod(manifests(wanted))["volumes"]}

    assert learn == {"on_empty_state": True, "management_group": "contoso", "spool": "/state/history"}
    assert volumes["state"]["emptyDir"] == {"sizeLimit": "8Gi"}
    assert "learn" not in yaml.safe_load(config_text(manifests(default)))
    assert "/config/learn/spool" in wrong["error"]


@pytest.mark.integration
@needs_judges
def test_a_history_that_is_kept_in_blobs_has_a_place_in_the_pod_which_nobody_else_needs() -> None:
    kept, off, elsewhere, volume = answers(
        case("blob"),
        case("blob", "config: {history: {in_blobs: false}}"),
        case("blob", "config: {history: {path: /disk/history.sqlite, days: 30}}"),
        case("volume"),
    )
    found = [yaml.safe_load(config_text(manifests(one))).get("history", {}) for one in (kept, off, elsewhere, volume)]
    room = {one["name"]: one.get("emptyDir") for one in pod(manifests(kept))["volumes"]}

    assert [one.get("path") for one in found] == ["/state/history.sqlite", None, "/disk/history.sqlite", None]
    assert room["state"] == {"sizeLimit": "2Gi"}
    for one in (off, elsewhere):
        assert "state" not in {volume["name"] for volume in pod(manifests(one))["volumes"]}


@pytest.mark.integration
@needs_judges
def test_a_release_carries_rules_and_dashboards_if_somebody_wants_them_and_as_they_are() -> None:
    wanted, default = answers(
        case("blob", "{prometheusRule: {enabled: true, labels: {release: x}}, dashboards: {enabled: true}}"),
        case("blob"),
    )
    [rules] = [one for one in manifests(wanted) if one["kind"] == "PrometheusRule"]
    [dashboards] = [one for one in manifests(wanted) if one["metadata"]["name"].endswith("-dashboards")]
    config = ROOT / "config"
    groups = [
        group
        for name in ("recording.yml", "alerts.yml")
        for group in yaml.safe_load((config / "prometheus" / name).read_text())["groups"]
    ]

    assert rules["spec"]["groups"] == groups
    assert rules["metadata"]["labels"]["release"] == "x"
    assert dashboards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {name: json.loads(text) for name, text in dashboards["data"].items()} == {
        f"unwonted-{path.name}": json.loads(path.read_text()) for path in (config / "grafana" / "dashboards").iterdir()
    }
    assert not [one for one in manifests(default) if one["kind"] == "PrometheusRule"]
    assert not [one for one in manifests(default) if one["metadata"]["name"].endswith("-dashboards")]


@pytest.mark.integration
@needs_judges
def test_the_console_puts_its_token_where_the_pod_may_write() -> None:
    console = "config: {console: {enabled: true}, history: {path: /state/history.sqlite}, dead_letter: {kind: none}}"
    for rendered in answers(case("volume", console), case("blob", console)):
        said = yaml.safe_load(config_text(manifests(rendered)))["console"]
        volumes = {volume["name"] for volume in pod(manifests(rendered))["volumes"]}

        assert said == {"enabled": True, "token_file": "/state/console-token"}
        assert "state" in volumes


@pytest.mark.integration
@needs_judges
def test_a_console_for_a_team_is_served_to_the_ingress_and_to_nobody_else() -> None:
    (rendered, closed, alone) = answers(
        case("console"),
        case("console", "networkPolicy: {consoleFrom: []}"),
        case("volume", "config: {console: {enabled: true}}"),
    )
    chart = manifests(rendered)
    said = yaml.safe_load(config_text(chart))["console"]
    assert (said["host"], said["public_url"]) == ("0.0.0.0", "https://unwonted.contoso.example")  # noqa: S104
    _, service = of_kind(chart, "Service")
    assert service["metadata"]["name"] == "unwonted-console"
    assert service["spec"]["ports"] == [{"name": "console", "port": 8090, "targetPort": "console", "protocol": "TCP"}]
    rules = of_kind(chart, "NetworkPolicy")[0]["spec"]["ingress"]
    assert rules[1] == {
        "ports": [{"protocol": "TCP", "port": "console"}],
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "app-routing-system"}}}],
    }
    for answer in (closed, alone):
        assert len(of_kind(manifests(answer), "NetworkPolicy")[0]["spec"]["ingress"]) == 1
    assert len(of_kind(manifests(alone), "Service")) == 1
    assert "host" not in yaml.safe_load(config_text(manifests(alone)))["console"]


@pytest.mark.integration
@needs_judges
def test_a_console_that_nobody_could_sign_in_to_is_refused() -> None:
    address, identity, mounted, secret = answers(
        case("console", "config: {console: {public_url: null}}"),
        case("console", "workloadIdentity: {enabled: false}"),
        case(
            "console",
            "config: {sign_in: {client_secret_file: /mnt/secrets-store/console, client_assertion_file: null}}",
        ),
        case("console", "config: {sign_in: {client_secret: x}}"),
    )
    assert "config.console.public_url: is missing" in address["error"]
    assert "config.sign_in.client_assertion_file: is the workload identity's" in identity["error"]
    assert f"config.sign_in.client_secret_file: names {SECRETS}/console, and nothing" in mounted["error"]
    assert "client_secret" in secret["error"]
