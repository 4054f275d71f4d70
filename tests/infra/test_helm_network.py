"""Whom the chart's network policies let in and out."""

import pytest

from tests.infra.charts import Manifest, answers, case, manifests, of_kind
from tests.infra.judges import needs_judges

pytestmark = [pytest.mark.integration, needs_judges]


@pytest.mark.parametrize(("which", "ports"), [("blob", {443, 5671}), ("everything", {443, 587, 1514, 5671, 6514})])
def test_the_network_policy_lets_out_what_is_needed_and_never_to_the_nodes_identity(
    chart: list[Manifest], ports: set[int]
) -> None:
    policy, _ = of_kind(chart, "NetworkPolicy")
    (world,) = [
        rule for rule in policy["spec"]["egress"] if rule["to"][0].get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
    ]

    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert [rule["ports"] for rule in policy["spec"]["ingress"]] == [[{"protocol": "TCP", "port": "http"}]]
    assert {port["port"] for port in world["ports"]} == ports
    assert {port["port"] for port in world["ports"] if port["protocol"] == "UDP"} == ports & {1514}
    assert world["to"][0]["ipBlock"]["except"] == ["169.254.0.0/16"]


@pytest.mark.parametrize(
    ("which", "admitted"), [("blob", ["kube-system"]), ("volume", ["monitoring"]), ("everything", ["monitoring"])]
)
def test_the_network_policy_admits_the_scraper_and_the_test_alone(chart: list[Manifest], admitted: list[str]) -> None:
    policy, test = of_kind(chart, "NetworkPolicy")
    [ingress] = policy["spec"]["ingress"]
    own, *peers = ingress["from"]

    assert own == {"podSelector": test["spec"]["podSelector"]}
    assert [peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in peers] == admitted


def test_a_network_policy_that_nobody_scrapes_behind_admits_nobody_but_the_test() -> None:
    (answer,) = answers(case("blob", "podMonitor: {apiGroups: []}"))
    policy, _ = of_kind(manifests(answer), "NetworkPolicy")

    assert [len(rule["from"]) for rule in policy["spec"]["ingress"]] == [1]
