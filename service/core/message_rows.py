"""A message that waits as a row of the snapshot, and back; when it is sent is the outbox's to decide."""

from base64 import b64decode, b64encode

from pydantic import BaseModel, ConfigDict, JsonValue

from service.core.ports import Rendered

_EXACT = ConfigDict(extra="forbid")  # what would be left out of a snapshot unread is refused


class _Told(BaseModel):
    model_config = _EXACT

    id: str
    revision: int


class _Message(BaseModel):
    model_config = _EXACT

    id: str
    alerts: tuple[_Told, ...]
    content_type: str
    text: str | None = None
    base64: str = ""
    follows: str = ""


def write_message(message: Rendered) -> dict[str, JsonValue]:
    """Return a message as plain JSON, its body as text if it is UTF-8."""
    told: list[JsonValue] = [{"id": alert, "revision": revision} for alert, revision in message.alerts]
    row: dict[str, JsonValue] = {"id": message.id, "alerts": told, "content_type": message.content_type}
    if message.follows:
        row["follows"] = message.follows
    try:
        return {**row, "text": message.body.decode()}
    except UnicodeDecodeError:
        return {**row, "base64": b64encode(message.body).decode()}


def read_message(row: object) -> Rendered:
    """Return the message that was written.

    Raises
    ------
    pydantic.ValidationError
        If it is none.
    """
    stored = _Message.model_validate(row)
    body = stored.text.encode() if stored.text is not None else b64decode(stored.base64)
    alerts = tuple((told.id, told.revision) for told in stored.alerts)
    return Rendered(stored.id, alerts, body, stored.content_type, follows=stored.follows)
