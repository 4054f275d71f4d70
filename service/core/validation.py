"""What pydantic says of a stored value that it does not understand, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from models.stream import UnexpectedRow


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn the first thing that is wrong with `what`, which is read meanwhile, into one line that names its field.

    The value itself stays out of it: it may hold names of people, or an address.

    >>> from pydantic import TypeAdapter
    >>> with understood("outbox"):
    ...     TypeAdapter(dict[str, int]).validate_python({"number": None})
    Traceback (most recent call last):
    ...
    models.stream.rows.UnexpectedRow: outbox: field 'number': Input should be a valid integer
    """
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"unknown field {place!r}" if first["type"] in _UNKNOWN else f"field {place!r}: {first['msg']}"
        raise UnexpectedRow(f"{what}: {problem}") from None


_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
