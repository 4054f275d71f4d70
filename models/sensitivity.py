"""Operations that intruders need more often than others: a small prior on top of rarity, visible and replaceable.

Being on the list never makes something unusual; it makes what is unusual weigh a little more.
"""

from collections.abc import Mapping

# Weight, in powers of ten, by the end of the case-folded operation's name. Chosen from published Azure attack
# techniques: persistence and privilege (roles, credentials, federation), secrets, execution on machines, export of
# data, and blinding the defenders (locks, diagnostic settings, alerts).
SENSITIVE: Mapping[str, float] = {
    "microsoft.authorization/roleassignments/write": 0.6,
    "microsoft.authorization/roledefinitions/write": 0.6,
    "microsoft.authorization/elevateaccess/action": 0.9,
    "microsoft.authorization/locks/delete": 0.6,
    "microsoft.authorization/policyassignments/delete": 0.5,
    "microsoft.authorization/policyexemptions/write": 0.5,
    "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials/write": 0.6,
    "microsoft.managedidentity/userassignedidentities/assign/action": 0.4,
    "microsoft.insights/diagnosticsettings/delete": 0.6,
    "microsoft.insights/activitylogalerts/delete": 0.5,
    "microsoft.insights/logprofiles/delete": 0.6,
    "microsoft.security/pricings/write": 0.4,
    "microsoft.operationalinsights/workspaces/delete": 0.5,
    "microsoft.keyvault/vaults/accesspolicies/write": 0.5,
    "microsoft.keyvault/vaults/delete": 0.4,
    "microsoft.compute/virtualmachines/runcommand/action": 0.6,
    "microsoft.compute/virtualmachines/runcommands/write": 0.6,
    "microsoft.compute/virtualmachines/extensions/write": 0.4,
    "microsoft.compute/disks/begingetaccess/action": 0.6,
    "microsoft.compute/snapshots/begingetaccess/action": 0.6,
    "microsoft.compute/snapshots/write": 0.3,
    "microsoft.automation/automationaccounts/runbooks/write": 0.4,
    "microsoft.automation/automationaccounts/webhooks/write": 0.5,
    "microsoft.web/sites/publishxml/action": 0.5,
    "microsoft.network/networksecuritygroups/securityrules/write": 0.3,
    "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems/delete": 0.5,
    "microsoft.resources/subscriptions/resourcegroups/delete": 0.3,
    "/listkeys/action": 0.5,
    "/listaccountsas/action": 0.5,
    "/listcredentials/action": 0.5,
    "/listclusteradmincredential/action": 0.5,
    "/regeneratekey/action": 0.3,
}


def sensitivity(action: str, listed: Mapping[str, float] = SENSITIVE) -> float:
    """Return the weight of a case-folded action: that of its full name, or else of its last two segments.

    >>> sensitivity("microsoft.storage/storageaccounts/listkeys/action")
    0.5
    >>> sensitivity("microsoft.storage/storageaccounts/read")
    0.0
    """
    weight = listed.get(action)
    if weight is None:
        weight = listed.get("/" + "/".join(action.rsplit("/", 2)[-2:]), 0.0)
    return weight
