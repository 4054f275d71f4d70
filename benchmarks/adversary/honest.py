"""Every kind of honest work that looks like an attack, in the order of the table."""

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.adversary import honest_machines, honest_people
from benchmarks.adversary.instance import Instance
from benchmarks.adversary.stage import Stage


class Counterpart(NamedTuple):
    """One kind of honest work, how it is made up, and whether an alert about it is all right."""

    name: str
    make: Callable[[Stage], list[Instance]]
    allowed: bool = False


HONEST: tuple[Counterpart, ...] = (
    Counterpart("30 people join within a week", honest_people.onboarding),
    Counterpart("guests join", honest_people.guests),
    Counterpart("80 identities take up a new service", honest_people.rollout),
    Counterpart("on-call nights", honest_people.on_call),
    Counterpart("people who roam between networks", honest_people.roaming),
    Counterpart("a dozen people move to another office", honest_people.moving),
    Counterpart("people on the network of an attacker", honest_people.shared_network),
    Counterpart("a colleague's work taken over", honest_people.takeover),
    Counterpart("a break-glass account's drill", honest_people.drill, allowed=True),
    Counterpart("a team starts in a new subscription", honest_people.new_subscription),
    Counterpart("somebody makes 40 machines", honest_people.bulk),
    Counterpart("three ephemeral identities a day", honest_machines.ephemeral),
    Counterpart("ten new applications", honest_machines.fresh),
    Counterpart("a new pipeline for 36 kinds of resources", honest_machines.new_pipeline),
    Counterpart("a nightly clean-up, its first night", honest_machines.first_clean_up, allowed=True),
    Counterpart("a nightly clean-up, later nights", honest_machines.clean_up),
    Counterpart("an autoscaler", honest_machines.autoscaler),
    Counterpart("a pipeline destroys what it made, the first time", honest_machines.first_destruction, allowed=True),
    Counterpart("a pipeline destroys what it made, a week later", honest_machines.destruction),
    Counterpart("keys rotated every quarter", honest_machines.rotation),
)
"""All of it."""
