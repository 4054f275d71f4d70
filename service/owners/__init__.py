"""The CSV file that says who answers for which identity: reading it, and watching it for changes."""

from service.owners.file import OwnersFile, UnusableOwners, read_owners
from service.owners.watch import OwnersLooked, OwnersWatch

__all__ = ["OwnersFile", "OwnersLooked", "OwnersWatch", "UnusableOwners", "read_owners"]
