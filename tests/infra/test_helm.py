"""The chart as Helm renders it: valid, safe, and in agreement with the image, the service and its configuration."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from service.cli.commands import LISTED, main
from service.monitoring.http import PROBES
from service.settings.reading import load
from service.settings.root import Settings
from tests.infra.charts import (
    CHART,
    SETS,
    Manifest,
    answers,
    case,
    config_text,
    container,
    manifests,
    of_kind,
    only,
    pod,
    volumes,
)
from tests.infra.judges import ROOT, judge, needs_judges

pytestmark = [pytest.mark.integration, needs_judges]

KUBERNETES = ["1.35", "1.36", "1.37"]
NO_SCHEMA = {
    "PodMonitor",
    "PrometheusRule",
    "SecretProviderClass",
}  # custom resources, whose schemas Kubernetes does not have
every_set = pytest.mark.parametrize("which", SETS)


@pytest.fixture(scope="module")
def directory(rendered: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("manifests")
    for which, answer in rendered.items():
        (target / f"{which}.yaml").write_text(yaml.safe_dump_all(manifests(answer)))
    return target


@pytest.fixture
def settings(chart: list[Manifest], tmp_path: Path) -> Settings:
    file = tmp_path / "unwonted.yaml"
    file.write_text(config_text(chart))
    return load(file, {})


# --- by the judgement of others ---


@every_set
def test_lint_has_nothing_to_say(rendered: dict[str, dict[str, Any]], which: str) -> None:
    assert rendered[which]["lint"] == []


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_accepts_every_manifest_to_the_letter(directory: Path, version: str) -> None:
    result = judge("kubernetes-validate", "--strict", "-k", version, *sorted(directory.iterdir()))
    unjudged = set(re.findall(r"^WARN .*schema for kind (\w+)", result.stdout + result.stderr, re.MULTILINE))

    assert result.returncode == 0, result.stdout + result.stderr
    assert unjudged <= NO_SCHEMA
    assert "passed for resource deployment/unwonted" in result.stdout


LEFT_ALONE = {
    ("CKV_K8S_43", "Deployment"): "the digest is the installer's to give, and the set 'blob' gives it",
    ("CKV_K8S_43", "Pod"): "the same image",
    ("CKV_K8S_15", "Deployment"): "a registry that is away must not keep a restart from happening",
    ("CKV_K8S_15", "Pod"): "the same image",
    ("CKV_K8S_8", "Pod"): "the pod of helm test ends by itself, and has a deadline",
    ("CKV_K8S_9", "Pod"): "nobody asks the pod of helm test anything",
}


def test_checkov_finds_nothing_that_was_not_decided(directory: Path) -> None:
    result = judge("checkov", "-d", directory, "--framework", "kubernetes", "--skip-download", "-o", "json", "--quiet")
    report = json.loads(result.stdout)
    failed = {
        (check["check_id"], check["resource"].split(".")[0], Path(check["file_path"]).stem)
        for check in report["results"]["failed_checks"]
    }

    assert report["summary"]["passed"] > 300
    assert report["summary"]["parsing_errors"] == 0
    assert {(check, kind) for check, kind, _ in failed} == LEFT_ALONE.keys()
    assert ("CKV_K8S_43", "Deployment", "blob") not in failed


# --- by the service's own ---


@every_set
def test_the_service_accepts_its_configuration(chart: list[Manifest], which: str, tmp_path: Path) -> None:
    file = tmp_path / "unwonted.yaml"
    text = config_text(chart)
    for manifest in of_kind(chart, "ConfigMap"):
        if announced := manifest["data"].get("suppressions.yaml"):
            (tmp_path / "suppressions.yaml").write_text(announced)
            text = text.replace("/etc/unwonted-suppressions", str(tmp_path))
    file.write_text(text)
    result = CliRunner().invoke(main, ["check-config", "--config", str(file)])
    # Files that exist in the pod alone.
    wrong = [one for one in result.stderr.splitlines() if "_file: /" not in one and "geography.database" not in one]
    assert wrong == []
    assert result.exit_code == (2 if result.stderr else 0), result.output


@every_set
def test_one_instance_works_at_a_time_and_is_given_its_grace(chart: list[Manifest], settings: Settings) -> None:
    spec = only(chart, "Deployment")["spec"]

    assert spec["replicas"] == (2 if settings.standby.enabled else 1)
    assert spec["strategy"]["type"] == ("RollingUpdate" if settings.standby.enabled else "Recreate")
    assert pod(chart)["terminationGracePeriodSeconds"] >= settings.shutdown.grace.total_seconds() + 15


@every_set
def test_the_probes_ask_for_paths_that_the_service_answers_on_its_port(
    chart: list[Manifest], settings: Settings
) -> None:
    one = container(chart)
    asked = {one[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}

    assert asked == PROBES.keys()
    assert one["ports"][0] == {"name": "http", "containerPort": settings.http.port, "protocol": "TCP"}
    assert of_kind(chart, "Service")[0]["spec"]["ports"][0]["targetPort"] == "http"
    shared = settings.console.enabled and settings.sign_in.issuer
    console = [{"name": "console", "containerPort": settings.console.port, "protocol": "TCP"}] if shared else []
    assert one["ports"][1:] == console


@every_set
def test_every_file_that_the_configuration_names_is_on_a_mount(chart: list[Manifest], settings: Settings) -> None:
    mounts = {mount["mountPath"]: mount["name"] for mount in container(chart)["volumeMounts"]}
    named = [Path(path) for path in re.findall(r"(?:_file|path|database): (\S+)", config_text(chart))]
    there = set(mounts)
    if "azure.workload.identity/use" in only(chart, "Deployment")["spec"]["template"]["metadata"]["labels"]:
        there.add("/var/run/secrets/azure/tokens")  # AKS mounts that

    assert [path for path in named if not any(path.is_relative_to(mount) for mount in there)] == []
    assert set(mounts.values()) == volumes(chart).keys()
    assert settings.snapshots.kind == "blob" or settings.snapshots.path.is_relative_to("/state")


def test_state_in_a_blob_needs_no_volume_that_outlives_the_pod(rendered: dict[str, dict[str, Any]]) -> None:
    chart = manifests(rendered["blob"])

    assert volumes(chart) == {"config": "configMap", "tmp": "emptyDir", "state": "emptyDir", "secrets": "csi"}
    assert of_kind(chart, "PersistentVolumeClaim") == []
    assert yaml.safe_load(config_text(chart))["dead_letter"]["kind"] == "blob"


def test_state_on_a_volume_survives_an_uninstall_and_admits_one_pod(rendered: dict[str, dict[str, Any]]) -> None:
    chart = manifests(rendered["volume"])
    claim = only(chart, "PersistentVolumeClaim")

    assert volumes(chart)["state"] == "persistentVolumeClaim"
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_a_claim_that_exists_is_used_instead_of_a_new_one(rendered: dict[str, dict[str, Any]]) -> None:
    chart = manifests(rendered["development"])
    (state,) = [volume for volume in pod(chart)["volumes"] if volume["name"] == "state"]

    assert of_kind(chart, "PersistentVolumeClaim") == []
    assert state["persistentVolumeClaim"] == {"claimName": "scratch"}


# --- safety ---


@every_set
def test_every_pod_keeps_the_restricted_profile(chart: list[Manifest]) -> None:
    for spec in [pod(chart), only(chart, "Pod")["spec"]]:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["automountServiceAccountToken"] is False
        for one in spec["containers"]:
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }
            assert one["resources"].keys() == {"requests", "limits"}
        kinds = {next(key for key in volume if key != "name") for volume in spec.get("volumes", [])}
        assert kinds <= {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "csi"}


@every_set
def test_the_user_is_the_images(chart: list[Manifest]) -> None:
    user = pod(chart)["securityContext"]

    assert f"USER {user['runAsUser']}:{user['runAsGroup']}" in (ROOT / "Dockerfile").read_text()
    assert container(chart)["args"] == ["run"]


def test_workload_identity_is_on_pod_and_account_and_no_other_credential_is_tried(
    rendered: dict[str, dict[str, Any]],
) -> None:
    chart = manifests(rendered["blob"])
    labels = only(chart, "Deployment")["spec"]["template"]["metadata"]["labels"]
    account = only(chart, "ServiceAccount")["metadata"]

    assert labels["azure.workload.identity/use"] == "true"
    assert account["annotations"] == {"azure.workload.identity/client-id": "11111111-2222-3333-4444-555555555555"}
    assert account["name"] == pod(chart)["serviceAccountName"]
    assert {"name": "AZURE_TOKEN_CREDENTIALS", "value": "WorkloadIdentityCredential"} in container(chart)["env"]


def test_without_workload_identity_nothing_speaks_of_it(rendered: dict[str, dict[str, Any]]) -> None:
    text = json.dumps(manifests(rendered["development"]))

    assert "azure.workload.identity" not in text
    assert "AZURE_TOKEN_CREDENTIALS" not in text


def test_the_key_vaults_secrets_become_the_files_that_the_sinks_name(rendered: dict[str, dict[str, Any]]) -> None:
    chart = manifests(rendered["everything"])
    provider = only(chart, "SecretProviderClass")
    objects = [yaml.safe_load(entry) for entry in yaml.safe_load(provider["spec"]["parameters"]["objects"])["array"]]
    (mounted,) = [volume["csi"] for volume in pod(chart)["volumes"] if volume["name"] == "secrets"]
    named = set(re.findall(r"_file: /mnt/secrets-store/(\S+)", config_text(chart)))

    assert (provider["apiVersion"], provider["spec"]["provider"]) == ("secrets-store.csi.x-k8s.io/v1", "azure")
    assert {entry["objectName"] for entry in objects} == named
    assert {entry["objectType"] for entry in objects} == {"secret"}
    assert mounted["volumeAttributes"] == {"secretProviderClass": provider["metadata"]["name"]}


@pytest.mark.parametrize("which", ["blob", "volume"])
def test_a_drain_is_never_blocked(chart: list[Manifest]) -> None:
    spec = only(chart, "PodDisruptionBudget")["spec"]

    assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert "minAvailable" not in spec


@every_set
def test_whatever_selects_the_service_selects_its_pod_and_not_the_tests(chart: list[Manifest]) -> None:
    labels = only(chart, "Deployment")["spec"]["template"]["metadata"]["labels"]
    test = only(chart, "Pod")["metadata"]["labels"]
    selectors = [
        only(chart, "Deployment")["spec"]["selector"]["matchLabels"],
        *(one["spec"]["selector"] for one in of_kind(chart, "Service")),
    ]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in of_kind(chart, "PodDisruptionBudget")]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in of_kind(chart, "PodMonitor")]
    policies = [one["spec"]["podSelector"]["matchLabels"] for one in of_kind(chart, "NetworkPolicy")]

    for selector in selectors + policies[:1]:
        assert selector.items() <= labels.items()
        assert not selector.items() <= test.items()
    for selector in policies[1:]:
        assert selector.items() <= test.items()


@pytest.mark.parametrize(
    ("which", "groups"),
    [
        ("blob", ["azmonitoring.coreos.com/v1"]),
        ("volume", ["monitoring.coreos.com/v1"]),
        ("everything", ["monitoring.coreos.com/v1", "azmonitoring.coreos.com/v1"]),
        ("development", []),
    ],
)
def test_both_kinds_of_prometheus_can_be_told_to_scrape(chart: list[Manifest], groups: list[str]) -> None:
    monitors = of_kind(chart, "PodMonitor")

    assert [monitor["apiVersion"] for monitor in monitors] == groups
    for monitor in monitors:
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert (endpoint["port"], endpoint["path"]) == (container(chart)["ports"][0]["name"], "/metrics")


# --- changes ---


def test_a_change_of_configuration_restarts_the_pod_and_one_of_suppressions_does_not() -> None:
    def annotations(answer: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = only(manifests(answer), "Deployment")["spec"]["template"]["metadata"]["annotations"]
        return found

    before, changed, suppressed, resuppressed = answers(
        case("blob"),
        case("blob", "config: {alerting: {alerts_per_day: 3}}"),
        case("blob", "suppressions: 'suppressions: []'"),
        case("blob", "suppressions: '# none today'"),
    )

    assert annotations(before) != annotations(changed)
    assert annotations(before) != annotations(suppressed), "the service has to be told where the file is"
    assert annotations(suppressed) == annotations(resuppressed)
    assert pod(manifests(suppressed)) == pod(manifests(resuppressed))


@every_set
def test_nothing_is_mounted_in_a_way_that_keeps_changes_out(chart: list[Manifest]) -> None:
    assert [mount for mount in container(chart)["volumeMounts"] if "subPath" in mount] == []


def test_the_longest_name_of_a_release_still_gives_valid_names() -> None:
    (answer,) = answers(case("everything", "{nameOverride: '', fullnameOverride: ''}", name="r" * 53))
    names = [manifest["metadata"]["name"] for manifest in manifests(answer)]

    assert [name for name in names if len(name) > 63] == []
    assert len(set(names)) >= 4


# --- what a person reads ---


@every_set
def test_the_notes_name_the_next_commands(rendered: dict[str, dict[str, Any]], which: str) -> None:
    notes = rendered[which]["manifests"]["unwonted/templates/NOTES.txt"]
    name = only(manifests(rendered[which]), "Deployment")["metadata"]["name"]
    commands = set(re.findall(r"-- unwonted ([a-z-]+)", notes))

    assert "helm test unwonted -n unwonted" in notes
    assert f"kubectl rollout status deployment/{name}" in notes
    assert commands
    assert commands <= LISTED.keys()
    assert ("federated credential" in notes) == (which != "development")


def test_the_chart_can_be_printed_without_a_helm() -> None:
    result = judge("python", "deploy/helm/render.py", "-f", CHART / "ci" / "blob-values.yaml", "-n", "soc")
    printed = [manifest for manifest in yaml.safe_load_all(result.stdout) if manifest]

    assert result.returncode == 0, result.stderr
    assert {manifest["metadata"]["namespace"] for manifest in printed} == {"soc"}
    assert {"Deployment", "ConfigMap", "NetworkPolicy"} <= {manifest["kind"] for manifest in printed}


class Ready(BaseHTTPRequestHandler):
    """Answers as the service does, ready or not."""

    status, body = 200, b'{"ok": true}'

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class NotReady(Ready):
    status, body = 503, b'{"partitions": "3 of 4 partitions claimed"}'


@pytest.fixture
def listening(handler: type[Ready]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize(
    ("handler", "code", "says"), [(Ready, 0, '{"ok": true}'), (NotReady, 1, "3 of 4 partitions claimed")]
)
def test_helm_test_asks_until_the_service_is_ready(
    rendered: dict[str, dict[str, Any]], listening: int, code: int, says: str
) -> None:
    test = only(manifests(rendered["blob"]), "Pod")
    (one,) = test["spec"]["containers"]
    (script,) = one["args"]
    script = script.replace("unwonted.unwonted.svc:8080", f"127.0.0.1:{listening}").replace("+ 120", "+ 1")
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)

    assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert one["command"] == ["python", "-c"]
    assert result.returncode == code, result.stderr
    assert says in result.stdout + result.stderr
