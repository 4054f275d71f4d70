"""Switches that make the hub misbehave as networks and throttled namespaces do; all off unless somebody turns them."""

from dataclasses import dataclass, field

from demo.hub.refusals import Refusal


@dataclass(slots=True)
class Faults:
    """What goes wrong from now on.

    Attributes
    ----------
    refuse_connections
        New connections are reset as soon as they are made.
    silent
        Nothing that comes in is looked at and nothing goes out; connections stay open. What was swallowed is lost.
    withheld
        Partitions whose messages are taken and kept, and do not go out; their links stay, and the hub names the newest
        message when asked. See `EmbeddedHub.withhold`.
    dribble
        ``(bytes, seconds)``: output leaves in pieces of so many bytes, one every so many seconds.
    cut_after
        Each connection is reset when so many more bytes have gone out, most likely in the middle of a frame; the
        switch turns itself off with the first cut.
    server_busy
        New event links are refused, and messages rejected, with ``com.microsoft:server-busy``.
    refuse_links
        New event links are refused with this.
    refuse_tokens
        Tokens are refused with this status (401, 404, 500 …) and description.
    """

    refuse_connections: bool = False
    silent: bool = False
    withheld: set[str] = field(default_factory=set)
    dribble: tuple[int, float] | None = None
    cut_after: int | None = None
    server_busy: bool = False
    refuse_links: Refusal | None = None
    refuse_tokens: tuple[int, str] | None = None
