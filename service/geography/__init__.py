"""Places of addresses, from a database file that the operator brings."""

from service.geography.database import Geography, UnusableDatabase

__all__ = ["Geography", "UnusableDatabase"]
