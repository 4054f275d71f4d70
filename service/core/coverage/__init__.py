"""Coverage gaps: spans of time for which the service did not see everything, so that its silence means nothing.

There are four kinds, and at most one gap of each is open at a time:

- ``silent``: nothing is read from a partition although the hub holds messages, or the hub does not answer;
- ``behind``: messages are read, but long after the hub took them, as after a downtime or in a flood;
- ``late``: the hub itself was given the events long after they happened, because Azure's export was delayed,
  of all subscriptions or of some;
- ``lost``: messages were gone from the hub before they were read, or were set aside unread.

`partitions` finds the first two, `arrival` the third, `losses` the fourth. `gaps` makes the notices of one gap follow
each other under one id, `monitor` is what the application calls. Sending the notices is left to others.
"""

from service.core.coverage.arrival import SubscriptionArrival, by_subscription
from service.core.coverage.gaps import GapLimits
from service.core.coverage.monitor import CoverageMonitor

__all__ = ["CoverageMonitor", "GapLimits", "SubscriptionArrival", "by_subscription"]
