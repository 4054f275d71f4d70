"""The chart with a standby: two pods, of which one waits, and what must not take that one for the other."""

import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

from service.monitoring.http import Health
from tests.infra.charts import answers, case, config_text, manifests, of_kind, only, pod
from tests.infra.judges import needs_judges

pytestmark = [pytest.mark.integration, needs_judges]

STANDBY = "config: {standby: {enabled: true}}"


def waiting() -> bytes:
    """Return what the service answers while it waits, as it would be sent."""
    health = Health()
    health.note_standby(waiting=True)
    result = health.result("ready")
    assert result.ok
    return yaml.safe_dump({"status": "ok", "notes": dict(result.notes)}, default_style='"').encode()


def test_without_it_nothing_of_it_is_there() -> None:
    (answer,) = answers(case("blob"))
    chart = manifests(answer)
    spec = only(chart, "Deployment")["spec"]

    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert "standby" not in config_text(chart)
    assert [one["topologyKey"] for one in pod(chart)["topologySpreadConstraints"]] == ["topology.kubernetes.io/zone"]


def test_two_pods_are_replaced_one_after_the_other_on_two_nodes_and_a_drain_takes_one() -> None:
    (answer,) = answers(case("blob", STANDBY, lint=True))
    chart = manifests(answer)
    spec = only(chart, "Deployment")["spec"]
    (apart, _) = pod(chart)["topologySpreadConstraints"]

    assert answer["lint"] == []
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    assert (apart["topologyKey"], apart["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert apart["labelSelector"]["matchLabels"] == spec["selector"]["matchLabels"]
    assert only(chart, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert yaml.safe_load(config_text(chart))["standby"] == {"enabled": True}


def test_on_a_volume_both_pods_may_mount_it() -> None:
    (answer,) = answers(case("volume", f"{STANDBY}\nvolume: {{accessMode: ReadWriteMany}}"))
    chart = manifests(answer)

    assert only(chart, "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteMany"]
    assert only(chart, "Deployment")["spec"]["replicas"] == 2
    assert of_kind(chart, "PodMonitor")


@pytest.mark.parametrize("works", [True, False])
def test_helm_test_is_not_content_with_a_standby(works: bool) -> None:
    said = [waiting(), waiting(), b'{"status": "ok", "reasons": {}}' if works else waiting()]

    class Both(BaseHTTPRequestHandler):
        """The name of a headless Service: now one pod answers, now the other."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said.pop(0) if len(said) > 1 else said[0])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    (answer,) = answers(case("blob", STANDBY))
    (script,) = only(manifests(answer), "Pod")["spec"]["containers"][0]["args"]
    with ThreadingHTTPServer(("127.0.0.1", 0), Both) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        script = script.replace("unwonted.unwonted.svc:8080", f"127.0.0.1:{server.server_address[1]}")
        script = re.sub(r"sleep\(2\)", "sleep(0.1)", script).replace("+ 120", "+ 3")
        result: Any = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
        )
        server.shutdown()
    assert (result.returncode == 0) == works, result.stderr
    assert ("standby" in result.stderr) == (not works)
