"""Azure Policy: which policies are assigned where, what each writes about a request, and roll-outs of new ones.

All of it is drawn from random streams of its own, so that a tenant does the same with and without policies. What a
policy writes about a request follows from the request alone: a record that is exported twice is evaluated alike.
"""

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from demo.tenant.calls import MINUTE, Call
from demo.tenant.catalogue import named
from demo.tenant.identities import Directory
from demo.tenant.plan import TenantPlan
from demo.tenant.records import Draft, Record, Recorder

_EFFECTS = {"audit": 0.5, "auditIfNotExists": 0.26, "deployIfNotExists": 0.13, "modify": 0.11}
_A_WRITE = 3.0  # evaluations, on average; more where a policy has been rolled out
_ADMINISTRATORS = frozenset({"platform", "security"})
_ASSIGNMENT = named("Microsoft.Authorization/policyAssignments/write")


class Policy(NamedTuple):
    """One policy assigned to a subscription: its effect, the share of writes that it has a word about, and from when.

    `begins` is in microseconds since the start.
    """

    effect: str
    share: float
    begins: int


class Rollout(NamedTuple):
    """A policy about every write of one subscription, to be assigned on the first day from `day` on that suits."""

    day: int
    subscription: int
    effect: str


class Policies:
    """What the policies of a tenant write.

    Parameters
    ----------
    plan
        Takes `policies` from it: 0 is a tenant without any.
    directory
        Whose subscriptions they are assigned to.

    Attributes
    ----------
    assigned
        The policies of each subscription, by its index.
    rollouts
        Those to come.
    """

    def __init__(self, plan: TenantPlan, directory: Directory) -> None:
        rng = Random(f"{plan.seed}/policies")
        self._seed = plan.seed
        self._recorder = Recorder(plan.start, directory, Random(f"{plan.seed}/policies/recorder"))
        self.assigned: list[list[Policy]] = [
            _assigned(rng, _A_WRITE * plan.policies) if plan.policies else [] for _ in directory.subscriptions
        ]
        self.assigned.append([])  # to the spare subscription, nothing
        self.rollouts: list[Rollout] = []
        if plan.policies:
            for _ in range(max(1, round(plan.days / 14))):
                day, subscription = rng.randrange(plan.days), rng.randrange(len(directory.subscriptions))
                self.rollouts.append(Rollout(day, subscription, _effect(rng)))

    def assign(self, day: int, calls: Iterable[Call]) -> list[Draft]:
        """Carry out the roll-outs that are due, amid the work of an administrator: what each assignment leaves."""
        due = [rollout for rollout in self.rollouts if rollout.day <= day]
        host = next((c for c in calls if due and c.who.role in _ADMINISTRATORS and not c.failure), None)
        if host is None:
            return []
        drafts: list[Draft] = []
        for number, rollout in enumerate(due, 1):
            begins = host.time + number * 2 * MINUTE
            self.assigned[rollout.subscription].append(Policy(rollout.effect, 1.0, begins))
            call = host._replace(time=begins, what=_ASSIGNMENT, subscription=rollout.subscription)
            drafts += self._recorder.drafts(call)
            self.rollouts.remove(rollout)
        return drafts

    def evaluations(self, draft: Draft, request: Record) -> list[Record]:
        """Return what the policies write about the request that `request`, made of `draft`, is the first record of."""
        call, stage, time, correlation, _, duration = draft
        if duration or stage == "Deny" or call.failure == "Forbidden" or not call.what.action.endswith("/write"):
            return []
        assigned = self.assigned[call.subscription]
        if not assigned:
            return []
        rng = Random(f"{self._seed}/{correlation}")
        denied = call.failure == "RequestDisallowedByPolicy"
        return [
            _evaluation("deny" if denied else policy.effect, request, rng.getrandbits(48))
            for policy in assigned
            if rng.random() < policy.share and policy.begins <= time
        ]


def _assigned(rng: Random, a_write: float) -> list[Policy]:
    """Draw the policies of one subscription, which together write `a_write` records about a write, on average."""
    weights = [rng.gammavariate(2.0, 1.0) for _ in range(rng.randint(4, 10))]
    return [Policy(_effect(rng), min(1.0, a_write * weight / sum(weights)), 0) for weight in weights]


def _effect(rng: Random) -> str:
    return rng.choices(list(_EFFECTS), list(_EFFECTS.values()))[0]


def _evaluation(effect: str, request: Record, number: int) -> Record:
    """Write what one policy makes of a request: under the caller's name, with the correlation of the request."""
    name = f"Microsoft.Authorization/policies/{effect}/action"
    resource = request["identity"]["authorization"]["scope"]
    denied = effect == "deny"
    return request | {
        "operationName": name.upper() if request["operationName"].isupper() else name,
        "category": "Policy",
        "resultType": "Failure" if denied else "Success",
        "resultSignature": "Failed.Forbidden" if denied else "Succeeded.",
        "durationMs": "0",
        "identity": {
            "authorization": request["identity"]["authorization"] | {"action": name},
            "claims": request["identity"]["claims"],
        },
        "level": "Error" if denied else "Warning",
        "properties": {
            "isComplianceCheck": "False",
            "resourceLocation": "westeurope",
            "policies": f'[{{"policyDefinitionId":"/providers/Microsoft.Authorization/policyDefinitions/{number:012x}",'
            f'"policyDefinitionEffect":"{effect}"}}]',
            "eventCategory": "Policy",
            "entity": resource,
            "message": name,
        },
    }
