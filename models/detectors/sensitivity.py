"""Operations that intruders need more often than others: a small prior on top of rarity, visible and replaceable.

Being on the list never makes something unusual; it makes what is unusual weigh more.
"""

from collections.abc import Mapping

# Powers of ten that something already unusual weighs more: an intruder does it about ten times as often as anybody
# else who does something new. Names are endings of the case-folded operation, so that one line serves every provider.
# Chosen from published Azure attack techniques and from how Azure names what hands out secrets.
SECRET, POWER, BLINDING, EXECUTION, EXPORT = 1.0, 1.2, 1.2, 1.0, 1.0
INDIRECT = 0.6  # what leads to one of these, or destroys

HANDED_OUT = (
    "callbackurl", "connectionstring", "connectionstrings", "credential", "credentials", "key", "keys", "keyvalue",
    "password", "passwords", "publishxml", "sas", "secret", "secrets", "token", "tokens",
)  # fmt: skip

SENSITIVE: Mapping[str, float] = {
    **{f"{secret}/action": SECRET for secret in HANDED_OUT},
    "/accesspolicies/write": SECRET,
    "/config/list/action": SECRET,
    "authorization/elevateaccess/action": 1.5,
    "/clusterrolebindings/write": POWER,
    "/federatedidentitycredentials/write": POWER,
    "/registrationassignments/write": POWER,
    "/roleassignments/write": POWER,
    "/roleassignmentschedulerequests/write": POWER,
    "/roleassignmentscheduleinstances/write": POWER,
    "/roleassignmentschedules/write": POWER,
    "/rolebindings/write": POWER,
    "/roledefinitions/write": POWER,
    "/roleeligibilityschedulerequests/write": POWER,
    "/roleeligibilityschedules/write": POWER,
    "/rolemanagementpolicies/write": POWER,
    "/rolemanagementpolicyassignments/write": POWER,
    # Privileged Identity Management's own names, which are words
    "member to role requested (pim activation)": POWER,
    "member to role completed (pim activation)": POWER,
    "member to role request approved (pim activation)": POWER,
    **{
        f"member to role {how} ({how_long})": POWER
        for how in ("in pim requested", "in pim completed", "outside of pim")
        for how_long in ("permanent", "timebound", "time bound")
    },
    "/userassignedidentities/assign/action": INDIRECT,
    "/activitylogalerts/delete": BLINDING,
    "/alertrules/delete": BLINDING,
    "/alertssuppressionrules/write": BLINDING,
    "/diagnosticsettings/delete": BLINDING,
    "/flowlogs/delete": BLINDING,
    "/locks/delete": BLINDING,
    "/logprofiles/delete": BLINDING,
    "/policyassignments/delete": BLINDING,
    "/policyexemptions/write": BLINDING,
    "/pricings/write": BLINDING,
    "operationalinsights/workspaces/delete": BLINDING,
    "/automationaccounts/webhooks/write": EXECUTION,
    "/runcommand/action": EXECUTION,
    "/runcommands/write": EXECUTION,
    "/serialports/connect/action": EXECUTION,
    "/runbooks/draft/write": INDIRECT,
    "/runbooks/publish/action": INDIRECT,
    "/runbooks/write": INDIRECT,
    "/virtualmachines/extensions/write": INDIRECT,
    "/begingetaccess/action": EXPORT,
    "/export/action": EXPORT,
    "/exporttemplate/action": INDIRECT,
    "/snapshots/write": INDIRECT,
    "/firewallrules/write": INDIRECT,
    "/securityrules/write": INDIRECT,
    "/protecteditems/delete": 1.0,
    "/purge/action": INDIRECT,
    "/subscriptions/resourcegroups/delete": INDIRECT,
    "keyvault/vaults/delete": INDIRECT,
}


def sensitivity(action: str, listed: Mapping[str, float] = SENSITIVE) -> float:
    """Return the largest weight of all listed endings of a case-folded action, 0 if none is listed.

    >>> sensitivity("microsoft.storage/storageaccounts/listkeys/action")
    1.0
    >>> sensitivity("microsoft.storage/storageaccounts/read")
    0.0
    """
    if not action.endswith(tuple(listed)):
        return 0.0
    return max((weight for ending, weight in listed.items() if action.endswith(ending)), default=0.0)
