"""The ordinary operations of some thirty Azure resource providers, most popular first, as the activity log names them.

Facts only (Microsoft's published resource provider operations); who uses what is the business of `roles`.
"""

from itertools import accumulate
from typing import NamedTuple

_OPERATIONS = {
    "Microsoft.Resources": """
        deployments write validate delete whatIf cancel exportTemplate
        subscriptions/resourceGroups write delete
        tags write delete
        deploymentScripts write delete
        templateSpecs write delete
        templateSpecs/versions write
        deploymentStacks write delete
        """,
    "Microsoft.Compute": """
        virtualMachines write start deallocate restart powerOff delete runCommand redeploy reapply installPatches \
            assessPatches attachDetachDataDisks capture generalize retrieveBootDiagnosticsData simulateEviction \
            performMaintenance
        disks write delete beginGetAccess endGetAccess
        snapshots write delete beginGetAccess endGetAccess
        virtualMachines/extensions write delete
        virtualMachineScaleSets write start deallocate manualUpgrade delete restart reimage
        virtualMachineScaleSets/virtualMachines restart delete runCommand
        availabilitySets write delete
        images write delete
        galleries/images/versions write delete
        galleries write
        sshPublicKeys write generateKeyPair delete
        diskEncryptionSets write delete
        proximityPlacementGroups write
        restorePointCollections write delete
        restorePointCollections/restorePoints write delete
        virtualMachines/runCommands write
        """,
    "Microsoft.Network": """
        networkSecurityGroups write delete join
        networkSecurityGroups/securityRules write delete
        virtualNetworks/subnets write join delete
        virtualNetworks write join delete
        networkInterfaces write delete join effectiveRouteTable effectiveNetworkSecurityGroups
        publicIPAddresses write delete join
        privateEndpoints write delete
        privateDnsZones write delete
        privateDnsZones/A write delete
        privateDnsZones/virtualNetworkLinks write delete
        dnsZones/A write delete
        dnsZones/CNAME write delete
        dnsZones/TXT write
        loadBalancers write delete
        loadBalancers/backendAddressPools join write
        applicationGateways write backendhealth start stop
        routeTables write delete join
        routeTables/routes write delete
        virtualNetworks/virtualNetworkPeerings write delete
        azureFirewalls write
        firewallPolicies write
        firewallPolicies/ruleCollectionGroups write delete
        networkWatchers configureFlowLog queryFlowLogStatus connectivityCheck ipFlowVerify nextHop troubleshoot
        networkWatchers/packetCaptures write delete
        natGateways write
        bastionHosts write
        virtualNetworkGateways write reset generatevpnclientpackage
        connections write sharedKey
        expressRouteCircuits write
        frontDoors write
        trafficManagerProfiles write
        applicationSecurityGroups write
        ddosProtectionPlans write
        """,
    "Microsoft.Storage": """
        storageAccounts listKeys write delete regenerateKey listAccountSas listServiceSas failover
        storageAccounts/blobServices/containers write delete
        storageAccounts/blobServices write generateUserDelegationKey
        storageAccounts/managementPolicies write delete
        storageAccounts/privateEndpointConnections write delete
        storageAccounts/fileServices/shares write delete
        storageAccounts/queueServices/queues write delete
        storageAccounts/tableServices/tables write delete
        storageAccounts/encryptionScopes write
        storageAccounts/localUsers write listKeys
        storageAccounts/objectReplicationPolicies write
        storageAccounts/blobServices/containers/immutabilityPolicies write delete
        """,
    "Microsoft.KeyVault": """
        vaults write delete deploy
        vaults/secrets write
        vaults/accessPolicies write
        vaults/keys write
        vaults/privateEndpointConnections write delete
        locations/deletedVaults purge
        managedHSMs write
        """,
    "Microsoft.Authorization": """
        roleAssignments write delete
        policyAssignments write delete
        locks write delete
        roleEligibilityScheduleRequests write
        roleAssignmentScheduleRequests write cancel
        policyDefinitions write delete
        policySetDefinitions write delete
        policyExemptions write delete
        roleDefinitions write delete
        roleManagementPolicies write
        """,
    "Microsoft.ManagedIdentity": """
        userAssignedIdentities assign write delete
        userAssignedIdentities/federatedIdentityCredentials write delete
        """,
    "Microsoft.Insights": """
        diagnosticSettings write delete
        metricAlerts write delete
        scheduledQueryRules write delete
        actionGroups write delete
        components write delete ApiKeys
        activityLogAlerts write delete
        autoscaleSettings write delete
        workbooks write delete
        dataCollectionRules write delete
        dataCollectionRuleAssociations write delete
        webtests write delete
        components/ProactiveDetectionConfigs write
        logProfiles write delete
        """,
    "Microsoft.OperationalInsights": """
        workspaces write sharedKeys delete
        workspaces/savedSearches write delete
        workspaces/tables write
        workspaces/dataExports write delete
        workspaces/linkedServices write
        workspaces/dataSources write
        """,
    "Microsoft.Web": """
        sites/config write list
        sites write restart publishxml start stop delete
        sites/slots write slotsswap restart delete
        sites/slots/config write list
        sites/functions write listkeys listsecrets delete
        sites/host listkeys sync
        sites/functions/keys write
        sites/host/functionkeys write
        sites/hostNameBindings write delete
        sites/sourcecontrols write delete
        sites/basicPublishingCredentialsPolicies write
        sites/hybridConnection write
        sites/backup write
        serverfarms write delete restartSites
        certificates write delete
        staticSites write listSecrets delete
        connections write listConsentLinks confirmConsentCode delete
        """,
    "Microsoft.App": """
        containerApps write start stop delete listSecrets
        containerApps/revisions activate deactivate restart
        managedEnvironments write delete
        managedEnvironments/certificates write
        managedEnvironments/daprComponents write listSecrets
        jobs write start delete
        """,
    "Microsoft.ContainerRegistry": """
        registries listCredentials write importImage regenerateCredential delete
        registries/tasks write delete
        registries/tokens write delete
        registries/webhooks write ping
        registries/replications write delete
        registries/scopeMaps write
        registries queueBuild generateCredentials scheduleRun
        """,
    "Microsoft.ContainerService": """
        managedClusters listClusterUserCredential write stop start listClusterAdminCredential runCommand delete \
            rotateClusterCertificates resetServicePrincipalProfile
        managedClusters/agentPools write upgradeNodeImageVersion delete
        managedClusters/maintenanceConfigurations write
        managedClusters/trustedAccessRoleBindings write
        snapshots write
        fleets write
        """,
    "Microsoft.Sql": """
        servers/databases write delete export import pause resume
        servers/firewallRules write delete
        servers write delete
        servers/auditingSettings write
        servers/databases/transparentDataEncryption write
        servers/administrators write delete
        servers/elasticPools write delete
        servers/failoverGroups write failover
        servers/virtualNetworkRules write delete
        servers/securityAlertPolicies write
        servers/databases/backupShortTermRetentionPolicies write
        servers/databases/backupLongTermRetentionPolicies write
        servers/vulnerabilityAssessments write
        servers/privateEndpointConnections write
        servers/databases/replicationLinks failover delete
        managedInstances write start stop
        managedInstances/databases write
        servers/azureADOnlyAuthentications write
        """,
    "Microsoft.DocumentDB": """
        databaseAccounts listKeys write readonlykeys listConnectionStrings regenerateKey delete failoverPriorityChange
        databaseAccounts/sqlDatabases write delete
        databaseAccounts/sqlDatabases/containers write delete
        databaseAccounts/sqlDatabases/containers/throughputSettings write
        databaseAccounts/sqlRoleAssignments write delete
        databaseAccounts/sqlRoleDefinitions write
        databaseAccounts/mongodbDatabases write
        """,
    "Microsoft.DBforPostgreSQL": """
        flexibleServers write restart start stop delete
        flexibleServers/firewallRules write delete
        flexibleServers/configurations write
        flexibleServers/databases write delete
        flexibleServers/administrators write
        flexibleServers/backups write
        """,
    "Microsoft.DataFactory": """
        factories/pipelines write createrun delete
        factories/datasets write delete
        factories/linkedservices write delete
        factories/triggers write start stop delete
        factories/dataflows write delete
        factories write querypipelineruns
        factories/integrationruntimes write start stop listauthkeys regenerateauthkey
        factories/pipelineruns cancel
        """,
    "Microsoft.Synapse": """
        workspaces write delete
        workspaces/sqlPools write pause resume delete
        workspaces/bigDataPools write delete
        workspaces/firewallRules write delete
        workspaces/integrationRuntimes write start
        """,
    "Microsoft.Databricks": """
        workspaces write delete
        workspaces/virtualNetworkPeerings write
        accessConnectors write delete
        """,
    "Microsoft.Kusto": """
        clusters write start stop delete
        clusters/databases write delete
        clusters/databases/dataConnections write delete
        clusters/databases/principalAssignments write
        clusters/databases/scripts write
        """,
    "Microsoft.MachineLearningServices": """
        workspaces/computes write start stop delete restart
        workspaces listKeys write diagnose delete resynckeys
        workspaces/onlineEndpoints write listKeys delete
        workspaces/onlineEndpoints/deployments write delete
        workspaces/datastores write listSecrets delete
        workspaces/jobs write cancel delete
        """,
    "Microsoft.EventHub": """
        namespaces/authorizationRules listKeys write regenerateKeys delete
        namespaces/eventhubs write delete
        namespaces/eventhubs/consumergroups write delete
        namespaces write delete
        namespaces/eventhubs/authorizationRules listKeys write
        namespaces/networkRuleSets write
        """,
    "Microsoft.ServiceBus": """
        namespaces/queues write delete
        namespaces/topics write delete
        namespaces/topics/subscriptions write delete
        namespaces/authorizationRules listKeys write regenerateKeys
        namespaces write delete
        namespaces/networkRuleSets write
        """,
    "Microsoft.EventGrid": """
        eventSubscriptions write delete getFullUrl
        topics write listKeys regenerateKey delete
        systemTopics write delete
        systemTopics/eventSubscriptions write delete
        """,
    "Microsoft.Cache": """
        redis listKeys write forceReboot regenerateKey export import delete
        redis/firewallRules write delete
        redis/patchSchedules write
        """,
    "Microsoft.AppConfiguration": """
        configurationStores ListKeys write RegenerateKey delete
        configurationStores/keyValues write delete
        configurationStores/replicas write
        """,
    "Microsoft.ApiManagement": """
        service/apis write delete
        service/policies write
        service/products write delete
        service/subscriptions write delete
        service/namedValues write delete listValue
        service/backends write delete
        service/loggers write
        service/certificates write
        service write backup
        service/users write
        """,
    "Microsoft.Logic": """
        workflows write disable enable delete run listCallbackUrl
        workflows/triggers run listCallbackUrl reset
        workflows/runs cancel
        integrationAccounts write listCallbackUrl
        """,
    "Microsoft.Automation": """
        automationAccounts/jobs write stop
        automationAccounts/runbooks write publish delete
        automationAccounts/runbooks/draft write
        automationAccounts/schedules write delete
        automationAccounts/jobSchedules write delete
        automationAccounts/variables write delete
        automationAccounts/credentials write
        automationAccounts/webhooks write delete
        automationAccounts write listKeys
        automationAccounts/modules write delete
        automationAccounts/hybridRunbookWorkerGroups write
        """,
    "Microsoft.RecoveryServices": """
        vaults/backupFabrics/protectionContainers/protectedItems backup write delete
        vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints restore provisionInstantItemRecovery
        vaults/backupPolicies write delete
        vaults write delete
        vaults/backupJobs cancel
        vaults/backupconfig write
        vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems write testFailover
        vaults/backupResourceGuardProxies write delete
        """,
    "Microsoft.Security": """
        pricings write
        assessments write
        securityContacts write
        autoProvisioningSettings write
        locations/alerts dismiss resolve activate
        locations/jitNetworkAccessPolicies initiate write delete
        automations write delete
        workspaceSettings write
        alertsSuppressionRules write delete
        settings write
        """,
    "Microsoft.SecurityInsights": """
        incidents write delete
        alertRules write delete
        incidents/comments write
        automationRules write delete
        watchlists write delete
        bookmarks write
        dataConnectors write delete
        threatIntelligence/indicators write delete
        hunts write
        """,
    "Microsoft.PolicyInsights": """
        remediations write cancel
        policyStates triggerEvaluation
        attestations write
        """,
    "Microsoft.GuestConfiguration": """
        guestConfigurationAssignments write delete
        """,
    "Microsoft.CostManagement": """
        query action
        exports write delete run
        views write delete
        scheduledActions write delete
        forecast action
        alerts write
        """,
    "Microsoft.Consumption": """
        budgets write delete
        """,
    "Microsoft.Billing": """
        billingAccounts/invoices download
        billingAccounts/billingProfiles/invoiceSections write
        billingAccounts/billingRoleAssignments write
        """,
    "Microsoft.Capacity": """
        calculatePrice action
        reservationOrders write return
        reservationOrders/reservations write
        """,
    "Microsoft.Support": """
        supportTickets write
        supportTickets/communications write
        checkNameAvailability action
        """,
    "Microsoft.Advisor": """
        generateRecommendations action
        recommendations/suppressions write delete
        configurations write
        """,
    "Microsoft.DesktopVirtualization": """
        hostpools/sessionhosts write delete
        hostpools/sessionhosts/usersessions disconnect sendMessage delete
        hostpools write retrieveRegistrationToken delete
        applicationgroups write delete
        applicationgroups/applications write
        scalingPlans write
        workspaces write
        """,
    "Microsoft.Maintenance": """
        configurationAssignments write delete
        maintenanceConfigurations write delete
        applyUpdates write
        """,
    "Microsoft.CognitiveServices": """
        accounts listKeys write regenerateKey delete
        accounts/deployments write delete
        accounts/raiPolicies write
        accounts/privateEndpointConnections write
        """,
    "Microsoft.Search": """
        searchServices write listAdminKeys listQueryKeys regenerateAdminKey delete
        """,
    "Microsoft.Cdn": """
        profiles/endpoints Purge write
        profiles/afdendpoints Purge write
        profiles write
        profiles/afdendpoints/routes write delete
        profiles/customdomains write
        profiles/rulesets/rules write delete
        profiles/origingroups/origins write
        """,
    "Microsoft.SignalRService": """
        SignalR listKeys write restart regenerateKey
        """,
    "Microsoft.Batch": """
        batchAccounts listKeys write regenerateKeys
        batchAccounts/pools write delete
        """,
    "Microsoft.DevTestLab": """
        schedules write execute delete
        labs/virtualMachines start stop write delete
        labs write
        """,
}

_LONG_RUNNING = (
    "virtualmachine", "managedclusters", "servers/databases", "deployments", "privateendpoints", "gateways", "firewall",
    "flexibleservers", "disks", "snapshots", "networkinterfaces", "publicip", "containerapps", "managedinstances",
    "sqlpools", "computes", "resourcegroups", "redis", "databaseaccounts/write", "hostpools", "protecteditems",
    "storageaccounts/write", "virtualnetworks", "loadbalancers", "vaults/write", "clusters", "networksecuritygroups",
    "sites/write", "serverfarms", "workspaces/write", "namespaces/write", "registries/write", "service/",
)  # fmt: skip


class Operation(NamedTuple):
    """One entry of the catalogue.

    Attributes
    ----------
    name
        As Microsoft writes it, for example ``Microsoft.Compute/virtualMachines/write``.
    action
        The same, case-folded.
    service
        The resource provider, case-folded.
    weight
        How popular it is within its service, by Zipf's law over the order of the catalogue.
    long_running
        Whether Azure answers 202 first, so that an Accept record stands between Start and the end.
    """

    name: str
    action: str
    service: str
    weight: float
    long_running: bool


def operation(name: str, weight: float = 0.01) -> Operation:
    """Describe an operation that need not be in the catalogue.

    >>> operation("Microsoft.Compute/disks/write").long_running
    True
    """
    action = name.casefold()
    # Reads of secrets and switches of state answer at once; what builds or destroys takes its time.
    builds = action.endswith(("/write", "/delete", "deallocate/action", "start/action"))
    long_running = builds and any(word in action for word in _LONG_RUNNING)
    return Operation(name, action, action.split("/", 1)[0], weight, long_running)


def _parse() -> dict[str, tuple[Operation, ...]]:
    services: dict[str, tuple[Operation, ...]] = {}
    for provider, table in _OPERATIONS.items():
        found: dict[str, Operation] = {}
        for row, line in enumerate(table.replace("\\\n", " ").strip().splitlines()):
            resource_type, *verbs = line.split()
            for column, verb in enumerate(verbs):
                tail = verb if verb in {"write", "delete", "action"} else f"{verb}/action"
                entry = operation(f"{provider}/{resource_type}/{tail}", (1 + row) ** -0.8 * (1 + column) ** -0.7)
                found.setdefault(entry.action, entry)
        services[provider.casefold()] = tuple(found.values())
    return services


SERVICES: dict[str, tuple[Operation, ...]] = _parse()
"""Every service's operations, keyed by the case-folded provider."""

BY_ACTION: dict[str, Operation] = {entry.action: entry for entries in SERVICES.values() for entry in entries}
"""The whole catalogue by case-folded operation name."""

POPULARITY: dict[str, list[float]] = {
    service: list(accumulate(entry.weight for entry in entries)) for service, entries in SERVICES.items()
}
"""Running sums of each service's weights, as `random.choices` wants them."""


def named(name: str) -> Operation:
    """Return the catalogue's entry for `name`, or one of its own making if ordinary work never does it."""
    return BY_ACTION.get(name.casefold()) or operation(name)
