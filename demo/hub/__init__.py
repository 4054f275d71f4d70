"""An Azure Event Hub in one process: AMQP 1.0 over real sockets, for the demo, the tests and the benchmarks.

The unmodified azure-eventhub SDK cannot tell it from the service, and it is strict where the service is strict.
It leaves out what a laptop does not need: a namespace of several hubs, capture, retention by time, throughput units.
"""

from demo.hub.broker import Limits
from demo.hub.cbs import hs256_token, hs256_verifier, sas_token
from demo.hub.faults import Faults
from demo.hub.messages import HubMessage
from demo.hub.refusals import Refusal
from demo.hub.server import EmbeddedHub, ReaderInfo

__all__ = [
    "EmbeddedHub",
    "Faults",
    "HubMessage",
    "Limits",
    "ReaderInfo",
    "Refusal",
    "hs256_token",
    "hs256_verifier",
    "sas_token",
]
