"""A chat channel on this machine: takes what Teams, Slack and a signed webhook would take, and shows it as they would.

`checks` knows what the real receivers accept, `server` answers as they answer, `static` is the page that renders the
messages. Deciding what to send is the service's work.
"""

from demo.receiver.server import Fault, Kind, Received, Receiver

__all__ = ["Fault", "Kind", "Received", "Receiver"]
