"""Azure's own services that write as nobody else does: Privileged Identity Management, and Backup.

Neither has the usual token: the first says in `properties.CallerInfo` who asked, the second has its own name where a
person's would stand. Each is drawn from a random stream of its own, so that everybody else does the same without it.
"""

from collections.abc import Iterable
from random import Random

import msgspec

from demo.tenant.calls import DAY, HOUR, MINUTE, Call
from demo.tenant.identities import Directory, Identity, guid
from demo.tenant.plan import TenantPlan
from demo.tenant.records import Record, Recorder

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_MS_CLAIMS = "http://schemas.microsoft.com/identity/claims/"
_ELIGIBLE = frozenset({"platform", "security", "network", "data"})
_MS_PIM = "01fc33a7-78ba-4d2f-a4b7-768e336e890e"
_ROLES = ("Owner", "Contributor", "User Access Administrator", "Key Vault Administrator", "Network Contributor")
_text = msgspec.json.Encoder().encode


class PrivilegedIdentities:
    """Who may activate which role, and does so before work.

    Parameters
    ----------
    plan, directory
        The tenant; nobody does in one without policies.
    recorder
        Writes times.
    """

    def __init__(self, plan: TenantPlan, directory: Directory, recorder: Recorder) -> None:
        rng = self._rng = Random(f"{plan.seed}/pim")
        self._directory = directory
        self._recorder = recorder
        self._object_id = guid(rng)
        administrators = [who for who in directory.identities if who.kind == "human" and who.role in _ELIGIBLE]
        share = min(1.0, 0.5 * plan.policies)
        self._roles = {who.index: rng.choice(_ROLES) for who in administrators if rng.random() < share}

    def day(self, calls: Iterable[Call]) -> list[tuple[int, Record]]:
        """Draw the records of a day on which these calls, in order of time, are the ordinary ones."""
        rng = self._rng
        found: list[tuple[int, Record]] = []
        met: set[int] = set()
        for call in calls:
            role = self._roles.get(call.who.index)
            if role is None or call.who.index in met:
                continue
            met.add(call.who.index)
            if rng.random() < 0.8:
                found += self._activation(call, role)
        return found

    def _activation(self, work: Call, role: str) -> list[tuple[int, Record]]:
        rng, who = self._rng, work.who
        begins = max(0, work.time - int(rng.uniform(1, 12) * MINUTE))
        granted, over = begins + int(rng.uniform(1.5, 9) * 1_000_000), begins + 8 * HOUR
        scope = f"/subscriptions/{self._directory.subscriptions[work.subscription]}"
        correlation, expiry = guid(rng), guid(rng)
        asked = {"CallerInfo": _caller(who), "RoleDefinition": role, "Justification": "planned work"}
        asked |= {"SubjectID": _object_id(who), "SubjectName": who.name}
        dropped = asked | {"CallerInfo": _service(self._object_id)}
        del dropped["Justification"]
        steps = (
            (begins, "Add member to role requested (PIM activation)", "CreateRequestRoleActivation", asked),
            (granted, "Add member to role completed (PIM activation)", "ActivateRole", asked),
            (over, "Remove member from role (PIM activation expired)", "RemoveActivatedRole", dropped),
        )
        found = []
        for time, name, event, said in steps:
            record: Record = {
                "location": "global",
                "resultType": "Succeeded",
                "time": self._recorder.clock(time),
                "resourceId": scope.upper(),
                "correlationId": expiry if said is dropped else correlation,
                "operationName": name,
                "category": "Administrative",
                "properties": {
                    "ResourceProviderName": "azurerbac",
                    "ResourceType": "subscription",
                    "TenantID": self._directory.tenant_id,
                    "EventName": event,
                    **said,
                },
            }
            if said is asked:
                record["callerIpAddress"] = work.address
            found.append((time, record))
        found.append((granted, self._assignment(granted, scope)))
        return found

    def _assignment(self, time: int, scope: str) -> Record:
        """Write the role assignment that MS-PIM makes of an activation."""
        name = "Microsoft.Authorization/roleAssignments/write"
        resource = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{guid(self._rng)}"
        return {
            "time": self._recorder.clock(time),
            "resourceId": resource.upper(),
            "operationName": name.upper(),
            "category": "Administrative",
            "resultType": "Success",
            "resultSignature": "Succeeded.Created",
            "durationMs": "412",
            "correlationId": guid(self._rng),
            "identity": {
                "authorization": {"scope": resource, "action": name, "evidence": {"role": "Azure PIM"}},
                "claims": {
                    "aud": "https://management.core.windows.net/",
                    "appid": _MS_PIM,
                    "idtyp": "app",
                    f"{_MS_CLAIMS}objectidentifier": self._object_id,
                    f"{_MS_CLAIMS}tenantid": self._directory.tenant_id,
                },
            },
            "level": "Information",
            "properties": {"statusCode": "Created", "eventCategory": "Administrative", "entity": resource},
            "tenantId": self._directory.tenant_id,
        }


class Backups:
    """The vaults of a tenant, and what Azure Backup says of their nightly jobs.

    Parameters
    ----------
    plan, directory
        The tenant; one without policies has no vault.
    recorder
        Writes times.
    """

    def __init__(self, plan: TenantPlan, directory: Directory, recorder: Recorder) -> None:
        rng = self._rng = Random(f"{plan.seed}/backups")
        self._recorder = recorder
        self._jobs: list[tuple[str, str, float]] = []
        for subscription in directory.subscriptions:
            vault = f"/subscriptions/{subscription}/resourceGroups/rg-core-{rng.randrange(9)}/providers"
            vault += f"/Microsoft.RecoveryServices/vaults/rsv-{rng.randrange(99)}"
            begins = rng.uniform(19, 23)
            for _ in range(round(rng.randint(4, 20) * plan.policies)):
                self._jobs.append((vault, f"vm-{rng.choice(('app', 'sql', 'web'))}-{rng.randrange(1000)}", begins))

    def day(self, day: int) -> list[tuple[int, Record]]:
        """Draw the records of one day's jobs."""
        rng = self._rng
        found = []
        for vault, item, hour in self._jobs:
            begins = day * DAY + int(hour * HOUR) + int(rng.expovariate(1 / (9 * MINUTE)))
            ends = min(begins + int(rng.lognormvariate(2.6, 0.5) * MINUTE), day * DAY + DAY - 1)
            found.append((ends, self._job(vault, item, begins, ends, failed=rng.random() < 0.01)))
        return found

    def _job(self, vault: str, item: str, begins: int, ends: int, *, failed: bool) -> Record:
        rng = self._rng
        ended = "Failed" if failed else "Succeeded"
        return {
            "time": self._recorder.clock(ends),
            "resourceId": vault.upper(),
            "operationName": "Microsoft.RecoveryServices/vaults/backup",
            "category": "Administrative",
            "resultType": "Failure" if failed else "Success",
            "resultSignature": f"{ended}.",
            "resultDescription": f"Backup {ended}",
            "durationMs": 0,
            "correlationId": guid(rng),
            "identity": {"claims": {f"{_CLAIMS}emailaddress": "Microsoft.RecoveryServices"}},
            "level": "Error" if failed else "Informational",
            "location": "westeurope",
            "properties": {
                "eventCategory": "Administrative",
                "Entity Name": item,
                "Job Id": guid(rng),
                "Start Time": self._recorder.clock(begins),
            },
        }


def _object_id(who: Identity) -> str:
    return who.id.rpartition("/")[2]


def _caller(who: Identity) -> str:
    said = (("UPN", who.claims[f"{_CLAIMS}upn"].strip()), ("ObjectID", _object_id(who)),
            ("Username", who.claims["name"]), ("ObjectClass", "User"))  # fmt: skip
    return _pairs(said)


def _service(object_id: str) -> str:
    return _pairs((("UPN", ""), ("ObjectID", object_id), ("Username", "AzureADPIM"), ("Name", "AzureADPIM"),
                   ("ObjectClass", "User")))  # fmt: skip


def _pairs(said: Iterable[tuple[str, str]]) -> str:
    return _text([{"CallerIdentityType": kind, "CallerIdentityValue": value} for kind, value in said]).decode()
