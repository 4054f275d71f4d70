"""Operations that intruders need more often than others: a small prior on top of rarity, visible and replaceable.

Being on the list never makes something unusual; it makes what is unusual weigh more.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache, partial

# Powers of ten that something already unusual weighs more: an intruder does it about ten times as often as anybody
# else who does something new. Names are endings of the case-folded operation, so that one line serves every provider.
# Chosen from published Azure attack techniques and from how Azure names what hands out secrets.
SECRET, POWER, BLINDING, EXECUTION, EXPORT = 1.0, 1.2, 1.2, 1.0, 1.0
CUTTING_OFF = 2.5  # what this very service reads from: who takes it away blinds it
INDIRECT = 0.6  # what leads to one of these, or destroys

HANDED_OUT = (
    "callbackurl", "connectionstring", "connectionstrings", "credential", "credentials", "key", "keys", "keyvalue",
    "password", "passwords", "publishxml", "sas", "secret", "secrets", "token", "tokens",
)  # fmt: skip


class Tactic(StrEnum):
    """What an intruder wants of an operation, after the tactics of ATT&CK for the cloud."""

    SECRETS = "secrets"  # credential access
    POWER = "power"  # privilege escalation: roles
    PERSISTENCE = "persistence"  # another way in, for later
    BLINDING = "blinding"  # defence evasion: logs, locks, policies, and what this service itself lives on
    EXECUTION = "execution"
    EXPORT = "export"  # exfiltration
    EXPOSURE = "exposure"  # lateral movement: what lets somebody in from elsewhere
    DESTRUCTION = "destruction"  # impact


_ENDINGS: Mapping[Tactic, Mapping[str, float]] = {
    Tactic.SECRETS: {
        **{f"{secret}/action": SECRET for secret in HANDED_OUT},
        "/config/list/action": SECRET,
    },
    Tactic.POWER: {
        "authorization/elevateaccess/action": 1.5,
        "/clusterrolebindings/write": POWER,
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
    },
    Tactic.PERSISTENCE: {
        "/accesspolicies/write": SECRET,
        "/federatedidentitycredentials/write": POWER,
        "/administrators/write": POWER,
        "/generatekeypair/action": SECRET,
        "/storageaccounts/localusers/write": SECRET,
        "/userassignedidentities/assign/action": INDIRECT,
        "/authorizationrules/write": INDIRECT,
        "/sshpublickeys/write": INDIRECT,
        "containerregistry/registries/tokens/write": INDIRECT,
    },
    Tactic.BLINDING: {
        "/activitylogalerts/delete": BLINDING,
        "/alertrules/delete": BLINDING,
        "/alertssuppressionrules/write": BLINDING,
        "/datacollectionrules/delete": BLINDING,
        "/diagnosticsettings/delete": 1.5,
        "/flowlogs/delete": BLINDING,
        "/locks/delete": BLINDING,
        "/logprofiles/delete": BLINDING,
        "/policyassignments/delete": BLINDING,
        "/policyexemptions/write": BLINDING,
        "/pricings/write": BLINDING,
        "eventhub/namespaces/authorizationrules/delete": CUTTING_OFF,
        "eventhub/namespaces/delete": CUTTING_OFF,
        "eventhub/namespaces/eventhubs/authorizationrules/delete": CUTTING_OFF,
        "eventhub/namespaces/eventhubs/consumergroups/delete": BLINDING,
        "eventhub/namespaces/eventhubs/delete": CUTTING_OFF,
        "operationalinsights/workspaces/delete": BLINDING,
        "securityinsights/alertrules/delete": BLINDING,
        "/advancedthreatprotectionsettings/write": BLINDING,
        "/applicationgatewaywebapplicationfirewallpolicies/delete": BLINDING,
        "/auditingsettings/write": BLINDING,
        "/autoprovisioningsettings/write": BLINDING,
        "/azurefirewalls/delete": BLINDING,
        "/extendedauditingsettings/write": BLINDING,
        "/firewallpolicies/delete": BLINDING,
        "/frontdoorwebapplicationfirewallpolicies/delete": BLINDING,
        "/immutabilitypolicies/delete": BLINDING,
        "/networkwatchers/delete": BLINDING,
        "/scheduledqueryrules/delete": BLINDING,
        "/securityalertpolicies/write": BLINDING,
        "security/automations/delete": BLINDING,
    },
    Tactic.EXECUTION: {
        "/automationaccounts/webhooks/write": EXECUTION,
        "/deploymentscripts/write": EXECUTION,
        "/runcommand/action": EXECUTION,
        "/runcommands/write": EXECUTION,
        "/serialports/connect/action": EXECUTION,
        "/runbooks/draft/write": INDIRECT,
        "/runbooks/publish/action": INDIRECT,
        "/runbooks/write": INDIRECT,
        "/virtualmachines/extensions/write": INDIRECT,
        "/galleries/applications/versions/write": INDIRECT,
        "/hybridrunbookworkers/write": INDIRECT,
        "/jobschedules/write": INDIRECT,
        "/schedulerun/action": INDIRECT,
    },
    Tactic.EXPORT: {
        "/begingetaccess/action": EXPORT,
        "/export/action": EXPORT,
        "/exporttemplate/action": INDIRECT,
        "/snapshots/write": INDIRECT,
        "/objectreplicationpolicies/write": EXPORT,
        "/packetcaptures/write": INDIRECT,
        "/retrievesasuris/action": EXPORT,
    },
    Tactic.EXPOSURE: {
        "/firewallrules/write": INDIRECT,
        "/securityrules/write": INDIRECT,
        "/basicpublishingcredentialspolicies/write": INDIRECT,
        "/bastionhosts/createshareablelinks/action": EXPORT,
        "/bastionhosts/write": INDIRECT,
        "/networkrulesets/write": INDIRECT,
        "/virtualnetworkpeerings/write": INDIRECT,
    },
    Tactic.DESTRUCTION: {
        "/protecteditems/delete": 1.0,
        "/purge/action": INDIRECT,
        "/restorepointcollections/delete": 1.0,
        "/restorepointcollections/restorepoints/delete": 1.0,
        "/subscriptions/resourcegroups/delete": INDIRECT,
        "compute/disks/delete": INDIRECT,
        "compute/snapshots/delete": INDIRECT,
        "compute/virtualmachines/delete": INDIRECT,
        "keyvault/vaults/delete": INDIRECT,
        "recoveryservices/vaults/delete": 1.0,
        "sql/servers/databases/delete": INDIRECT,
        "sql/servers/delete": INDIRECT,
        "storage/storageaccounts/delete": 1.0,
        "/backupinstances/delete": 1.0,
        "/backuppolicies/delete": INDIRECT,
        "containerservice/managedclusters/delete": INDIRECT,
        "documentdb/databaseaccounts/delete": INDIRECT,
        "keyvault/managedhsms/delete": INDIRECT,
    },
}
SENSITIVE: Mapping[str, float] = {ending: weight for of in _ENDINGS.values() for ending, weight in of.items()}
_TACTICS = {ending: tactic for tactic, of in _ENDINGS.items() for ending in of}


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


def weighing(listed: Mapping[str, float]) -> Callable[[str], float]:
    """Return `sensitivity` by a list that does not change, which remembers what it said of the latest actions.

    >>> weigh = weighing({"/listkeys/action": 0.5})
    >>> weigh("microsoft.storage/storageaccounts/listkeys/action"), weigh("microsoft.storage/storageaccounts/read")
    (0.5, 0.0)
    """
    return lru_cache(maxsize=4_096)(partial(sensitivity, listed=listed))


@lru_cache(maxsize=16_384)
def tactic(action: str) -> str:
    """Return what a case-folded sensitive action is for: a `Tactic`; empty for one that our list does not know.

    >>> str(tactic("microsoft.storage/storageaccounts/listkeys/action"))
    'secrets'
    """
    known = [ending for ending in _TACTICS if action.endswith(ending)]
    return _TACTICS[max(known, key=len)] if known else ""
