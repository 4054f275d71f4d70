"""Everything that happens to a service: the one list that a soak draws from.

What lasts begins and ends; what is sudden is over at once, and may also happen in the midst of what lasts.
"""

import signal
from collections.abc import Awaitable, Callable
from random import Random
from typing import Literal, NamedTuple

from demo.receiver import Fault as Answer
from tests.integration.service_process import clock
from tests.soak.world import World

Store = Literal["file", "blob"]
FEW_BYTES = 512
"""What a file may hold while the disk is full: less than a snapshot."""
HOURS = 3600.0


class Lasting(NamedTuple):
    """A fault that lasts; `stores` are the kinds of storage in which it can happen.

    While it lasts, what it `spares` does not happen: what is frozen cannot be asked to stop, and what begins with a
    wrong clock has to believe it.
    """

    name: str
    begin: Callable[[World, Random], Awaitable[None]]
    end: Callable[[World], Awaitable[None]]
    stores: frozenset[Store] = frozenset({"file", "blob"})
    spares: tuple[Callable[[World, Random], Awaitable[None]], ...] = ()


class Sudden(NamedTuple):
    """A fault that is over at once."""

    name: str
    strike: Callable[[World, Random], Awaitable[None]]


async def _kill(world: World, _: Random) -> None:
    await world.kill()
    await world.start()


async def _stop(world: World, _: Random) -> None:
    await world.stop()
    await world.start()


async def _damage(world: World, rng: Random, spoil: Callable[[bytes, Random], bytes]) -> None:
    await world.until_two_generations()
    await world.kill()
    await world.spoil_newest(lambda data: spoil(data, rng))
    await world.start()


async def _truncate(world: World, rng: Random) -> None:
    await _damage(world, rng, lambda data, rng: data[: rng.randrange(len(data))])


async def _flip(world: World, rng: Random) -> None:
    def flipped(data: bytes, rng: Random) -> bytes:
        bit = rng.randrange(len(data) * 8)
        return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]

    await _damage(world, rng, flipped)


async def _poison(world: World, rng: Random) -> None:
    for _ in range(rng.randint(1, 4)):
        world.feed.poison(rng)


async def _flood_of_nothing(world: World, rng: Random) -> None:
    world.feed.flood_of_nothing(rng)


async def _flood_of_strangers(world: World, rng: Random) -> None:
    world.feed.flood_of_strangers(rng)


async def _hub_drops(world: World, _: Random) -> None:
    await world.hub.drop_connections()


async def _hub_closes(world: World, _: Random) -> None:
    world.hub.close_connections()


async def _hub_cuts(world: World, rng: Random) -> None:
    world.hub.faults.cut_after = rng.randint(1, 5_000)


async def _receiver_refuses(world: World, rng: Random) -> None:
    world.receiver.fail("webhook", Answer(rng.choice((0, 429, 500, 503))), times=rng.randint(1, 3))


SUDDEN = (
    Sudden("killed (SIGKILL)", _kill),
    Sudden("stopped (SIGTERM)", _stop),
    Sudden("newest snapshot truncated", _truncate),
    Sudden("newest snapshot, a bit flipped", _flip),
    Sudden("poison messages", _poison),
    Sudden("flood of {}", _flood_of_nothing),
    Sudden("flood of forged identities", _flood_of_strangers),
    Sudden("hub drops its connections", _hub_drops),
    Sudden("hub closes its connections", _hub_closes),
    Sudden("hub cuts a frame", _hub_cuts),
    Sudden("receiver refuses (429, 5xx, hangs up)", _receiver_refuses),
)
_ANY_TIME = (_kill, _stop, _poison, _flood_of_nothing, _flood_of_strangers)
_MEANWHILE = tuple(one for one in SUDDEN if one.strike in _ANY_TIME)


async def _freeze(world: World, _: Random) -> None:
    world.signal(signal.SIGSTOP)


async def _thaw(world: World) -> None:
    world.signal(signal.SIGCONT)


async def _set_forward(world: World, rng: Random) -> None:
    world.set_clock(rng.choice((90.0, HOURS, 25 * HOURS)))


async def _set_back(world: World, rng: Random) -> None:
    world.set_clock(-rng.choice((90.0, HOURS, 6 * HOURS)))


async def _set_right(world: World) -> None:
    world.set_clock(0.0)
    # Whoever reads the setting once a second has read it then.
    await clock.sleep(1.2)


async def _fill_disk(world: World, _: Random) -> None:
    world.limit_files(FEW_BYTES)


async def _clear_disk(world: World) -> None:
    world.limit_files(None)


async def _store_away(world: World, _: Random) -> None:
    world.take_store_away()


async def _store_back(world: World) -> None:
    world.bring_store_back()


async def _store_silent(world: World, _: Random) -> None:
    world.store_wire.cut()


async def _store_slow(world: World, rng: Random) -> None:
    world.store_wire.slow(rng.uniform(0.1, 0.5))


async def _hub_away(world: World, _: Random) -> None:
    await world.hub.go_offline()


async def _hub_back(world: World) -> None:
    await world.hub.go_online()


async def _hub_silent(world: World, _: Random) -> None:
    world.hub_wire.cut()


async def _hub_speaks(world: World) -> None:
    world.hub_wire.mend()


async def _hub_slow(world: World, rng: Random) -> None:
    world.hub.faults.dribble = rng.randint(200, 2_000), 0.02


async def _hub_fast(world: World) -> None:
    world.hub.faults.dribble = None


async def _hub_withholds(world: World, _: Random) -> None:
    world.hub.withhold("0")


async def _hub_releases(world: World) -> None:
    world.hub.release()


async def _hub_busy(world: World, _: Random) -> None:
    world.hub.faults.server_busy = True
    await world.hub.drop_connections()


async def _hub_idle(world: World) -> None:
    world.hub.faults.server_busy = False


async def _tokens_refused(world: World, _: Random) -> None:
    world.hub.refuse_tokens()


async def _tokens_accepted(world: World) -> None:
    world.hub.accept_tokens()


async def _receiver_away(world: World, _: Random) -> None:
    world.receiver_wire.break_off()


async def _receiver_silent(world: World, _: Random) -> None:
    world.receiver_wire.cut()


async def _receiver_slow(world: World, rng: Random) -> None:
    world.receiver_wire.slow(rng.uniform(0.1, 1.0))


async def _receiver_back(world: World) -> None:
    world.receiver_wire.mend()


ONLY_BLOB = frozenset[Store]({"blob"})
LASTING = (
    Lasting("frozen (SIGSTOP)", _freeze, _thaw, spares=(_stop,)),
    Lasting("clock set forward, and right again", _set_forward, _set_right, spares=(_kill, _stop)),
    Lasting("clock set back, and right again", _set_back, _set_right, spares=(_kill, _stop)),
    Lasting("disk full", _fill_disk, _clear_disk),
    Lasting("store away", _store_away, _store_back),
    Lasting("store silent", _store_silent, _store_back, ONLY_BLOB),
    Lasting("store slow", _store_slow, _store_back, ONLY_BLOB),
    Lasting("hub away", _hub_away, _hub_back),
    Lasting("hub silent", _hub_silent, _hub_speaks),
    Lasting("hub slow", _hub_slow, _hub_fast),
    Lasting("hub withholds a partition", _hub_withholds, _hub_releases),
    Lasting("hub busy", _hub_busy, _hub_idle),
    Lasting("hub refuses tokens", _tokens_refused, _tokens_accepted),
    Lasting("receiver away", _receiver_away, _receiver_back),
    Lasting("receiver silent", _receiver_silent, _receiver_back),
    Lasting("receiver slow", _receiver_slow, _receiver_back),
)


def meanwhile(lasting: Lasting, rng: Random) -> Sudden | None:
    """Draw what also strikes while something lasts, if that does not spare it."""
    one = rng.choice(_MEANWHILE)
    return None if one.strike in lasting.spares else one


class Deck:
    """All faults that can happen, in an order that is drawn again each time when all have been drawn."""

    def __init__(self, rng: Random, store: Store) -> None:
        self._rng = rng
        self._all: list[Lasting | Sudden] = [*SUDDEN, *(one for one in LASTING if store in one.stores)]
        self._left: list[Lasting | Sudden] = []

    def draw(self) -> Lasting | Sudden:
        """Return the next one."""
        if not self._left:
            self._left = self._rng.sample(self._all, len(self._all))
        return self._left.pop()
