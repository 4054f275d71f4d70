"""What somebody wrote down to say whom or what they mean, held against what happened; case never matters.

Which patterns there are, and what follows from a match, is left to suppressions and to the watch list.
"""

from fnmatch import fnmatchcase
from functools import lru_cache

from models.stream.events import Actor


@lru_cache(maxsize=16_384)
def fits_pattern(pattern: str, action: str) -> bool:
    """Whether a case-folded action fits a pattern: ``*`` for anything, ``?`` for one character.

    >>> fits_pattern("Microsoft.Sql/*", "microsoft.sql/servers/write"), fits_pattern("Sql/?", "sql/servers")
    (True, False)
    >>> fits_pattern("*/rg-[prod]/*", "/x/rg-[prod]/y")  # nothing else is special
    True
    """
    return fnmatchcase(action, pattern.casefold().replace("[", "[[]"))


def names_of(actor: Actor) -> set[str]:
    """Return all that an identity goes by, case-folded: ``tenant/object-id``, object id, name.

    >>> from models.stream.events import ActorKind
    >>> sorted(names_of(Actor("t/1", "Ann@contoso.example", ActorKind.HUMAN)))
    ['1', 'ann@contoso.example', 't/1']
    """
    key = actor.id.casefold()
    return {key, key.rpartition("/")[2], actor.name.casefold()}
