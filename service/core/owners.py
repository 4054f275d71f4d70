"""Who answers for which identity, and by which tags a team knows it: looked up by whatever an identity goes by.

It decides nothing: an alert says the same with it or without it, and to whom it may matter besides. Where it is read
from is `service.owners`' business.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from models.stream import Actor
from service.core.alerting import Alert


class Ownership(NamedTuple):
    """Who answers for an identity, empty if nobody is known to; and the tags that it has."""

    owner: str = ""
    tags: tuple[str, ...] = ()


_UNKNOWN = Ownership()


class Owners:
    """Ownership by id, object id or name, whatever the case.

    Parameters
    ----------
    entries
        By what an identity goes by, case-folded.
    """

    def __init__(self, entries: Mapping[str, Ownership] = {}) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def of(self, id_: str, name: str) -> Ownership:
        """Return what is known of an identity; an id goes before an object id, and that before a name.

        >>> owners = Owners({"42": Ownership("payments"), "ann@contoso.example": Ownership("hr")})
        >>> owners.of("tenant/42", "ann@contoso.example").owner, owners.of("tenant/7", "Ann@contoso.example").owner
        ('payments', 'hr')
        """
        if not self._entries:
            return _UNKNOWN
        key = id_.casefold()
        for one in (key, key.rpartition("/")[2], name.casefold()):
            if one and (found := self._entries.get(one)) is not None:
                return found
        return _UNKNOWN

    def of_actor(self, actor: Actor) -> Ownership:
        """Return what is known of an identity."""
        return self.of(actor.id, actor.name)

    def named_in(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Return the alerts with the owner and tags of each that is about one identity."""
        return [self._named(one) for one in alerts]

    def _named(self, alert: Alert) -> Alert:
        found = _UNKNOWN if alert.identity_count else self.of(alert.actor_id, alert.actor_name)
        return alert if found == _UNKNOWN else alert.model_copy(update=found._asdict())


NO_OWNERS = Owners()
