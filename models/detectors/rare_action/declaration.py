"""Who the detector is: its words for people, its threshold, the names of its terms, its examples."""

from models.detectors.contract import Card, Declaration
from models.detectors.examples import ELSEWHERE, TEAM, Activity, Example, daily

NAME = "rare_action"
CARD = Card(
    name=NAME,
    title="Action unusual for this identity",
    what="An identity performed operations that it, and those like it, hardly ever perform.",
    why="Somebody who took over an account or a service principal seldom has its habits: first they look around, "
    "then they grant themselves roles, read keys, run commands or export disks. Each is legal; for this identity "
    "it is new.",
    false_positives=(
        "A new duty, project or on-call shift: the first hours of real change look like this.",
        "Maintenance or a migration that somebody does once a year.",
        "A pipeline that was given a new step, or a tool's new version that calls other operations.",
    ),
    response=(
        "Read the list of operations as a story: looking around, granting, reading secrets, running, exporting?",
        "Ask the identity's owner through another channel than mail or chat whether they did it.",
        "Compare address and scope with the identity's usual ones; look at its sign-ins of the last day.",
        "If it was not them: revoke sessions, rotate its secrets, and undo role assignments and credentials first.",
    ),
    mitre=("TA0001/T1078.004", "TA0003/T1098", "TA0004/T1098.003", "TA0008/T1021.007", "TA0010/T1537"),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=58.0,  # one in 210 user-days; about two false alerts a day in a thousand identities
    terms=(
        "action",
        "outcome",
        "sensitivity",
        "hour",
        "network",
        "scope",
        "company",
        "busy",
        "beginner",
        "evidence",
        "campaign",
    ),
    evidence=(
        "probability",
        "outcome",
        "days_known",
        "buckets_known",
        "usual",
        "session",
        "identities",
        "identities_with_action",
        "identities_of_kind_with_action",
        "newcomers_with_action",
        "identities_doing_it_now",
        "networks_known",
        "evidence",
        "campaign",
    ),
    speaks=Example(
        "People do the same every day; then the account of one of them grants a role from elsewhere.",
        before=daily(range(30), *TEAM),
        then=[Activity("ann", "microsoft.authorization/roleassignments/write", 30, source=ELSEWHERE)],
        says="Never in its 30 active days; none of 8 known identities ever did it",
    ),
    silent=Example(
        "People grant roles now and then, as one of them does today, in the office.",
        before=[
            *daily(range(30), *TEAM),
            *daily(range(0, 30, 4), *TEAM, what="microsoft.authorization/roleassignments/write"),
        ],
        then=[Activity("ann", "microsoft.authorization/roleassignments/write", 30)],
    ),
)
