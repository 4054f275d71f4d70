"""A chat channel on this machine: takes what Teams, Slack and a signed webhook would take, and shows it as they would.

`checks` knows what the real receivers accept, `server` answers as they answer, `inbox` keeps what came, `page` and the
files under `static` draw it. Deciding what to send is the service's work.
"""

from demo.receiver.checks import SIGNATURE_TOLERANCE
from demo.receiver.inbox import Kind, Received
from demo.receiver.server import Fault, Receiver

__all__ = ["SIGNATURE_TOLERANCE", "Fault", "Kind", "Received", "Receiver"]
