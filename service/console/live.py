"""What a running service says of itself beside history, as a value; asked for whenever a page is."""

from typing import NamedTuple

from service.core.alerting import AS_DELIVERED, InForce


class Live(NamedTuple):
    """The present of a service; as it stands here where only a file is shown.

    Attributes
    ----------
    in_force
        What alerts now.
    """

    in_force: InForce = AS_DELIVERED
