"""What the numbers of an alert are called where people read them; the numbers are the detectors'."""

from models.stream import ActorKind

TERM_WORDS = {
    "action": "How rare the operation is",
    "beginner": "It is new itself, so much is new",
    "busy": "Allowance for how much it does",
    "campaign": "A campaign over the last weeks",
    "company": "Amid its everyday work",
    "activity": "What a newcomer does first",
    "denial": "It was refused",
    "denials": "How many refusals",
    "evidence": "Other unusual things around it",
    "first": "Nobody has seen it before",
    "first_attempt": "Tried for the first time",
    "hour": "At this hour",
    "later": "Not in its first hour",
    "mostly_harmless": "How often such is harmless",
    "network": "From this network",
    "only": "It does nothing else",
    "outcome": "That it failed",
    "read": "It only reads",
    "scope": "In this subscription",
    "sensitivity": "Sensitive operation",
    "silence": "After so long a silence",
    "spike": "How many failures at once",
    "tactics": "Several tactics at once",
    "volume": "How much at once",
    "watched": "It is on the watch list",
}
"""Each term of each detector's surprise, as a waterfall calls it."""


def term_words(name: str) -> str:
    """Return what a term is called; one that has no words here shows its own name.

    >>> term_words("hour"), term_words("new_term")
    ('At this hour', 'new term')
    """
    return TERM_WORDS.get(name) or name.replace("_", " ")


def kind_words(kind: ActorKind | str) -> str:
    """Return a kind of identity in words.

    >>> kind_words(ActorKind.SERVICE_PRINCIPAL)
    'service principal'
    """
    return str(kind).replace("_", " ")
