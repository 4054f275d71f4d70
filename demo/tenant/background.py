"""Records that nobody caused: service health, resource health, autoscale and policy, without a caller."""

from random import Random

from demo.tenant.calls import DAY, HOUR, MINUTE
from demo.tenant.identities import Directory, guid
from demo.tenant.occasions import Outage
from demo.tenant.records import Record, Recorder

_KINDS = (
    ("Policy", "Microsoft.Authorization/policies/audit/action", "Success", "Warning", 0.55),
    ("Policy", "Microsoft.Authorization/policies/auditIfNotExists/action", "Success", "Warning", 0.2),
    ("Autoscale", "Microsoft.Insights/AutoscaleSettings/Scaleup/Action", "Succeeded", "Information", 0.1),
    ("Autoscale", "Microsoft.Insights/AutoscaleSettings/Scaledown/Action", "Succeeded", "Information", 0.1),
    ("ResourceHealth", "Microsoft.Resourcehealth/healthevent/Updated/action", "Updated", "Information", 0.05),
)


def background(
    day: int, directory: Directory, recorder: Recorder, outages: list[Outage], rng: Random
) -> list[tuple[int, Record]]:
    """Draw a day's records without a caller, each with its time in microseconds since the start."""
    found: list[tuple[int, Record]] = []
    for subscription in directory.subscriptions:
        for _ in range(rng.randint(4, 16)):
            category, name, result, level, _ = rng.choices(_KINDS, [kind[-1] for kind in _KINDS])[0]
            time = day * DAY + int(rng.random() * DAY)
            resource = f"/subscriptions/{subscription}/resourceGroups/rg-core-{rng.randrange(9)}/providers"
            resource += f"/Microsoft.Compute/virtualMachineScaleSets/vmss-{rng.randrange(20)}"
            found.append((time, _record(recorder.clock(time), resource, name, category, result, level, rng)))
    for outage in outages:
        if outage.begins // DAY == day:
            for time, result in ((outage.begins + 25 * MINUTE, "Active"), (outage.ends + HOUR, "Resolved")):
                scope = f"/subscriptions/{rng.choice(directory.subscriptions)}"
                name = "Microsoft.ServiceHealth/incident/action"
                record = _record(recorder.clock(time), scope, name, "ServiceHealth", result, "Warning", rng)
                record["properties"] |= {"service": outage.service, "incidentType": "Incident", "stage": result}
                found.append((time, record))
    return found


def _record(clock: str, resource: str, name: str, category: str, result: str, level: str, rng: Random) -> Record:
    return {
        "time": clock,
        "resourceId": resource,
        "operationName": name,
        "category": category,
        "resultType": result,
        "correlationId": guid(rng),
        "level": level,
        "properties": {"eventCategory": category, "eventDataId": guid(rng)},
    }
