"""Asks the history database: queries alone, beside whoever writes it, of whatever the tables hold.

What is asked is answered with frozen values. A damaged document is left out, and the rest answered.
"""

from service.history.alert_queries import AlertQueries
from service.history.asking import FOREVER, MOST_ANSWERED
from service.history.day_queries import DayQueries

__all__ = ["FOREVER", "MOST_ANSWERED", "History"]


class History(DayQueries, AlertQueries):
    """What there is in a history database; may be asked from any thread.

    Parameters
    ----------
    path
        The file; it may be made, removed and made again while this is open.

    Raises
    ------
    NoHistory
        By each question, when there is no file, or none that can be read.
    """
