"""A connection between the driver and one task, for the length of a batch: pickled values, each of them signed.

Every batch has a key of its own, which comes to tasks with the job, as Spark brings it. What does not bear its
signature is never unpickled. It is not encrypted.
"""

import hmac
import pickle
import socket
import struct
from collections.abc import Callable
from typing import Any

ROUND_WITHIN = 600.0
"""Seconds that the other side may take for an answer."""
HELLO_WITHIN, MOST_HELLO_BYTES = 10.0, 1024
"""Seconds and bytes that somebody may take who has yet to show that the key is known to them."""
ALL_WITHIN = 120.0
"""Seconds after the first task has connected that all others may take, which are started at the same time."""
MOST_FRAME_BYTES = 1 << 31
_LOOK_EVERY = 0.5
_HEAD = struct.Struct("!Q32s")


class BrokenChannel(ConnectionError):  # noqa: N818 - it says what is the matter
    """The other side is gone, or it was not the other side."""


class Channel:
    """One end of a connection.

    Parameters
    ----------
    connection
        As connected.
    key
        That of the batch.
    is_driver
        Which end this is.
    gone
        Whether there is nobody to wait for any more; asked now and then while nothing comes.
    """

    def __init__(
        self, connection: socket.socket, key: bytes, *, is_driver: bool, gone: Callable[[], bool] = lambda: False
    ) -> None:
        self._connection = connection
        self._key = key
        self._names = (b"driver", b"task") if is_driver else (b"task", b"driver")
        self._gone = gone
        self._sent = self._received = 0
        connection.settimeout(_LOOK_EVERY)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, value: Any) -> None:
        """Send a value.

        Raises
        ------
        BrokenChannel
            It cannot be sent.
        """
        data = pickle.dumps(value)
        signature = self._signature(self._names[0], self._sent, data)
        self._sent += 1
        try:
            self._connection.settimeout(ROUND_WITHIN)
            self._connection.sendall(_HEAD.pack(len(data), signature) + data)
        except OSError as error:
            raise BrokenChannel(f"cannot be written: {error}") from error
        finally:
            self._connection.settimeout(_LOOK_EVERY)

    def receive(self, within: float = ROUND_WITHIN, most: int = MOST_FRAME_BYTES) -> Any:
        """Wait for the next value.

        Raises
        ------
        BrokenChannel
            None comes within so many seconds and bytes, or one that is not signed.
        """
        length, signature = _HEAD.unpack(self._read(_HEAD.size, within))
        if length > most:
            raise BrokenChannel("a message is too long to be one")
        data = self._read(length, within)
        if not hmac.compare_digest(signature, self._signature(self._names[1], self._received, data)):
            raise BrokenChannel("a message does not bear the signature of this batch")
        self._received += 1
        return pickle.loads(data)  # noqa: S301 - signed with a key that only this batch's tasks have

    def close(self) -> None:
        """End it."""
        self._connection.close()

    def _read(self, length: int, within: float) -> bytes:
        data, waited = bytearray(), 0.0
        while len(data) < length:
            try:
                some = self._connection.recv(min(length - len(data), 1 << 20))
            except TimeoutError:
                waited += _LOOK_EVERY
                if self._gone() or waited >= within:
                    raise BrokenChannel("the other side does not answer") from None
                continue
            except OSError as error:
                raise BrokenChannel(f"cannot be read: {error}") from error
            if not some:
                raise BrokenChannel("the other side has ended")
            data += some
        return bytes(data)

    def _signature(self, name: bytes, number: int, data: bytes) -> bytes:
        return hmac.digest(self._key, name + number.to_bytes(8) + data, "sha256")


def connect(address: tuple[str, int], key: bytes) -> Channel:
    """Connect a task to the driver.

    Raises
    ------
    BrokenChannel
        Nobody is there.
    """
    try:
        return Channel(socket.create_connection(address, timeout=60.0), key, is_driver=False)
    except OSError as error:
        raise BrokenChannel(f"{address[0]}:{address[1]} cannot be reached from an executor: {error}") from error


class TaskServer:
    """The driver's end of all channels of a batch.

    Parameters
    ----------
    host
        Address of this machine as executors know it.
    key
        That of the batch.
    gone
        Whether the job has ended.
    """

    def __init__(self, host: str, key: bytes, gone: Callable[[], bool]) -> None:
        self._server = socket.create_server(("", 0))
        self._server.settimeout(_LOOK_EVERY)
        self._key = key
        self._gone = gone
        self.address = (host, int(self._server.getsockname()[1]))
        self.channels: dict[int, Channel] = {}

    def __enter__(self) -> "TaskServer":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def connect(self, tasks: int) -> None:
        """Wait until so many tasks have connected; who does not know the key does not count.

        Raises
        ------
        BrokenChannel
            The job ends before; or a task has been lost meanwhile, so that it is started again, or never comes.
        """
        waited = 0.0
        while len(self.channels) < tasks:
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                waited += _LOOK_EVERY if self.channels else 0.0
                if self._gone() or waited >= ALL_WITHIN:
                    raise BrokenChannel(
                        f"of {tasks} tasks, which have to run at the same time, {len(self.channels)} came"
                    ) from None
                continue
            channel = Channel(connection, self._key, is_driver=True, gone=self._gone)
            try:
                task = channel.receive(HELLO_WITHIN, MOST_HELLO_BYTES)
            except BrokenChannel:
                channel.close()
                continue
            if task in self.channels:
                channel.close()
                raise BrokenChannel(f"task {task} was lost, and is there again")
            self.channels[task] = channel

    def close(self) -> None:
        """End all channels."""
        for channel in self.channels.values():
            channel.close()
        self._server.close()
