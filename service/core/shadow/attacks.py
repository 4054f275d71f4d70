"""The attacks that are imagined: published sequences of operations, as the activity log would name them.

By whom, when and from where they are imagined to be carried out is decided elsewhere.
"""

from typing import NamedTuple


class ShadowStep(NamedTuple):
    """One operation, as Azure writes it, and how many times it is carried out within the hour."""

    operation: str
    times: int = 1

    @property
    def action(self) -> str:
        """The operation as cells name it."""
        return self.operation.casefold()


class ShadowAttack(NamedTuple):
    """One sequence.

    Attributes
    ----------
    name
        Stable snake_case name: the label `style` of the metric.
    source
        Where it has been published, with ids of ATT&CK.
    steps
        What is done, in order; each operation once.
    """

    name: str
    source: str
    steps: tuple[ShadowStep, ...]


ATTACKS: tuple[ShadowAttack, ...] = (
    ShadowAttack(
        "role_keys_command",
        "A role granted, keys read, a command run on a machine: ATT&CK T1098.003, T1552.005, T1651; MicroBurst",
        (
            ShadowStep("Microsoft.Authorization/roleAssignments/write"),
            ShadowStep("Microsoft.Storage/storageAccounts/listKeys/action"),
            ShadowStep("Microsoft.Compute/virtualMachines/runCommand/action"),
        ),
    ),
    ShadowAttack(
        "disk_export",
        "A snapshot made and downloaded: ATT&CK T1578.001, T1537; Stratus Red Team, azure.exfiltration.disk-export",
        (
            ShadowStep("Microsoft.Compute/snapshots/write"),
            ShadowStep("Microsoft.Compute/snapshots/beginGetAccess/action"),
        ),
    ),
    ShadowAttack(
        "logging_off",
        "Diagnostic settings deleted before anything else: ATT&CK T1562.008",
        (ShadowStep("Microsoft.Insights/diagnosticSettings/delete", 3),),
    ),
    ShadowAttack(
        "mass_deletion",
        "Locks, restore points, snapshots and storage accounts deleted: ATT&CK T1485, T1490; Microsoft on Storm-0501, "
        "August 2025",
        (
            ShadowStep("Microsoft.Authorization/locks/delete", 4),
            ShadowStep("Microsoft.Compute/restorePointCollections/delete", 10),
            ShadowStep("Microsoft.Compute/snapshots/delete", 40),
            ShadowStep("Microsoft.Storage/storageAccounts/delete", 12),
        ),
    ),
    ShadowAttack(
        "key_theft",
        "The keys of every storage account, one after the other: ATT&CK T1552, T1530; Microsoft on Storm-0501, August "
        "2025",
        (ShadowStep("Microsoft.Storage/storageAccounts/listKeys/action", 60),),
    ),
    ShadowAttack(
        "credential_added",
        "A federated credential for an identity, and a role for it: ATT&CK T1098.001, T1098.003. A secret added to an "
        "application itself is in Entra's audit log, not in this one",
        (
            ShadowStep("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write"),
            ShadowStep("Microsoft.Authorization/roleAssignments/write"),
        ),
    ),
    ShadowAttack(
        "runbook_backdoor",
        "A runbook with a webhook to come back by: ATT&CK T1098, T1651; PowerZure, MicroBurst",
        (
            ShadowStep("Microsoft.Automation/automationAccounts/runbooks/write"),
            ShadowStep("Microsoft.Automation/automationAccounts/runbooks/publish/action"),
            ShadowStep("Microsoft.Automation/automationAccounts/webhooks/write"),
        ),
    ),
)
"""All of them."""
