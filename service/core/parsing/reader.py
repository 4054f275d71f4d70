"""Turns one record into an event, with caches of everything that repeats.

What is remembered between records are results of pure functions, in bounded numbers; forgetting them changes nothing
but speed.
"""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, TypeVar

import msgspec

from models.stream import ActivityEvent, Actor, Outcome
from service.core.parsing.actors import resolve
from service.core.parsing.categories import ADMINISTRATIVE, LeftOut, classify
from service.core.parsing.operations import (
    LONGEST_ACTION,
    outcome_of,
    read_action,
    read_address,
    read_codes,
    read_outcome,
    read_scope,
    read_time,
)
from service.core.parsing.records import Claims, Code, Evidence, Extras, Identity, Properties, Record
from service.core.parsing.rejects import Refusal, RejectReason

LONGEST_RESOURCE: Final = 2048
LONGEST_WORD: Final = 256
LARGEST_KEY: Final = 2048
"""Characters of claims beyond which an actor is not remembered; real ones take about 400."""

LONGEST_KEY: Final = 512
"""Characters of a resource id beyond which its scope is not remembered."""


_K = TypeVar("_K")
_V = TypeVar("_V")

_new = tuple.__new__  # a named tuple's own constructor is a Python function, and half as fast
_GUID: Final = 36
_NO_CORRELATION: Final = "00000000-0000-0000-0000-000000000000"


class RecordReader:
    """Reads records, one at a time.

    Parameters
    ----------
    cached
        Entries that each cache holds before it starts afresh.
    """

    def __init__(self, *, cached: int) -> None:
        self._cached = cached
        self._actors: dict[tuple[str | None, Claims | None], Actor] = {}
        self._known_actors: dict[Actor, Actor] = {}
        self._actions: dict[str | None, tuple[str, str, str]] = {}
        self._known_actions: dict[str, str] = {}
        self._outcomes: dict[Code, tuple[Outcome, str]] = {}
        self._failures: dict[tuple[Code, Code, Code, tuple[str, ...]], tuple[Outcome, str]] = {}
        self._resources: dict[str | None, tuple[str, str]] = {}
        self._addresses: dict[str | None, str] = {}

    def read(self, record: Record, extras: Extras | None = None) -> ActivityEvent | LeftOut:
        """Turn a record into an event, or say what it is instead.

        Without extras this is the first, hasty look: a record without the usual fields is refused, because they may
        be there under another name. The caches are asked here and not in functions of their own: a call costs as
        much as what it would find.

        Raises
        ------
        Refusal
            NO_TIME, BAD_TIME, NO_ACTION, or any reason in haste.
        """
        properties, identity, resource = record.properties, record.identity, record.resource_id
        word = properties.event_category if type(properties) is Properties else None
        if (word or record.category) not in ADMINISTRATIVE:
            other = _classify(record, word, extras)
            if other is not None:
                return other
        claims = identity.claims if type(identity) is Identity else None
        if extras is None:
            if claims is None or not claims.object_id or not claims.appid or type(properties) is str:
                raise _look_again()
            actor = self._actors.get((record.tenant_id, claims)) or self._actor(record.tenant_id, claims)
        else:
            actor = self._actor(record.tenant_id, claims, extras.evidence, extras.caller)
        action, action_name, action_mark = self._actions.get(record.operation_name) or self._action(record, extras)
        outcome, result = self._outcomes.get(record.result_type) or self._outcome(record)
        scope, resource_mark = self._resources.get(resource) or self._resource(resource, extras)
        address = self._addresses.get(record.caller_ip_address)
        if address is None:
            address = self._address(record.caller_ip_address)
        time = _time(record.time)
        correlation = record.correlation_id
        if correlation is None or len(correlation) != _GUID or correlation == _NO_CORRELATION:
            said = (time.isoformat(), actor.id, action, resource or "", str(outcome), result, address)
            correlation, thread = _thread(correlation, said, extras)
        else:
            thread = correlation.lower()
        return _new(
            ActivityEvent,
            (
                time,
                actor,
                action,
                action_name,
                outcome,
                f"{thread}.{action_mark}.{resource_mark}",
                (resource or "")[:LONGEST_RESOURCE],
                scope,
                address,
                result,
                correlation,
            ),
        )

    def _actor(
        self, tenant_id: str | None, claims: Claims | None, evidence: Evidence | None = None, caller: str | None = None
    ) -> Actor:
        actor = resolve(tenant_id, claims, evidence, caller)
        actor = self._remember(self._known_actors, actor, self._known_actors.get(actor, actor))
        if caller is None and evidence in {None, Evidence()} and _size(tenant_id, claims) <= LARGEST_KEY:
            self._remember(self._actors, (tenant_id, claims), actor)
        return actor

    def _action(self, record: Record, extras: Extras | None) -> tuple[str, str, str]:
        name = record.operation_name
        decisive = name is not None and "/" in name
        if extras is None and not decisive:
            raise _look_again()
        action, written = read_action(name, extras.authorised if extras else None)
        action = self._remember(self._known_actions, action, self._known_actions.get(action, action))
        read = (action, written, _mark(action))
        if decisive and len(name or "") <= LONGEST_ACTION:
            self._remember(self._actions, name, read)
        return read

    def _outcome(self, record: Record) -> tuple[Outcome, str]:
        properties = record.properties
        status_code: Code = None
        codes: tuple[str, ...] = ()
        if isinstance(properties, Properties):
            status_code, codes = properties.status_code, read_codes(bytes(properties.status_message))
        said = (record.result_type, record.result_signature, status_code, codes)
        ending = self._failures.get(said)
        if ending is None:
            words = (_word(record.result_type), _word(record.result_signature), _word(status_code))
            outcome, result = read_outcome(*words, codes)
            ending = (outcome, result[:LONGEST_WORD])
            if outcome_of(words[0]) is outcome and not outcome.failed:  # decided by the result type alone
                self._remember(self._outcomes, record.result_type, ending)
            elif sum(map(len, words)) <= LONGEST_WORD:
                self._remember(self._failures, said, ending)
        return ending

    def _resource(self, resource: str | None, extras: Extras | None) -> tuple[str, str]:
        if not resource and extras is None:
            raise _look_again()
        scope = read_scope(resource or "")
        read = (scope[:LONGEST_WORD], _mark((resource or "").lower()))
        if scope and len(resource or "") <= LONGEST_KEY:
            self._remember(self._resources, resource, read)
        if not scope and extras and extras.subscription_id:
            return extras.subscription_id.lower()[:LONGEST_WORD], read[1]
        return read

    def _address(self, text: str | None) -> str:
        address = read_address(text or "")
        return self._remember(self._addresses, text, address) if len(text or "") <= LONGEST_WORD else address

    def _remember(self, cache: dict[_K, _V], key: _K, value: _V) -> _V:
        if len(cache) >= self._cached:
            cache.clear()
        cache[key] = value
        return value


def _look_again() -> Refusal:
    return Refusal(RejectReason.NOT_A_RECORD, "incomplete at first sight")


def _classify(record: Record, event_category: str | None, extras: Extras | None) -> LeftOut | None:
    if extras is None and record.category is None:
        raise _look_again()
    other = classify(event_category, record.category, record.operation_name, record.resource_id)
    if other is LeftOut.POLICY:
        if type(record.identity) is Identity and record.identity.claims is not None:
            return None
        if extras is None:
            raise _look_again()
        return None if extras.caller or extras.evidence.principal_id else other
    return other


def _time(text: str | None) -> datetime:
    if text is None:
        raise Refusal(RejectReason.NO_TIME, "no time")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return read_time(text)
    return moment if moment.tzinfo is UTC else read_time(text)


def _thread(correlation: str | None, said: tuple[str, ...], extras: Extras | None) -> tuple[str, str]:
    """Return correlation and thread where there is no GUID: a digest of what there is, or of the record itself.

    A record without correlation is an operation of its own, known by its event id or its content, so that a second
    copy of it is the same operation.
    """
    if correlation and correlation != _NO_CORRELATION:
        return correlation[:LONGEST_WORD], _mark(correlation.lower())
    if extras is None:
        raise _look_again()
    return "", _mark("\0".join((extras.event_data_id or "", *(said if not extras.event_data_id else ()))).lower())


def _mark(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _word(code: Code) -> str:
    if isinstance(code, float) and code.is_integer():
        code = int(code)
    return "" if code is None else str(code).strip()


def _size(tenant_id: str | None, claims: Claims | None) -> int:
    return sum(len(text) for text in (tenant_id, *msgspec.structs.astuple(claims or Claims())) if text)
