"""Bicep and Terraform: parsed, compared with each other, and in agreement with the chart and with the service.

Neither compiler is at hand offline, so nothing here was deployed. What can be known without Azure is asserted.
"""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from service.core.parsing.categories import LeftOut, category_of
from tests.infra.azure_templates import AZURE, Tree, literals, plain, resources
from tests.infra.charts import CHART
from tests.infra.judges import ROOT, judge, needs_judges

pytestmark = [pytest.mark.integration, needs_judges]

TWINS = {
    "Microsoft.Resources/resourceGroups": "azurerm_resource_group",
    "Microsoft.EventHub/namespaces": "azurerm_eventhub_namespace",
    "Microsoft.EventHub/namespaces/eventhubs": "azurerm_eventhub",
    "Microsoft.EventHub/namespaces/eventhubs/consumergroups": "azurerm_eventhub_consumer_group",
    "Microsoft.EventHub/namespaces/authorizationRules": "azurerm_eventhub_namespace_authorization_rule",
    "Microsoft.Storage/storageAccounts": "azurerm_storage_account",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "azurerm_storage_container",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "azurerm_user_assigned_identity",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials": (
        "azurerm_federated_identity_credential"
    ),
    "Microsoft.Authorization/roleAssignments": "azurerm_role_assignment",
    "Microsoft.Insights/diagnosticSettings": "azurerm_monitor_diagnostic_setting",
}
ROLES = {  # Microsoft Learn, Azure built-in roles
    "eventHubsDataReceiver": "a638d3c7-ab3a-418d-83e6-5f17a39d4fde",
    "storageBlobDataContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
}
CATEGORIES = {  # Microsoft Learn, Azure activity log event schema
    *("Administrative", "Security", "ServiceHealth", "Alert"),
    *("Recommendation", "Policy", "Autoscale", "ResourceHealth"),
}
BY_ITSELF = {"prometheus", "sentinel"}
"""Templates that are deployed to a place of their own."""


@pytest.fixture
def bicep(parsed: tuple[Tree, Tree]) -> Tree:
    """What Terraform describes as well."""
    return {file: tree for file, tree in parsed[0].items() if file not in BY_ITSELF}


@pytest.fixture
def terraform(parsed: tuple[Tree, Tree]) -> Tree:
    """Resources by type and name, variables and outputs by name; the parser wraps every value in a list of one."""
    merged: Tree = {"resource": {}, "variable": {}, "output": {}, "locals": {}}
    for file, tree in parsed[1].items():
        if file in BY_ITSELF:
            continue
        for entry in tree.get("resource", []):
            for kind, named in entry.items():
                merged["resource"].setdefault(kind, {}).update({name: plain(body) for name, body in named.items()})
        for kind in ("variable", "output"):
            for entry in tree.get(kind, []):
                merged[kind].update({name: plain(body) for name, body in entry.items()})
        for entry in tree.get("locals", []):
            merged["locals"].update(plain(entry))
    return merged


def of_type(bicep: Tree, kind: str, file: str | None = None) -> Tree:
    (one,) = [it["config"] for at, it in resources(bicep) if it["type"] == kind and file in {None, at}]
    config: Tree = one
    return config


def one(terraform: Tree, kind: str) -> Tree:
    (body,) = terraform["resource"][kind].values()
    found: Tree = body
    return found


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def test_both_make_the_same_kinds_of_resource(bicep: Tree, terraform: Tree) -> None:
    made = [resource["type"] for _, resource in resources(bicep)]
    twins = {TWINS[kind] for kind in made if kind != "Microsoft.Storage/storageAccounts/blobServices"}

    assert twins | {"azapi_resource"} == terraform["resource"].keys()
    assert made.count("Microsoft.Authorization/roleAssignments") == 2
    assert len(terraform["resource"]["azurerm_role_assignment"]) == 2


def test_every_resource_names_a_version_of_its_api_and_only_the_export_a_preview(
    parsed: tuple[Tree, Tree],
) -> None:
    versions = {(resource["type"], resource["api_version"]) for _, resource in resources(parsed[0])}

    assert len({kind for kind, _ in versions}) == len(versions), "one version a kind"
    assert [version for _, version in versions if not re.fullmatch(r"20\d\d-\d\d-\d\d(-preview)?", version)] == []
    # There has never been another one for diagnostic settings.
    assert {kind for kind, version in versions if "preview" in version} == {"Microsoft.Insights/diagnosticSettings"}


def test_both_describe_the_same_hub(bicep: Tree, terraform: Tree) -> None:
    namespace = of_type(bicep, "Microsoft.EventHub/namespaces")
    hub = of_type(bicep, "Microsoft.EventHub/namespaces/eventhubs")
    rule = of_type(bicep, "Microsoft.EventHub/namespaces/authorizationRules")
    theirs, their_hub = one(terraform, "azurerm_eventhub_namespace"), one(terraform, "azurerm_eventhub")
    their_rule = one(terraform, "azurerm_eventhub_namespace_authorization_rule")

    assert (hub["name"], hub["properties"]["partitionCount"]) == ("activity-log", 4)
    assert hub["properties"]["retentionDescription"]["retentionTimeInHours"] == 7 * 24
    assert (their_hub["name"], their_hub["partition_count"], their_hub["message_retention"]) == ("activity-log", 4, 7)
    assert namespace["sku"] == {"name": "Standard", "tier": "Standard", "capacity": 1}
    assert (theirs["sku"], theirs["capacity"]) == ("Standard", 1)
    assert namespace["properties"]["maximumThroughputUnits"] == theirs["maximum_throughput_units"]
    assert namespace["properties"]["minimumTlsVersion"] == theirs["minimum_tls_version"] == "1.2"
    assert namespace["properties"]["disableLocalAuth"] is not theirs["local_authentication_enabled"]
    assert rule["name"] == their_rule["name"]
    assert {right.lower() for right in rule["properties"]["rights"]} == {
        right for right in ("listen", "manage", "send") if their_rule[right]
    }


def test_both_keep_the_state_from_everybody_else(bicep: Tree, terraform: Tree) -> None:
    account = of_type(bicep, "Microsoft.Storage/storageAccounts")
    container = of_type(bicep, "Microsoft.Storage/storageAccounts/blobServices/containers")
    theirs = one(terraform, "azurerm_storage_account")
    their_container = one(terraform, "azurerm_storage_container")

    assert account["sku"]["name"] == f"{theirs['account_tier']}_{theirs['account_replication_type']}"
    assert account["properties"]["allowBlobPublicAccess"] is theirs["allow_nested_items_to_be_public"] is False
    assert account["properties"]["allowSharedKeyAccess"] is theirs["shared_access_key_enabled"] is False
    assert account["properties"]["supportsHttpsTrafficOnly"] is theirs["https_traffic_only_enabled"] is True
    assert account["properties"]["minimumTlsVersion"] == theirs["min_tls_version"]
    assert container["name"] == their_container["name"]
    assert (container["properties"]["publicAccess"], their_container["container_access_type"]) == ("None", "private")


def test_both_trust_the_service_account_that_the_chart_makes(bicep: Tree, terraform: Tree) -> None:
    credential = of_type(bicep, "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials")
    theirs = one(terraform, "azurerm_federated_identity_credential")
    subject = credential["properties"]["subject"]

    assert subject == "system:serviceaccount:${kubernetesNamespace}:${serviceAccountName}"
    assert theirs["subject"] == re.sub(r"\{(\w+)\}", lambda name: f"{{var.{snake(name[1])}}}", subject)
    assert credential["properties"]["audiences"] == ["api://AzureADTokenExchange"]
    assert theirs["audience"] in ("api://AzureADTokenExchange", ["api://AzureADTokenExchange"])
    # The chart's names, where the release is called unwonted and lives in a namespace of that name.
    assert bicep["main"]["parameters"]["serviceAccountName"]["default"] == "unwonted"
    assert terraform["variable"]["service_account_name"]["default"] == "unwonted"


def test_the_service_may_do_two_things_and_on_nothing_larger_than_it_needs(bicep: Tree, terraform: Tree) -> None:
    access = bicep["access"]
    assignments = [it["config"] for _, it in resources(bicep) if it["type"].endswith("/roleAssignments")]
    given = {
        (literals(it["properties"]["roleDefinitionId"]) & ROLES.keys()).pop(): access["resources"][it["scope"]]["type"]
        for it in assignments
    }
    theirs = {
        it["role_definition_id"].rpartition(".")[2].rstrip("}"): it["scope"]
        for it in terraform["resource"]["azurerm_role_assignment"].values()
    }

    assert {name: entry["value"] for name, entry in access["variables"].items()} == ROLES
    assert {name: terraform["locals"][snake(name)] for name in ROLES} == ROLES
    assert given == {
        "eventHubsDataReceiver": "Microsoft.EventHub/namespaces/eventhubs",
        "storageBlobDataContributor": "Microsoft.Storage/storageAccounts/blobServices/containers",
    }
    assert theirs == {
        "event_hubs_data_receiver": "${azurerm_eventhub.hub.id}",
        "storage_blob_data_contributor": "${azurerm_storage_container.container.id}",
    }


def test_what_is_exported_is_what_the_service_knows_as_somebodys_doing(bicep: Tree, terraform: Tree) -> None:
    somebodys = {name for name in CATEGORIES if category_of(None, name, None, None) in {None, LeftOut.POLICY}}
    settings = {file: it for file, it in resources(bicep) if it["type"] == "Microsoft.Insights/diagnosticSettings"}
    exported = {
        file: {log["category"] for log in it["config"]["properties"]["logs"] if log["enabled"]}
        for file, it in settings.items()
    }
    theirs = {log["category"][0] for log in one(terraform, "azurerm_monitor_diagnostic_setting")["enabled_log"]}
    group = one(terraform, "azapi_resource")

    assert exported == {"subscription-export": somebodys, "management-group": somebodys}
    assert theirs == somebodys
    assert literals(group["body"]) & CATEGORIES == somebodys
    assert group["type"] == "Microsoft.Insights/diagnosticSettings@" + settings["management-group"]["api_version"]
    assert bicep["management-group"]["globals"]["scope"]["value"] == "managementGroup"
    assert bicep["subscription-export"]["globals"]["scope"]["value"] == "subscription"


def test_both_ask_the_same_and_answer_the_same(bicep: Tree, terraform: Tree) -> None:
    asked = {snake(name) for name in bicep["main"]["parameters"]}
    answered = {snake(name) for name in bicep["main"]["outputs"]}

    # Terraform is told the subscription, and takes the management groups along; Bicep deploys to them one by one.
    assert asked == terraform["variable"].keys() - {"subscription_id", "management_group_ids"}
    assert answered == terraform["output"].keys()
    for name, parameter in bicep["main"]["parameters"].items():
        variable = terraform["variable"][snake(name)]
        assert (parameter["default"] is None) == ("default" not in variable), name
        assert variable["description"] in str(parameter["decorators"]).replace("\\", ""), name


def test_modules_are_given_what_they_ask_for(bicep: Tree) -> None:
    for file, tree in bicep.items():
        for name, module in tree.get("modules", {}).items():
            path = module["detail"]["path"]
            wanted = bicep[path.rpartition("/")[2].removesuffix(".bicep")]["parameters"]
            config = module["config"].get("config", module["config"])  # a conditional one is wrapped once more
            given = config["params"].keys()

            assert (AZURE / "bicep" / path).exists(), (file, name)
            assert given <= wanted.keys(), (file, name)
            assert {key for key, parameter in wanted.items() if parameter["default"] is None} <= given, (file, name)


def test_every_output_that_is_asked_of_a_module_is_one_that_it_has(bicep: Tree) -> None:
    modules = {name: module["detail"]["path"] for name, module in bicep["main"]["modules"].items()}
    text = (AZURE / "bicep" / "main.bicep").read_text(encoding="utf-8")
    asked = re.findall(r"\b(\w+)\.outputs\.(\w+)", text)

    assert len(asked) > 8
    for module, output in asked:
        assert output in bicep[modules[module].rpartition("/")[2].removesuffix(".bicep")]["outputs"], (module, output)


def test_the_chart_reads_what_is_made(bicep: Tree) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())["config"]

    group = of_type(bicep, "Microsoft.EventHub/namespaces/eventhubs/consumergroups")
    container = of_type(bicep, "Microsoft.Storage/storageAccounts/blobServices/containers")
    assert values["event_hub"]["consumer_group"] == group["name"]
    assert values["snapshots"]["container"] == container["name"]


def test_managed_prometheus_has_every_rule_that_prometheus_has(parsed: tuple[Tree, Tree]) -> None:
    groups = json.loads((AZURE / "prometheus-rules.json").read_text())
    theirs = [
        group
        for name in ("recording.yml", "alerts.yml")
        for group in yaml.safe_load((ROOT / "config" / "prometheus" / name).read_text())["groups"]
    ]

    assert [group["name"] for group in groups] == [group["name"] for group in theirs]
    for group, original in zip(groups, theirs, strict=True):
        assert group["interval"] == "PT1M"
        assert len(group["rules"]) <= 20, "more are refused"
        for rule, source in zip(group["rules"], original["rules"], strict=True):
            assert rule["expression"] == source["expr"].strip()
            assert rule.get("record") == source.get("record")
            assert rule.get("alert") == source.get("alert")
            if "alert" in rule:
                assert rule["severity"] == {"critical": 0, "warning": 2}[source["labels"]["severity"]]
                assert rule.get("for", "") == ISO[source.get("for", "")]
                assert rule["annotations"].keys() == source["annotations"].keys()
                functions = re.findall(r"{{(.*?)}}", str(rule["annotations"]))
                assert all(re.fullmatch(r" \$(value|labels\.\w+) ", one) for one in functions), rule["alert"]


ISO = {"": "", "2m": "PT2M", "3m": "PT3M", "5m": "PT5M", "10m": "PT10M", "15m": "PT15M", "30m": "PT30M"} | {
    "1h": "PT1H", "2h": "PT2H"
}  # fmt: skip


def test_both_take_the_rules_from_the_same_file_and_call_the_same_action_group(parsed: tuple[Tree, Tree]) -> None:
    bicep, terraform = parsed[0]["prometheus"], parsed[1]["prometheus"]
    [made] = [it for _, it in resources({"prometheus": bicep})]
    [rules] = [plain(body) for entry in terraform["resource"] for body in entry["azapi_resource"].values()]
    theirs = rules["body"]["properties"]
    ours = made["config"]["config"]["properties"]

    assert rules["type"] == f"{made['type']}@{made['api_version']}"
    assert theirs.keys() == ours.keys()
    assert theirs["description"] == ours["description"]
    assert "../prometheus-rules.json" in str(terraform["locals"])
    assert "../prometheus-rules.json" in str(bicep["variables"]["groups"])
    assert {"azureMonitorWorkspaceId", "actionGroupId", "location"} == bicep["parameters"].keys()
    variables = {name: plain(body) for entry in terraform["variable"] for name, body in entry.items()}
    assert variables.keys() == {"azure_monitor_workspace_id", "azure_monitor_workspace_location", "action_group_id"}
    assert all(variable["default"] == "" for variable in variables.values())


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_would_format_it_the_same() -> None:
    command = ["terraform", "fmt", "-check", "-recursive", "deploy/azure/terraform"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (result.returncode, result.stdout) == (0, "")


LEFT_ALONE = {
    "CKV_AZURE_33": "there are no queues",
    "CKV_AZURE_35": "no private network is assumed; who has one adds it, and Entra guards the door in any case",
    "CKV_AZURE_43": "the name is a parameter, with its bounds",
    "CKV_AZURE_59": "the same as CKV_AZURE_35",
    "CKV_AZURE_206": "three zones of one region; habits can be learnt again, and should not leave the region",
    "CKV2_AZURE_1": "a key of one's own is a policy of one's own",
    "CKV2_AZURE_21": "one reader, at each start",
    "CKV2_AZURE_33": "the same as CKV_AZURE_35",
    "CKV2_AZURE_38": "soft delete would keep a thousand old snapshots a day, and what was to be forgotten",
}


def test_checkov_finds_nothing_that_was_not_decided() -> None:
    command = ("-d", AZURE, "--framework", "bicep", "terraform", "--skip-download", "-o", "json", "--quiet")
    reports = json.loads(judge("checkov", *command).stdout)
    failed = {check["check_id"] for report in reports for check in report["results"]["failed_checks"]}

    assert {report["check_type"] for report in reports} == {"bicep", "terraform"}
    assert [report["summary"]["parsing_errors"] for report in reports] == [0, 0]
    assert failed == LEFT_ALONE.keys()
