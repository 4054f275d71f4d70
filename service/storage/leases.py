"""Who of two instances works: a lease on a blob, or a lock on a file of the shared volume.

Either ends by itself when its holder is gone. What is done with it, and what keeps two instances from each other's
snapshots if it should ever be in two hands, is left to others: see `SnapshotFenced`.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from service.core.ports import Clock, LeaseLost, SnapshotFenced
from service.storage.blob_trouble import azure_reason
from service.waiting import OneAside

if TYPE_CHECKING:  # a lock on a file needs none of it
    from azure.storage.blob import BlobLeaseClient, ContainerClient

LOCK = "standby.lock"
ASK_EVERY = 1.0
RENEWALS = 5
"""How often a lease is renewed within its time."""

_MARGIN = 1.0  # seconds before its end from which on it counts as lost, so that its holder has stopped by then
# Microsoft Learn, "Blob service error codes".
_ANOTHERS = {
    "LeaseAlreadyPresent",
    "LeaseIdMismatchWithLeaseOperation",
    "LeaseIsBreakingAndCannotBeAcquired",
    "LeaseIsBrokenAndCannotBeRenewed",
    "LeaseLost",
    "LeaseNotPresentWithLeaseOperation",
}


class _RenewedLease(ABC):
    """A `service.core.ports.Lease` that lasts for `seconds` after each renewal.

    A thread asks for it and renews it: restoring a large state, which keeps the event loop busy, must not lose it. That
    it was not renewed in time is noticed on the loop, also when the thread hangs.
    """

    def __init__(self, name: str, clock: Clock, seconds: float) -> None:
        self._name = name
        self._clock = clock
        self._seconds = seconds
        self._until = 0.0
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    async def acquire(self) -> None:
        """Wait until it is ours.

        Raises
        ------
        OSError
            It cannot even be asked for, at the first attempt; what has worked once is tried for ever.
        """
        loop = asyncio.get_running_loop()
        ours: asyncio.Future[None] = loop.create_future()

        def settle(error: OSError | None) -> None:
            if ours.done():
                return
            if error is None:
                ours.set_result(None)
            else:
                ours.set_exception(error)

        def tell(error: OSError | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
                loop.call_soon_threadsafe(settle, error)

        self._thread = threading.Thread(target=self._work, args=(tell,), name="lease", daemon=True)
        self._thread.start()
        await ours

    async def keep(self) -> None:
        """Wait for as long as it is ours.

        Raises
        ------
        LeaseLost
            A second before it ends unrenewed, or when another instance has it.
        """
        while (left := self._until - _MARGIN - self._clock.elapsed()) > 0:
            await self._clock.sleep(min(left, ASK_EVERY))
        why = f": {self._trouble}" if self._trouble else ""
        raise LeaseLost(f"{self._name} could not be renewed within {self._seconds:g} s{why}")

    async def release(self) -> None:
        """Give it back, if it is ours, so that who waits for it has it at once; takes a few seconds at most."""
        self._stopping.set()
        if self._thread is not None:
            await OneAside().run(self._thread.join, self._seconds / RENEWALS)

    def _work(self, tell: Callable[[OSError | None], None]) -> None:
        try:
            with contextlib.ExitStack() as resources:
                if self._taken(resources):
                    tell(None)
                    self._go_on_renewing()
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of whatever has ended the asking
            self._trouble = azure_reason(error)
            tell(OSError(f"{self._name} cannot be asked for ({self._trouble})"))

    def _taken(self, resources: contextlib.ExitStack) -> bool:
        """Ask until it is ours; False if we are to stop before that."""
        self._open(resources)
        asked = False
        while not self._stopping.is_set():
            began = self._clock.elapsed()
            try:
                if self._take():
                    self._until = began + self._seconds
                    return True
            except (AzureError, OSError):
                if not asked:
                    raise
            asked = True
            self._stopping.wait(ASK_EVERY)
        return False

    def _go_on_renewing(self) -> None:
        while not self._stopping.wait(self._seconds / RENEWALS):
            began = self._clock.elapsed()
            try:
                self._renew()
            except (AzureError, OSError) as error:
                self._trouble = azure_reason(error)
            except SnapshotFenced as error:
                self._trouble, self._until = str(error), 0.0
                return
            else:
                self._trouble, self._until = "", began + self._seconds

    @abstractmethod
    def _open(self, resources: contextlib.ExitStack) -> None:
        """Get ready to ask; `resources` closes what is opened, and gives the lease back if it is ours then."""

    @abstractmethod
    def _take(self) -> bool:
        """Ask once; whether it is ours now."""

    @abstractmethod
    def _renew(self) -> None:
        """Renew it once; raises `SnapshotFenced` if it is another instance's."""


class BlobLease(_RenewedLease):
    """A lease on a blob of its own, which the storage service ends when nobody renews it.

    Parameters
    ----------
    open_container
        Makes a client of the container, which the lease closes.
    name
        Name of the blob; made, empty, when it does not exist.
    clock
        Reckons how long the lease lasts.
    seconds
        How long it lasts unless renewed: 15 to 60 (Microsoft Learn, *Lease Blob*).
    """

    def __init__(
        self, open_container: "Callable[[], ContainerClient]", name: str, clock: Clock, *, seconds: int
    ) -> None:
        super().__init__(f"the lease on blob {name}", clock, seconds)
        self._open_container = open_container
        self._blob_name = name
        self._duration = seconds
        self._container: ContainerClient
        self._lease: BlobLeaseClient

    def _open(self, resources: contextlib.ExitStack) -> None:
        from azure.storage.blob import BlobLeaseClient  # noqa: PLC0415

        self._container = resources.enter_context(self._open_container())
        self._lease = BlobLeaseClient(self._container.get_blob_client(self._blob_name))
        resources.callback(self._give_back)

    def _take(self) -> bool:
        try:
            self._lease.acquire(lease_duration=self._duration)
        except ResourceNotFoundError as error:
            with contextlib.suppress(ResourceExistsError):
                if getattr(error, "error_code", None) == "ContainerNotFound":
                    self._container.create_container()
                else:
                    self._container.upload_blob(self._blob_name, b"", overwrite=False)
            return False
        except HttpResponseError as error:
            if getattr(error, "error_code", None) in _ANOTHERS:
                return False
            raise
        return True

    def _renew(self) -> None:
        try:
            self._lease.renew()
        except HttpResponseError as error:
            if getattr(error, "error_code", None) in _ANOTHERS:
                raise SnapshotFenced("another instance has it") from error
            raise

    def _give_back(self) -> None:
        # Also where it is another instance's, which refuses it.
        with contextlib.suppress(AzureError):
            self._lease.release()


class FileLease(_RenewedLease):
    """A lock on a file, which the kernel, or the server of the volume, ends with its holder.

    Where locks should not reach from one machine to another, the token in the file tells the older instance that it is
    no longer alone.

    Parameters
    ----------
    folder
        Where snapshots are kept; made when missing.
    clock
        Reckons how long ago the file could last be looked at.
    seconds
        For how long it need not be possible.
    """

    def __init__(self, folder: Path, clock: Clock, *, seconds: float) -> None:
        super().__init__(f"the lock on {folder / LOCK}", clock, seconds)
        self._path = folder / LOCK
        self._token = f"{socket.gethostname()} {os.getpid()} {uuid4().hex}".encode()
        self._handle = -1

    def check(self) -> None:
        """Look whether the lock is still ours: otherwise no snapshot may be replaced.

        Raises
        ------
        SnapshotFenced
            It is not.
        OSError
            The volume does not answer as it should.
        """
        if self._handle < 0:
            raise SnapshotFenced(f"{self._path} has not been locked yet")
        os.fsync(self._handle)
        if self._path.read_bytes() != self._token:
            raise SnapshotFenced(f"another instance has taken {self._path} over")

    def _open(self, resources: contextlib.ExitStack) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._reopen()
        resources.callback(lambda: os.close(self._handle))

    def _reopen(self) -> None:
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def _take(self) -> bool:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                return False
            raise
        if not self._path.exists() or not os.path.samestat(os.fstat(self._handle), self._path.stat()):
            # Somebody has removed the file, and who comes next would lock another one.
            os.close(self._handle)
            self._reopen()
            return False
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, self._token, 0)
        os.fsync(self._handle)
        return True

    def _renew(self) -> None:
        self.check()
