"""What a group of exceptions comes down to, for those who tell people of one cause."""


def leaf(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first plain exception inside a group.

    >>> leaf(BaseExceptionGroup("tasks", [BaseExceptionGroup("inner", [OSError("full"), ValueError("no")])]))
    OSError('full')
    """
    first = failures.exceptions[0]
    return leaf(first) if isinstance(first, BaseExceptionGroup) else first
