"""Published attack techniques against Azure as sequences of operations, in the order in which they are carried out.

Facts from common knowledge of the field: names of Microsoft's operations and MITRE ATT&CK ids. A name in brackets is a
step that an attacker often leaves out.
"""

from typing import NamedTuple


class Technique(NamedTuple):
    """One way to do harm.

    Attributes
    ----------
    name
        What an analyst would call it.
    mitre
        ATT&CK technique id.
    steps
        Operation names in order.
    optional
        Positions in `steps` that may be left out.
    """

    name: str
    mitre: str
    steps: tuple[str, ...]
    optional: frozenset[int]


def _parse(table: str) -> tuple[Technique, ...]:
    found: list[Technique] = []
    for line in table.strip().splitlines():
        if line.startswith(" "):
            name = line.strip()
            last = found[-1]
            optional = last.optional | {len(last.steps)} if name.startswith("[") else last.optional
            found[-1] = last._replace(steps=(*last.steps, "Microsoft." + name.strip("[]")), optional=optional)
        else:
            mitre, name = line.split(" ", 1)
            found.append(Technique(name, mitre, (), frozenset()))
    return tuple(found)


TECHNIQUES: tuple[Technique, ...] = _parse("""
T1651 Run Command on virtual machines
    Compute/virtualMachines/runCommand/action
    [Compute/virtualMachines/runCommands/write]
T1651 Run Command on scale set instances
    Compute/virtualMachineScaleSets/virtualMachines/runCommand/action
T1651 Custom script extension
    Compute/virtualMachines/extensions/write
    [Compute/virtualMachines/extensions/delete]
T1098.003 Grant oneself a role
    [Authorization/roleDefinitions/write]
    Authorization/roleAssignments/write
T1098.003 Elevate access to the root scope
    Authorization/elevateAccess/action
    Authorization/roleAssignments/write
    [Authorization/locks/delete]
T1552.001 Storage account key theft
    Storage/storageAccounts/listKeys/action
    [Storage/storageAccounts/listAccountSas/action]
T1531 Storage key rotation to lock out owners
    Storage/storageAccounts/listKeys/action
    Storage/storageAccounts/regenerateKey/action
T1530 Container made public
    Storage/storageAccounts/write
    Storage/storageAccounts/blobServices/containers/write
T1537 Replication of objects to a foreign account
    Storage/storageAccounts/write
    Storage/storageAccounts/objectReplicationPolicies/write
T1136.003 Local user on a storage account
    Storage/storageAccounts/localUsers/write
    Storage/storageAccounts/localUsers/listKeys/action
T1537 Disk export through a SAS
    Compute/disks/beginGetAccess/action
    [Compute/disks/endGetAccess/action]
T1578.001 Snapshot export
    Compute/snapshots/write
    Compute/snapshots/beginGetAccess/action
    [Compute/snapshots/delete]
T1578.002 Disk swap to read another machine
    Compute/snapshots/write
    Compute/disks/write
    Compute/virtualMachines/attachDetachDataDisks/action
    [Compute/disks/delete]
T1562.008 Diagnostic settings removed
    Insights/diagnosticSettings/delete
    [Insights/logProfiles/delete]
T1562.001 Alerting silenced
    Insights/activityLogAlerts/delete
    Insights/actionGroups/delete
    [Insights/scheduledQueryRules/delete]
T1562.001 Defender plans switched off
    Security/pricings/write
    Security/alertsSuppressionRules/write
    [Security/autoProvisioningSettings/write]
T1562.001 Sentinel blinded
    SecurityInsights/alertRules/delete
    SecurityInsights/dataConnectors/delete
    [SecurityInsights/automationRules/write]
T1555.006 Key vault access policy changed
    KeyVault/vaults/accessPolicies/write
    [KeyVault/vaults/secrets/write]
T1485 Key vault destroyed
    KeyVault/vaults/delete
    KeyVault/locations/deletedVaults/purge/action
T1053 Runbook as a back door
    [Automation/automationAccounts/write]
    Automation/automationAccounts/runbooks/write
    Automation/automationAccounts/runbooks/publish/action
    Automation/automationAccounts/webhooks/write
    [Automation/automationAccounts/jobs/write]
T1648 Runbook run under a managed identity
    Automation/automationAccounts/runbooks/draft/write
    Automation/automationAccounts/runbooks/publish/action
    Automation/automationAccounts/jobs/write
T1098.001 Federated credential on a managed identity
    ManagedIdentity/userAssignedIdentities/write
    ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write
    Authorization/roleAssignments/write
T1098.003 Managed identity attached to a machine
    ManagedIdentity/userAssignedIdentities/assign/action
    Compute/virtualMachines/write
    Compute/virtualMachines/runCommand/action
T1552.001 Publishing profile theft
    Web/sites/publishxml/action
    [Web/sites/config/list/action]
T1525 App settings read and code replaced
    Web/sites/config/list/action
    Web/sites/sourcecontrols/write
    Web/sites/restart/action
T1552.001 Function keys theft
    Web/sites/host/listkeys/action
    [Web/sites/functions/listkeys/action]
    [Web/sites/host/functionkeys/write]
T1648 Logic app tampering
    Logic/workflows/write
    Logic/workflows/triggers/listCallbackUrl/action
    [Logic/workflows/triggers/run/action]
T1552.007 Cluster admin credential
    ContainerService/managedClusters/listClusterAdminCredential/action
    [ContainerService/managedClusters/runCommand/action]
T1609 Command invoked in a cluster
    ContainerService/managedClusters/runCommand/action
T1525 Registry credentials and image import
    ContainerRegistry/registries/listCredentials/action
    ContainerRegistry/registries/importImage/action
    [ContainerRegistry/registries/tokens/write]
T1562.007 Network security group opened
    Network/networkSecurityGroups/securityRules/write
    [Network/publicIPAddresses/write]
    [Network/networkInterfaces/write]
T1562.007 Firewall rules weakened
    Network/firewallPolicies/ruleCollectionGroups/write
    [Network/azureFirewalls/write]
T1040 Traffic captured
    Network/networkWatchers/packetCaptures/write
    [Network/networkWatchers/packetCaptures/delete]
T1530 Database opened to the internet and exported
    Sql/servers/firewallRules/write
    [Sql/servers/administrators/write]
    Sql/servers/databases/export/action
    [Sql/servers/firewallRules/delete]
T1562.008 Database auditing off
    Sql/servers/auditingSettings/write
    Sql/servers/securityAlertPolicies/write
T1552.001 Cosmos DB key theft
    DocumentDB/databaseAccounts/listKeys/action
    [DocumentDB/databaseAccounts/listConnectionStrings/action]
T1562.001 Policy exemption
    Authorization/policyExemptions/write
    [Authorization/policyAssignments/delete]
T1485 Locks removed, resources destroyed
    Authorization/locks/delete
    Storage/storageAccounts/delete
    Sql/servers/databases/delete
    Resources/subscriptions/resourceGroups/delete
T1490 Backups destroyed before ransom
    RecoveryServices/vaults/backupconfig/write
    RecoveryServices/vaults/backupResourceGuardProxies/delete
    RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/delete
    Compute/snapshots/delete
    [Compute/restorePointCollections/delete]
T1486 Ransom through customer-managed keys
    KeyVault/vaults/write
    KeyVault/vaults/keys/write
    Storage/storageAccounts/encryptionScopes/write
    Storage/storageAccounts/write
    [KeyVault/vaults/delete]
T1496 Machines for mining
    Resources/subscriptions/resourceGroups/write
    Network/virtualNetworks/write
    Network/networkInterfaces/write
    Compute/virtualMachines/write
    Compute/virtualMachines/extensions/write
T1496 Batch pool hijacked for mining
    Batch/batchAccounts/listKeys/action
    Batch/batchAccounts/pools/write
T1059 Deployment script for execution
    Resources/deploymentScripts/write
    [Resources/deployments/delete]
T1562.008 Event Hub keys and export cut
    EventHub/namespaces/authorizationRules/listKeys/action
    EventHub/namespaces/eventhubs/consumergroups/write
    [Insights/diagnosticSettings/write]
T1496 AI service keys theft
    CognitiveServices/accounts/listKeys/action
    [CognitiveServices/accounts/deployments/write]
T1078.004 Eligible role activated and kept
    Authorization/roleAssignmentScheduleRequests/write
    Authorization/roleManagementPolicies/write
    Authorization/roleAssignments/write
""")
"""Every technique that a campaign may use."""

_RECON = """
    Storage/storageAccounts/listKeys/action
    Web/sites/config/list/action
    Web/sites/publishxml/action
    KeyVault/vaults/accessPolicies/write
    Authorization/roleAssignments/write
    DocumentDB/databaseAccounts/listKeys/action
    ContainerService/managedClusters/listClusterUserCredential/action
    ContainerService/managedClusters/listClusterAdminCredential/action
    ContainerRegistry/registries/listCredentials/action
    EventHub/namespaces/authorizationRules/listKeys/action
    ServiceBus/namespaces/authorizationRules/listKeys/action
    Cache/redis/listKeys/action
    CognitiveServices/accounts/listKeys/action
    Search/searchServices/listAdminKeys/action
    OperationalInsights/workspaces/sharedKeys/action
    Automation/automationAccounts/listKeys/action
    AppConfiguration/configurationStores/ListKeys/action
    Compute/virtualMachines/runCommand/action
    Compute/disks/beginGetAccess/action
    Batch/batchAccounts/listKeys/action
    Web/sites/functions/listkeys/action
    Web/sites/host/listkeys/action
    Storage/storageAccounts/listAccountSas/action
    App/containerApps/listSecrets/action
    Logic/workflows/listCallbackUrl/action
    MachineLearningServices/workspaces/listKeys/action
    ApiManagement/service/namedValues/listValue/action
    SignalRService/SignalR/listKeys/action
    Resources/deployments/exportTemplate/action
    Network/networkWatchers/nextHop/action
    Network/networkInterfaces/effectiveNetworkSecurityGroups/action
    Network/connections/sharedKey/action
"""

RECON: tuple[str, ...] = tuple("Microsoft." + word for word in _RECON.split())
"""What somebody tries who looks for a way on: reads of secrets, and powers worth testing."""
