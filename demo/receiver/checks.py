"""What the real receivers accept, as pure functions from the bytes of a request to the list of its faults.

Sources: the Adaptive Cards 1.4 schema and Teams' limits for cards from Workflows, Slack's reference of Block Kit
blocks and of incoming-webhook errors, the CloudEvents 1.0 JSON format, and the Standard Webhooks specification.
Answering is `demo.receiver.server`'s work.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

Json = dict[str, object]

TEAMS_LIMIT = 28_672
TEAMS_GROWTH = 28_897 / 24_453
"""A flow rewrites the card before it measures it; this is one observed pair of sizes after and before."""
TEAMS_ACTIONS = {"Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility"}
CARD_CHILDREN: dict[str, str | None] = {
    "TextBlock": None,
    "RichTextBlock": None,
    "FactSet": None,
    "Image": None,
    "ImageSet": None,
    "Container": "items",
    "ColumnSet": "columns",
    "Column": "items",
    "ActionSet": None,
    "Table": "rows",
    "TableRow": "cells",
    "TableCell": "items",
}
"""Every element that a card from a webhook may hold, and the field that holds its children."""

SLACK_BLOCKS = 50
SLACK_TOTAL = 13_200
SLACK_TEXT_LIMITS = {"section": 3_000, "header": 150, "field": 2_000, "context": 3_000, "button": 75}

SIGNATURE_TOLERANCE = timedelta(minutes=5)


def teams_faults(payload: object, size: int) -> list[str]:
    """Say why a Workflows webhook would accept a message and Teams would then not show it.

    Parameters
    ----------
    payload
        The decoded body.
    size
        Length of the body in bytes, before the flow expands it.

    Examples
    --------
    >>> teams_faults({"type": "message", "attachments": []}, 40)
    ['attachments: needs at least one card']
    """
    faults = []
    if size * TEAMS_GROWTH > TEAMS_LIMIT:
        faults.append(f"size: {size:,} bytes grow beyond the {TEAMS_LIMIT:,} that Teams shows")
    if not isinstance(payload, dict) or payload.get("type") != "message":
        return [*faults, "type: should be message"]
    attachments = payload.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        return [*faults, "attachments: needs at least one card"]
    for attachment in attachments:
        if not isinstance(attachment, dict):
            faults.append("attachments: should be objects")
            continue
        if attachment.get("contentType") != "application/vnd.microsoft.card.adaptive":
            faults.append("contentType: should be application/vnd.microsoft.card.adaptive")
        faults.extend(_card_faults(attachment.get("content")))
    return faults


def _card_faults(card: object) -> Iterator[str]:
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        yield "content: should be an AdaptiveCard"
        return
    version = card.get("version")
    if version not in {"1.0", "1.1", "1.2", "1.3", "1.4", "1.5"}:
        yield f"version: {version!r} is not shown by Teams"
    body = card.get("body")
    if not isinstance(body, list) or not body:
        yield "body: should hold elements"
        return
    for element in body:
        yield from _element_faults(element, str(version))
    yield from _action_faults(card.get("actions", []), str(version))


def _element_faults(element: object, version: str) -> Iterator[str]:
    if not isinstance(element, dict):
        yield "body: elements should be objects"
        return
    kind = element.get("type")
    if kind not in CARD_CHILDREN:
        yield f"body: unknown element {kind!r}"
        return
    if kind == "Table" and version != "1.5":
        yield "body: a Table needs version 1.5"
    if kind == "TextBlock" and not isinstance(element.get("text"), str):
        yield "TextBlock: needs a text"
    if kind == "FactSet":
        yield from _fact_faults(element.get("facts"))
    if kind == "ActionSet":
        yield from _action_faults(element.get("actions"), version)
    children = CARD_CHILDREN[kind]
    if children is not None:
        for child in _objects(element.get(children)):
            yield from _element_faults({"type": _implied_type(kind), **child}, version)


def _implied_type(parent: str) -> str | None:
    return {"ColumnSet": "Column", "Table": "TableRow", "TableRow": "TableCell"}.get(parent)


def _fact_faults(facts: object) -> Iterator[str]:
    entries = _objects(facts)
    if not entries or not all(isinstance(fact.get(name), str) for fact in entries for name in ("title", "value")):
        yield "FactSet: each fact needs a title and a value"


def _action_faults(actions: object, version: str) -> Iterator[str]:
    for action in _objects(actions):
        kind = action.get("type")
        if kind not in TEAMS_ACTIONS:
            yield f"actions: {kind!r} does nothing in a card from a webhook"
        if kind == "Action.OpenUrl" and not str(action.get("url", "")).startswith("https://"):
            yield "Action.OpenUrl: needs an https address"
        if kind == "Action.ShowCard":
            yield from _card_faults({"version": version, **_object(action.get("card"))})


def slack_refusal(payload: object) -> str | None:
    """Give the error code with which Slack would refuse a message, or None if it would take it.

    Examples
    --------
    >>> slack_refusal({"text": "hello"})
    >>> slack_refusal({"blocks": []})
    'no_text'
    """
    if not isinstance(payload, dict):
        return "invalid_payload"
    blocks = payload.get("blocks", [])
    attached = [
        block for attachment in _objects(payload.get("attachments")) for block in _objects(attachment.get("blocks"))
    ]
    if not isinstance(blocks, list) or len(blocks) > SLACK_BLOCKS or not all(map(_block_is_sound, blocks + attached)):
        return "invalid_blocks"
    if not blocks and not attached and not payload.get("text"):
        return "no_text"
    return "msg_blocks_too_long" if sum(map(_characters, blocks + attached)) > SLACK_TOTAL else None


def _block_is_sound(block: object) -> bool:
    match block:
        case {"type": "divider"}:
            return True
        case {"type": "header", "text": {"type": "plain_text"} as text}:
            return _text_is_sound(text, "header")
        case {"type": "section"}:
            return _section_is_sound(_object(block))
        case {"type": "context", "elements": list(elements)}:
            return 0 < len(elements) <= 10 and all(_text_is_sound(element, "context") for element in elements)
        case {"type": "rich_text" | "actions" as kind, "elements": list(elements)}:
            is_sound = _rich_section_is_sound if kind == "rich_text" else _button_is_sound
            return 0 < len(elements) <= 25 and all(map(is_sound, elements))
        case _:
            return False


def _section_is_sound(section: Json) -> bool:
    text, fields = section.get("text"), section.get("fields", [])
    if not isinstance(fields, list) or len(fields) > 10 or (text is None and not fields):
        return False
    return all(_text_is_sound(field, "field") for field in fields) and (text is None or _text_is_sound(text, "section"))


def _rich_section_is_sound(section: object) -> bool:
    match section:
        case {"type": "rich_text_section", "elements": list(runs)}:
            return bool(runs) and all(
                isinstance(run, dict) and run.get("type") == "text" and isinstance(run.get("text"), str) and run["text"]
                for run in runs
            )
        case _:
            return False


def _text_is_sound(text: object, place: str) -> bool:
    match text:
        case {"type": "plain_text" | "mrkdwn", "text": str(value)}:
            return 0 < len(value) <= SLACK_TEXT_LIMITS[place]
        case _:
            return False


def _button_is_sound(button: object) -> bool:
    match button:
        case {"type": "button", "text": {"type": "plain_text"} as text, **rest}:
            url = rest.get("url", "https://")
            return _text_is_sound(text, "button") and isinstance(url, str) and len(url) <= 3_000 and "://" in url
        case _:
            return False


def _characters(part: object) -> int:
    match part:
        case {"text": str(value)}:
            return len(value)
        case dict():
            return sum(map(_characters, part.values()))
        case list():
            return sum(map(_characters, part))
        case _:
            return 0


def cloud_event_faults(payload: object, content_type: str) -> list[str]:
    """Say what keeps a body from being a CloudEvents 1.0 event in structured JSON.

    Examples
    --------
    >>> cloud_event_faults({"specversion": "1.0", "id": "7", "source": "/a"}, "application/cloudevents+json")
    ['type: should be a text']
    """
    faults = []
    if content_type.partition(";")[0].strip() != "application/cloudevents+json":
        faults.append("content-type: should be application/cloudevents+json")
    event = _object(payload)
    if event.get("specversion") != "1.0":
        faults.append("specversion: should be 1.0")
    faults.extend(
        f"{name}: should be a text"
        for name in ("id", "source", "type")
        if not (event.get(name) and isinstance(event[name], str))
    )
    return faults


def signature_fault(
    headers: Mapping[str, str], body: bytes, secret: str, now: datetime, tolerance: timedelta = SIGNATURE_TOLERANCE
) -> str | None:
    """Say why a Standard Webhooks signature does not hold, or None if it does.

    Parameters
    ----------
    headers
        With ``webhook-id``, ``webhook-timestamp`` (Unix seconds) and ``webhook-signature`` (one or more of
        ``v1,<base64 of HMAC-SHA256 over id.timestamp.body>``, blanks between).
    body
        The bytes as received.
    secret
        ``whsec_`` and the key in base64.
    now
        Aware.
    tolerance
        A timestamp further from `now` could be a replayed request.
    """
    try:
        identifier, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        signatures = headers["webhook-signature"].split()
        age = abs(now.timestamp() - int(timestamp))
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except KeyError as missing:
        return f"header {missing.args[0]} is missing"
    except (ValueError, binascii.Error):
        return "webhook-timestamp or the secret cannot be read"
    if age > tolerance.total_seconds():
        return "webhook-timestamp is too far from now"
    digest = hmac.digest(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256)
    expected = "v1," + base64.b64encode(digest).decode()
    if not any(hmac.compare_digest(expected.encode(), signature.encode()) for signature in signatures):
        return "no signature matches"
    return None


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
