"""Both templates for Microsoft Sentinel make the same: a table, a way into it, and the right of one identity to it."""

import json

import pytest

from service.sinks.sentinel.columns import COLUMNS
from service.sinks.sentinel.settings import SentinelSettings
from tests.infra.azure_templates import AZURE, Tree, literals, plain, resources
from tests.infra.judges import needs_judges

pytestmark = [pytest.mark.integration, needs_judges]


def test_alerts_for_sentinel_have_a_table_a_way_into_it_and_nobody_else_may_use_it(parsed: tuple[Tree, Tree]) -> None:
    tree, columns = parsed[0]["sentinel"], json.loads((AZURE / "sentinel-columns.json").read_text())
    made = {it["type"]: it["config"] for _, it in resources({"sentinel": tree})}
    table = made["Microsoft.OperationalInsights/workspaces/tables"]
    rule = made["Microsoft.Insights/dataCollectionRules"]["properties"]
    assignment = made["Microsoft.Authorization/roleAssignments"]
    settings = SentinelSettings.model_construct()
    [flow], [streams] = rule["dataFlows"], [rule["streamDeclarations"]]

    assert f"Custom-{table['name']}" == settings.stream == flow["outputStream"]
    assert table["properties"]["schema"]["name"] == table["name"]
    assert {name.strip("'") for name in streams} == {settings.stream}
    assert {one["name"]: one["type"] for one in columns["stream"]} == COLUMNS
    assert [one["name"] for one in columns["table"]] == list(COLUMNS)
    assert {one["type"] for one in columns["table"]} <= {"string", "int", "real", "dynamic", "dateTime"}
    assert literals(assignment["properties"]["roleDefinitionId"]) >= {"monitoringMetricsPublisher"}
    assert tree["variables"]["monitoringMetricsPublisher"]["value"] == "3913510d-42f4-4e42-8a64-420c390055eb"
    assert assignment["scope"] == "rule"
    assert tree["outputs"].keys() == {"endpoint", "ruleId"}


def test_terraform_makes_the_same_for_sentinel_and_nothing_without_a_workspace(parsed: tuple[Tree, Tree]) -> None:
    bicep, tree = parsed[0]["sentinel"], parsed[1]["sentinel"]
    theirs = {
        body["type"].partition("@")[0]: (body["type"], body)
        for entry in tree["resource"]
        for kind, named in entry.items()
        if kind == "azapi_resource"
        for body in map(plain, named.values())
    }
    ours = {it["type"]: it for _, it in resources({"sentinel": bicep})}
    roles = [plain(body) for entry in tree["resource"] for body in entry.get("azurerm_role_assignment", {}).values()]

    assert theirs.keys() | {"Microsoft.Authorization/roleAssignments"} == ours.keys()
    for kind, (typed, body) in theirs.items():
        assert typed == f"{kind}@{ours[kind]['api_version']}"
        assert body["name"] == ours[kind]["config"]["name"].strip("'")
        assert body["count"] == "${local.sentinel}"
        same = literals(body["body"]) & literals(ours[kind]["config"])
        assert (
            same
            >= {
                "Microsoft.OperationalInsights/workspaces/tables": {"UnwontedAlerts_CL", "Analytics"},
                "Microsoft.Insights/dataCollectionEndpoints": {"Enabled"},
                "Microsoft.Insights/dataCollectionRules": {"Custom-UnwontedAlerts_CL", "sentinel", "source"},
            }[kind]
        )
        assert body["body"]["properties"].keys() == ours[kind]["config"]["properties"].keys()
    [role] = roles
    assert role["count"] == "${local.sentinel}"
    [known] = [plain(one) for one in tree["locals"]]
    assert known["monitoring_metrics_publisher"] == bicep["variables"]["monitoringMetricsPublisher"]["value"]
    assert "../sentinel-columns.json" in str(known["sentinel_columns"])
