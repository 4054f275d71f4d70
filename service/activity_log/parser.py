"""Puts the parts together: the hot path over whole messages, and a second, forgiving look at single records.

What is remembered between messages are caches of pure functions, bounded; forgetting them changes nothing but speed.
"""

import re
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, NamedTuple, TypeVar

import msgspec

from models.events import ActivityEvent, Actor, ActorKind, Outcome
from service.activity_log import envelope
from service.activity_log.actors import resolve
from service.activity_log.categories import ADMINISTRATIVE, LeftOut, classify
from service.activity_log.operations import read_action, read_address, read_outcome, read_scope, read_time
from service.activity_log.records import (
    Claims,
    Code,
    Envelope,
    Evidence,
    Identity,
    Properties,
    RawEnvelope,
    Record,
    adapt,
)
from service.activity_log.rejects import Refusal, Reject, RejectReason, reject

SAMPLES: Final = 32
"""Rejects of one message that carry a sample; the rest carry their reason alone, so that garbage stays cheap."""

CACHED: Final = 50_000
"""Entries a cache holds before it starts afresh."""

LONGEST_RESOURCE: Final = 2048

_K = TypeVar("_K")
_V = TypeVar("_V")
_PLAIN = re.compile(rb'\s*+\{\s*+"records"\s*+:')
_NO_CORRELATION = frozenset({"", "00000000-0000-0000-0000-000000000000"})


class Parsed(NamedTuple):
    """What one message held.

    Attributes
    ----------
    events
        Records that an identity may have done, in the order in which they stood.
    rejects
        Records that could not be read, likewise.
    left_out
        Records that were recognised and are none of our business, by `LeftOut`.
    records
        All of them together.
    """

    events: list[ActivityEvent]
    rejects: list[Reject]
    left_out: dict[str, int]
    records: int


class ActivityLogParser:
    """Reads Event Hubs messages of Azure Activity Log records.

    Examples
    --------
    >>> parsed = ActivityLogParser().parse(
    ...     b'{"records":[{"time":"2024-05-01T08:00:00.1234567Z","category":"Administrative","resultType":"Start",'
    ...     b'"operationName":"MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE","caller":"ann@contoso.com"}, 42]}'
    ... )
    >>> parsed.events[0].action, parsed.events[0].actor.name, parsed.rejects[0].reason.value, parsed.records
    ('microsoft.compute/virtualmachines/write', 'ann@contoso.com', 'not_a_record', 2)
    """

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Envelope).decode
        self._decode_raw = msgspec.json.Decoder(RawEnvelope).decode
        self._actors: dict[tuple[str | None, Claims | None, Evidence | None, str | None], Actor] = {}
        self._known_actors: dict[Actor, Actor] = {}
        self._actions: dict[tuple[str | None, str | None], tuple[str, str]] = {}
        self._known_actions: dict[str, str] = {}
        self._outcomes: dict[tuple[Code, Code, Code], tuple[Outcome, str]] = {}
        self._addresses: dict[str, str] = {}
        self._scopes: dict[str, str] = {}

    def parse(self, body: bytes) -> Parsed:
        """Read one message; never raises.

        Every record ends in exactly one place: ``records == len(events) + len(rejects) + sum(left_out.values())``.
        """
        if not _PLAIN.match(body):
            return self._parse_fragments(envelope.split(body))
        try:
            records = self._decode(body).records
        except (ValueError, RecursionError):
            return self._parse_fragments(envelope.split(body))
        events: list[ActivityEvent] = []
        rejects: list[Reject] = []
        left_out: dict[str, int] = {}
        raws: list[msgspec.Raw] | None = None
        for index, record in enumerate(records):
            try:
                found = self._read(record)
                if isinstance(found, ActivityEvent):
                    if _is_whole(record):
                        events.append(found)
                        continue
                elif record.category is not None:
                    left_out[found] = left_out.get(found, 0) + 1
                    continue
            except Refusal:
                pass  # the forgiving look decides
            if raws is None:
                raws = self._decode_raw(body).records
            self._look_again(bytes(raws[index]), events, rejects, left_out)
        return Parsed(events, rejects, left_out, len(records))

    def _parse_fragments(self, fragments: list[envelope.Fragment]) -> Parsed:
        events: list[ActivityEvent] = []
        rejects: list[Reject] = []
        left_out: dict[str, int] = {}
        for text, flaw in fragments:
            if flaw is None:
                self._look_again(text, events, rejects, left_out)
            else:
                _refuse(flaw, text, rejects)
        return Parsed(events, rejects, left_out, len(fragments))

    def _look_again(
        self, text: bytes, events: list[ActivityEvent], rejects: list[Reject], left_out: dict[str, int]
    ) -> None:
        """Read one record forgivingly: any shape, any casing."""
        try:
            found = self._read(_forgiving(text))
        except Refusal as refusal:
            _refuse(refusal, text, rejects)
            return
        if isinstance(found, LeftOut):
            left_out[found] = left_out.get(found, 0) + 1
        else:
            events.append(found)

    def _read(self, record: Record) -> ActivityEvent | LeftOut:
        """Turn a record into an event, or say what it is instead.

        Raises
        ------
        Refusal
            NO_TIME, BAD_TIME, NO_ACTION.
        """
        properties = record.properties
        if type(properties) is Properties:
            event_category, status_code, message = (
                properties.event_category,
                properties.status_code,
                properties.status_message,
            )
        else:
            event_category = status_code = message = None
        word = event_category or record.category
        if word not in ADMINISTRATIVE:
            other = classify(
                event_category or "", record.category or "", record.operation_name or "", record.resource_id or ""
            )
            if other is not None and (other is not LeftOut.POLICY or self._actor(record).kind is ActorKind.UNKNOWN):
                return other

        action, action_name = self._action(record)
        actor = self._actor(record)
        resource = record.resource_id or ""
        correlation = record.correlation_id or ""
        key = (record.result_type, record.result_signature, status_code)
        ending = self._outcomes.get(key)
        if ending is None:
            ending = self._outcome(key, message)
        raw_address = record.caller_ip_address
        if raw_address:
            address = self._addresses.get(raw_address)
            if address is None:
                address = self._address(raw_address)
        else:
            address = ""
        scope = self._scopes.get(resource[:52])
        if scope is None:
            scope = self._scope(resource)
        time = _time(record.time)
        if correlation in _NO_CORRELATION:
            identity = record.event_data_id or f"{time}\n{actor.id}\n{ending}\n{address}"
            operation = _digest(f"\0{identity}\n{action}\n{resource}")
            correlation = ""
        else:
            operation = _digest(f"{correlation}\n{action}\n{resource}")
        return ActivityEvent(
            time,
            actor,
            action,
            action_name,
            ending[0],
            operation,
            resource if len(resource) <= LONGEST_RESOURCE else resource[:LONGEST_RESOURCE],
            scope or (record.subscription_id or "").strip().lower()[:_LONGEST_WORD],
            address,
            ending[1],
            correlation[:_LONGEST_WORD],
        )

    def _actor(self, record: Record) -> Actor:
        identity, caller = record.identity, record.caller
        claims: Claims | None = None
        evidence: Evidence | None = None
        if type(identity) is Identity:
            claims = identity.claims
            if identity.authorization is not None:
                evidence = identity.authorization.evidence
        elif type(identity) is str:
            caller = caller or identity
        key = (record.tenant_id, claims, evidence, caller)
        actor = self._actors.get(key)
        if actor is None:
            actor = resolve(*key)
            if len(self._known_actors) >= CACHED:
                self._known_actors.clear()
            actor = self._known_actors.setdefault(actor, actor)
            if _size(key) <= _LARGEST_KEY:
                _remember(self._actors, key, actor)
        return actor

    def _action(self, record: Record) -> tuple[str, str]:
        name, authorised = record.operation_name, None
        if name is None or "/" not in name:
            identity = record.identity
            if type(identity) is Identity and identity.authorization is not None:
                authorised = identity.authorization.action
        key = (name, authorised)
        read = self._actions.get(key)
        if read is None:
            action, written = read_action(name, authorised)
            if len(self._known_actions) >= CACHED:
                self._known_actions.clear()
            read = (self._known_actions.setdefault(action, action), written)
            if len(name or "") + len(authorised or "") <= _LARGEST_KEY:
                _remember(self._actions, key, read)
        return read

    def _outcome(self, key: tuple[Code, Code, Code], message: msgspec.Raw | None) -> tuple[Outcome, str]:
        result_type, signature, status_code = map(_word, key)
        outcome, result = read_outcome(result_type, signature, status_code, bytes(message or b""))
        ending = (outcome, result[:_LONGEST_WORD])
        if not outcome.failed and len(result_type) + len(signature) + len(status_code) <= _LARGEST_KEY:
            _remember(self._outcomes, key, ending)
        return ending

    def _address(self, text: str) -> str:
        address = read_address(text)
        if len(text) <= _LONGEST_WORD:
            _remember(self._addresses, text, address)
        return address

    def _scope(self, resource: str) -> str:
        scope = read_scope(resource)[:_LONGEST_WORD]
        prefix = resource[:52]
        if len(resource) < 52 or prefix[-1] == "/":  # else the prefix may end inside the name, and not decide it
            _remember(self._scopes, prefix, scope)
        return scope


_LONGEST_WORD = 256
_LARGEST_KEY = 4096


def _is_whole(record: Record) -> bool:
    """Whether nothing that matters may be hiding under another name or in a string."""
    return (
        type(record.identity) is Identity
        and record.resource_id is not None
        and record.category is not None
        and type(record.properties) is not str
    )


def _forgiving(text: bytes) -> Record:
    try:
        value = envelope.loads(text)
    except RecursionError as error:
        raise Refusal(RejectReason.TOO_DEEP, "nested too deeply") from error
    except ValueError as error:
        raise Refusal(RejectReason.MALFORMED, "not JSON, even after repair") from error
    if not isinstance(value, dict):
        raise Refusal(RejectReason.NOT_A_RECORD, "no object")
    record, recognised = adapt(value)
    if not recognised:
        raise Refusal(RejectReason.NOT_A_RECORD, "neither time nor operation nor category")
    return record


def _time(text: str | None) -> datetime:
    if text is None:
        raise Refusal(RejectReason.NO_TIME, "no time")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return read_time(text)
    return moment if moment.tzinfo is UTC else read_time(text)


def _digest(text: str) -> str:
    return blake2b(text.lower().encode(), digest_size=12).hexdigest()


def _word(code: Code) -> str:
    if isinstance(code, float) and code.is_integer():
        code = int(code)
    return "" if code is None else str(code).strip()


def _size(key: tuple[str | None, Claims | None, Evidence | None, str | None]) -> int:
    structs = (*msgspec.structs.astuple(key[1] or Claims()), *msgspec.structs.astuple(key[2] or Evidence()))
    return sum(len(text) for text in (key[0], *structs, key[3]) if text)


def _remember(cache: dict[_K, _V], key: _K, value: _V) -> None:
    if len(cache) >= CACHED:
        cache.clear()
    cache[key] = value


def _refuse(refusal: Refusal, text: bytes, rejects: list[Reject]) -> None:
    if len(rejects) < SAMPLES:
        rejects.append(reject(refusal.reason, text, refusal.detail))
    else:
        rejects.append(Reject(refusal.reason, "", f"sample left out: more than {SAMPLES} in one message"))
