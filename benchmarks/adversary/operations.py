"""What attackers of the control plane want, and what is harmless: names of operations, nothing else."""

from demo.tenant import BY_ACTION, Operation, named

_TELLING = ("authorization/", "accesspolicies", "extensions", "federated", "firewall", "securityrules", "runbooks",
            "runcommand", "secrets", "webhooks", "snapshots", "pricings", "administrators", "localusers", "role",
            "suppression", "credential", "keys/", "generatekeypair", "assign")  # fmt: skip


def _parse(names: str) -> tuple[Operation, ...]:
    return tuple(named(f"Microsoft.{name}") for name in names.split())


ELEVATE = named("Microsoft.Authorization/elevateAccess/action")
ASSIGN = named("Microsoft.Authorization/roleAssignments/write")
WANTED: tuple[Operation, ...] = _parse("""
    Authorization/roleAssignments/write
    Authorization/roleDefinitions/write
    Authorization/elevateAccess/action
    Authorization/policyExemptions/write
    Authorization/locks/delete
    KeyVault/vaults/accessPolicies/write
    Compute/virtualMachines/runCommand/action
    Compute/virtualMachines/runCommands/write
    Compute/virtualMachines/extensions/write
    Compute/disks/beginGetAccess/action
    Compute/snapshots/beginGetAccess/action
    Insights/diagnosticSettings/delete
    Storage/storageAccounts/listKeys/action
    Storage/storageAccounts/localUsers/write
    Storage/storageAccounts/listAccountSas/action
    Automation/automationAccounts/runbooks/draft/write
    Automation/automationAccounts/runbooks/publish/action
    Automation/automationAccounts/webhooks/write
    ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write
    Sql/servers/firewallRules/write
    Sql/servers/databases/export/action
    Network/networkSecurityGroups/securityRules/write
    Web/sites/publishxml/action
    Web/sites/config/list/action
    ContainerService/managedClusters/listClusterAdminCredential/action
    ContainerService/managedClusters/runCommand/action
    DocumentDB/databaseAccounts/listKeys/action
    EventHub/namespaces/authorizationRules/listKeys/action
    Security/pricings/write
    Resources/deploymentScripts/write
""")
"""What a stolen identity is used for."""

BLINDING: dict[str, Operation] = {
    "diagnostic settings": named("Microsoft.Insights/diagnosticSettings/delete"),
    "Event Hubs namespace": named("Microsoft.EventHub/namespaces/delete"),
    "event hub": named("Microsoft.EventHub/namespaces/eventhubs/delete"),
    "authorization rule": named("Microsoft.EventHub/namespaces/authorizationRules/delete"),
    "storage account": named("Microsoft.Storage/storageAccounts/delete"),
}
"""What ends the export that this product lives on, or what it keeps its state in."""

HARMLESS: tuple[Operation, ...] = tuple(
    entry
    for entry in BY_ACTION.values()
    if entry.action.endswith("/write") and not any(word in entry.action for word in _TELLING)
)
"""What nobody would look at twice."""
