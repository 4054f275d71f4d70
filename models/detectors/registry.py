"""Every detector there is, by name: a new one is a file of its own and a line here."""

from collections.abc import Callable, Mapping
from typing import Any

from models.detectors.contract import Detector
from models.detectors.dormant import Dormant
from models.detectors.failure_spike import FailureSpike
from models.detectors.new_network import NewNetwork
from models.detectors.rare_action import RareAction
from models.detectors.rare_failure import RareFailure
from models.detectors.unusual_city import UnusualCity
from models.detectors.unusual_country import UnusualCountry

DETECTORS: Mapping[str, Callable[..., Detector]] = {
    "rare_action": RareAction,
    "rare_failure": RareFailure,
    "failure_spike": FailureSpike,
    "new_network": NewNetwork,
    "dormant": Dormant,
    "unusual_country": UnusualCountry,
    "unusual_city": UnusualCity,
}


def build(name: str, **options: Any) -> Detector:
    """Make the detector called `name` with its own options.

    Raises
    ------
    KeyError
        If there is no such detector.

    Examples
    --------
    >>> build("rare_action", explain_from=50.0).card.name
    'rare_action'
    """
    return DETECTORS[name](**options)
