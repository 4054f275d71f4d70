"""The wire format of the Azure Activity Log: bytes in; events, rejects and counts out.

This package alone knows what Azure sends; it leaves duplicates, lateness and forged times to the engine. It asks no
clock, reads no file and raises nothing: what cannot be understood becomes a `Reject`, and its neighbours live.

One module, one question: `envelope` where a record begins and ends (`salvage` and `lenient` for the broken ones),
`records` what its fields are (`loose` for values of any make), `actors` who, `times` when, `operations` what and how
it ended, `categories` whether it is ours at all, `rejects` why not. `reader` makes the event of it and has `memo`
remember what repeats, `parser` reads the whole message.
"""

from service.core.parsing.categories import LeftOut
from service.core.parsing.parser import ActivityLogParser, Parsed
from service.core.parsing.records import Envelope
from service.core.parsing.rejects import Reject, RejectReason, redact

__all__ = ["ActivityLogParser", "Envelope", "LeftOut", "Parsed", "Reject", "RejectReason", "redact"]
