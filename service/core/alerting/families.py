"""What an operation and its outcome suggest: ATT&CK techniques, and what to do next, family by family of operations.

A detector says that something is unusual; which technique it would be depends on what was done, and on whether it
succeeded. What no family knows has the words of the detector. Techniques are those of ATT&CK for Enterprise, chosen by
its descriptions for clouds, by the Azure Threat Research Matrix, and by the names that Azure's resource providers have.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

TRYING = "TA0007/T1526"  # cloud service discovery: who is refused has learnt what is there, and what is not allowed
IN_VAIN = "All of it failed: see whether it succeeded a little later, from elsewhere, or by another identity."


class Family(NamedTuple):
    """Operations that ask for the same next steps.

    Attributes
    ----------
    name
        What they are about.
    response
        What to do next, first things first.
    techniques
        ATT&CK ids as ``tactic/technique``, by endings of the case-folded operation: several endings, with commas.
    """

    name: str
    response: tuple[str, ...]
    techniques: Mapping[str, tuple[str, ...]]


FAMILIES: tuple[Family, ...] = (
    Family(
        "roles",
        (
            "Who got which role, on which scope? Owner, User Access Administrator and new custom roles first.",
            "Read what the holder of the role has done since, and whether anybody knows that identity.",
            "If it was not meant: remove the assignment, and whatever else the same identity assigned.",
        ),
        {
            "authorization/elevateaccess/action": ("TA0004/T1098.003", "TA0004/T1548.005"),
            "/roleassignments/write, /roledefinitions/write, /roleeligibilityschedules/write, "
            "/roleeligibilityschedulerequests/write, /rolemanagementpolicies/write, "
            "/rolemanagementpolicyassignments/write, (permanent)": ("TA0004/T1098.003",),
            "/roleassignmentschedulerequests/write, /roleassignmentscheduleinstances/write, "
            "/roleassignmentschedules/write, (pim activation), (timebound), (time bound)": (
                "TA0004/T1548.005",
                "TA0001/T1078.004",
            ),
            "/clusterrolebindings/write, /rolebindings/write": ("TA0004/T1098.006",),
            "/registrationassignments/write, /registrationdefinitions/write": ("TA0001/T1199", "TA0004/T1098.003"),
        },
    ),
    Family(
        "ways back in",
        (
            "What can sign in, or act, from now on that could not before? Name it, and find out whose it is.",
            "Look for its first use: sign-ins of applications and managed identities, and this log.",
            "If it was not meant: delete that credential, user or administrator first, then ask how it got there.",
        ),
        {
            "/federatedidentitycredentials/write, /generatekeypair/action, /sshpublickeys/write": (
                "TA0003/T1098.001",
                "TA0003/T1098.004",
            ),
            "/storageaccounts/localusers/write": ("TA0003/T1136.003",),
            "/administrators/write": ("TA0003/T1098",),
            "/userassignedidentities/assign/action, /userassignedidentities/write": ("TA0004/T1098.003",),
            "/automationaccounts/webhooks/write": ("TA0003/T1546", "TA0002/T1648"),
            "/registries/tokens/write": ("TA0003/T1098.001",),
        },
    ),
    Family(
        "secrets",
        (
            "Take what was handed out as known to somebody else, until its owner says otherwise.",
            "Look in the logs of that resource for its use since then, from addresses that nobody knows.",
            "If it was not meant: rotate the key, both of two, or withdraw the token; then see what it opened.",
        ),
        {
            "/accesspolicies/write, /vaults/secrets/write": ("TA0006/T1555.006",),
            "credential/action, credentials/action, connectionstring/action, connectionstrings/action, "
            "key/action, keys/action, keyvalue/action, password/action, passwords/action, secret/action, "
            "secrets/action, /config/list/action, publishxml/action, /listvalue/action, /functionkeys/write": (
                "TA0006/T1552",
            ),
            "callbackurl/action, sas/action, token/action, tokens/action, /generateuserdelegationkey/action": (
                "TA0006/T1528",
            ),
            "/listclusteradmincredential/action, /listclusterusercredential/action": ("TA0006/T1552.007",),
            "/storageaccounts/regeneratekey/action, /regeneratekey/action, /regeneratekeys/action, "
            "/regenerateadminkey/action, /regenerateauthkey/action, /regeneratecredential/action, "
            "/resynckeys/action": ("TA0040/T1531", "TA0006/T1552"),
            "/packetcaptures/write": ("TA0006/T1040",),
        },
    ),
    Family(
        "guards",
        (
            "What is no longer recorded, told or prevented, and since when? Put it back first.",
            "Read what the same identity did around that time, and what happened where nobody was looking.",
            "If it was not meant: treat the time without it as unobserved, and look in other logs.",
        ),
        {
            "/diagnosticsettings/delete, /diagnosticsettings/write, /logprofiles/delete, /flowlogs/delete, "
            "/datacollectionrules/delete, operationalinsights/workspaces/delete, /auditingsettings/write, "
            "eventhub/namespaces/delete, eventhub/namespaces/authorizationrules/delete, "
            "eventhub/namespaces/eventhubs/delete, eventhub/namespaces/eventhubs/authorizationrules/delete, "
            "eventhub/namespaces/eventhubs/consumergroups/delete, "
            "eventhub/namespaces/eventhubs/consumergroups/write": ("TA0005/T1562.008",),
            "/activitylogalerts/delete, /actiongroups/delete, /scheduledqueryrules/delete, /alertrules/delete, "
            "/dataconnectors/delete, /automationrules/write, /alertssuppressionrules/write, /pricings/write, "
            "/autoprovisioningsettings/write, /securityalertpolicies/write, /locks/delete, "
            "/policyassignments/delete, /policyexemptions/write": ("TA0005/T1562.001",),
        },
    ),
    Family(
        "execution",
        (
            "What was run, as whom, and where? Fetch the script, the job's output and the machine's own log.",
            "Take what ran as having had all rights of that machine or its managed identity: what did those do since?",
            "If it was not meant: isolate the machine before it is cleaned, and withdraw its identity's roles.",
        ),
        {
            "/runcommand/action, /runcommands/write, /virtualmachines/extensions/write, "
            "/virtualmachinescalesets/extensions/write": ("TA0002/T1651",),
            "/managedclusters/runcommand/action": ("TA0002/T1609",),
            "/deploymentscripts/write": ("TA0002/T1059",),
            "/runbooks/write, /runbooks/draft/write, /runbooks/publish/action, /automationaccounts/jobs/write, "
            "/logic/workflows/write, /triggers/run/action": ("TA0002/T1648",),
            "/jobschedules/write, /schedules/write": ("TA0003/T1053",),
            "/serialports/connect/action": ("TA0008/T1021.008",),
            "/registries/importimage/action, /sites/sourcecontrols/write": ("TA0003/T1525",),
        },
    ),
    Family(
        "export",
        (
            "What data left, and to where? A shared access signature needs no further sign-in: end its access first.",
            "Look for the copy: snapshots and disks made around that time, replication, another subscription.",
            "If it was not meant: treat what was in it as read, the secrets on such a disk included.",
        ),
        {
            "/begingetaccess/action, /objectreplicationpolicies/write": ("TA0010/T1537",),
            "/export/action": ("TA0009/T1530", "TA0010/T1537"),
            "/blobservices/containers/write": ("TA0009/T1530",),
            "/snapshots/write": ("TA0005/T1578.001", "TA0010/T1537"),
            "/exporttemplate/action": ("TA0007/T1580",),
        },
    ),
    Family(
        "exposure",
        (
            "What can be reached from where that could not before? Look for rules that allow any address.",
            "See what has come in since: flow logs, and the sign-ins of what lies behind.",
            "If it was not meant: close it, then look at what lies behind as if it had been reached.",
        ),
        {
            "/firewallrules/write, /securityrules/write, /rulecollectiongroups/write, /azurefirewalls/write, "
            "/networksecuritygroups/write, /networksecuritygroups/delete, /firewallpolicies/write": (
                "TA0005/T1562.007",
            ),
        },
    ),
    Family(
        "backups",
        (
            "If it still goes on: stop the identity first, ask afterwards; who destroys backups is not done.",
            "Which restore points are left? Take vaults out of reach: soft delete, immutability, other owners.",
            "Look for what follows such a step: encryption with foreign keys, deletion of what was backed up.",
        ),
        {
            "/protecteditems/delete, /backupconfig/write, /backupresourceguardproxies/delete, "
            "recoveryservices/vaults/delete, /restorepointcollections/delete, /restorepoints/delete, "
            "compute/snapshots/delete": ("TA0040/T1490",),
            "/purge/action": ("TA0040/T1485", "TA0040/T1490"),
        },
    ),
    Family(
        "destruction",
        (
            "If it still goes on: stop the identity first, ask afterwards.",
            "List what is gone and what can be restored: soft-deleted vaults, accounts and blobs, backups.",
            "Was it the identity's own, and is there a ticket? If not: restore, and look for what was copied before.",
        ),
        {
            "/subscriptions/resourcegroups/delete, compute/disks/delete, keyvault/vaults/delete, "
            "storage/storageaccounts/delete, /containers/delete, sql/servers/delete, /databases/delete, "
            "/databaseaccounts/delete": ("TA0040/T1485",),
            "/cdn/profiles/endpoints/purge/action, /cdn/profiles/afdendpoints/purge/action": ("TA0040/T1499",),
            "compute/virtualmachines/delete, compute/virtualmachinescalesets/delete": (
                "TA0005/T1578.003",
                "TA0040/T1485",
            ),
            "/encryptionscopes/write, /keys/write, /diskencryptionsets/write": ("TA0040/T1486",),
        },
    ),
    Family(
        "machines",
        (
            "What was made, how large, in which region? Many or costly ones in a strange region are for mining.",
            "What can reach it, and which identity does it have?",
            "If it was not meant: deallocate it, keep its disk, and look at the cost of the last days.",
        ),
        {
            "compute/virtualmachines/write, compute/virtualmachinescalesets/write, /batchaccounts/pools/write, "
            "/managedclusters/write, /managedclusters/agentpools/write, /accounts/deployments/write": (
                "TA0040/T1496",
                "TA0005/T1578.002",
            ),
            "/attachdetachdatadisks/action, compute/disks/write": ("TA0005/T1578",),
        },
    ),
)
"""All families; of several endings that fit, the longest counts."""

_KNOWN = {
    ending: (family, techniques)
    for family in FAMILIES
    for endings, techniques in family.techniques.items()
    for ending in endings.split(", ")
}
_ENDINGS = tuple(_KNOWN)


class Suggested(NamedTuple):
    """What an operation suggests: ATT&CK ids, and next steps; nothing where no family knows it."""

    mitre: tuple[str, ...]
    response: tuple[str, ...]


def _known(action: str) -> tuple[Family, tuple[str, ...]] | None:
    if not action.endswith(_ENDINGS):
        return None
    return _KNOWN[max((ending for ending in _ENDINGS if action.endswith(ending)), key=len)]


def family(action: str) -> str:
    """Return the name of the family of a case-folded operation, empty if none knows it.

    >>> family("microsoft.authorization/roleassignments/write"), family("microsoft.resources/tags/write")
    ('roles', '')
    """
    known = _known(action)
    return known[0].name if known else ""


@lru_cache(maxsize=16_384)
def suggested(action: str, *, in_vain: bool) -> Suggested:
    """Return what a case-folded operation suggests, which succeeded or did not.

    >>> suggested("microsoft.authorization/roleassignments/write", in_vain=False).mitre
    ('TA0004/T1098.003',)
    >>> suggested("microsoft.resources/tags/write", in_vain=False)
    Suggested(mitre=(), response=())
    >>> suggested("microsoft.resources/tags/write", in_vain=True).mitre
    ('TA0007/T1526',)
    """
    tried, steps = ((TRYING,), (IN_VAIN,)) if in_vain else ((), ())
    known = _known(action)
    if known is None:
        return Suggested(tried, steps)
    return Suggested((*tried, *known[1]), (*steps, *known[0].response))
