"""Who gets in, with which token, for how long; and what a request must prove."""

import stat
from pathlib import Path

import pytest

from service.console.access import MOST_OF_ONE, MOST_SESSIONS, EntryRefused, Person, Session, Sessions
from service.console.guard import PersonalPace, RequestPace, RequestRefused, check_host, check_meant
from service.console.token_sign_in import TRIES_A_MINUTE, TokenSignIn
from tests.fakes.clock import FakeClock

SECONDS = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sign_in(clock: FakeClock, tmp_path: Path) -> TokenSignIn:
    sign_in = TokenSignIn(clock, tmp_path / "run" / "token", SECONDS)
    sign_in.renew()
    return sign_in


def test_the_token_lies_where_only_its_owner_can_read_it(sign_in: TokenSignIn) -> None:
    assert stat.S_IMODE(sign_in.file.stat().st_mode) == 0o600
    assert sign_in.file.read_text() == f"{sign_in.token}\n"
    assert len(sign_in.token) >= 40


def test_a_file_that_others_could_read_is_not_written_into(sign_in: TokenSignIn) -> None:
    sign_in.file.chmod(0o644)
    sign_in.renew()
    assert stat.S_IMODE(sign_in.file.stat().st_mode) == 0o600


def test_a_token_lets_in_once_and_the_next_one_is_in_the_file(sign_in: TokenSignIn) -> None:
    token = sign_in.token
    secret = sign_in.enter(token, "ann")
    session = sign_in.sessions.of(secret)
    assert session is not None
    assert session.person.name == "ann"
    with pytest.raises(EntryRefused, match="each works once"):
        sign_in.enter(token, "ann")
    assert sign_in.sessions.of(sign_in.enter(sign_in.file.read_text(), ""))


def test_a_token_file_that_could_not_be_written_once_locks_nobody_out_for_good(sign_in: TokenSignIn) -> None:
    beside = sign_in.file.with_name(f"{sign_in.file.name}.new")
    beside.mkdir()
    for token in (sign_in.token, "guess"):
        with pytest.raises(OSError, match="directory"):
            sign_in.enter(token, "ann")
    beside.rmdir()
    with pytest.raises(EntryRefused, match="the next one is in the file"):
        sign_in.enter("guess", "ann")
    assert sign_in.sessions.of(sign_in.enter(sign_in.file.read_text(), "ann"))


@pytest.mark.parametrize("forged", ["", " ", "x" * 43, "\ud800", "None", "\x00"])
def test_nothing_else_lets_in(sign_in: TokenSignIn, forged: str) -> None:
    with pytest.raises(EntryRefused, match="not valid"):
        sign_in.enter(forged, "ann")
    assert sign_in.sessions.of(forged) is None


def test_nothing_lets_in_before_there_is_a_token(clock: FakeClock, tmp_path: Path) -> None:
    with pytest.raises(EntryRefused, match="not valid"):
        TokenSignIn(clock, tmp_path / "token", SECONDS).enter("", "ann")


async def test_who_guesses_has_to_wait(sign_in: TokenSignIn, clock: FakeClock) -> None:
    for _ in range(TRIES_A_MINUTE):
        with pytest.raises(EntryRefused, match="not valid"):
            sign_in.enter("guess", "")
    with pytest.raises(EntryRefused, match="wait a minute"):
        sign_in.enter(sign_in.token, "")
    await clock.advance(61)
    assert sign_in.enter(sign_in.token, "")


async def test_a_session_ends_with_time_with_leaving_and_when_there_are_too_many(
    sign_in: TokenSignIn, clock: FakeClock
) -> None:
    secret = sign_in.enter(sign_in.token, "ann")
    await clock.advance(SECONDS - 1)
    assert sign_in.sessions.of(secret)
    await clock.advance(1)
    assert sign_in.sessions.of(secret) is None
    secret = sign_in.enter(sign_in.token, "ann")
    sign_in.sessions.end(secret)
    assert sign_in.sessions.of(secret) is None
    first = sign_in.enter(sign_in.token, "ann")
    for _ in range(MOST_SESSIONS):
        await clock.advance(7)
        sign_in.enter(sign_in.token, "bob")
    assert sign_in.sessions.of(first) is None


def test_somebody_is_signed_in_in_so_many_browsers_and_no_fewer(clock: FakeClock) -> None:
    sessions, ann = Sessions(clock, SECONDS, SECONDS), Person("ann", subject="ann")
    other = sessions.begin(Person("bob", subject="bob"))
    secrets = [sessions.begin(ann) for _ in range(MOST_OF_ONE)]
    assert all(map(sessions.of, secrets)), "as many as there may be"
    sessions.begin(ann)
    assert [bool(sessions.of(one)) for one in secrets] == [False] + [True] * (MOST_OF_ONE - 1)
    assert sessions.of(other)


async def test_a_session_that_is_not_used_ends_earlier(clock: FakeClock) -> None:
    sessions = Sessions(clock, SECONDS, 60.0)
    used, idle = (sessions.begin(Person("ann")) for _ in range(2))
    await clock.advance(59)
    sessions.use(used)
    sessions.use("made up")
    await clock.advance(1)
    assert sessions.of(used)
    assert sessions.of(idle) is None
    sessions.use(idle)
    assert sessions.of(idle) is None, "it is over for good"
    assert sessions.end(used) is not None
    assert sessions.end(used) is None


def test_where_browsers_come_by_another_address_no_other_name_and_origin_is_ours() -> None:
    public = "https://unwonted.example"
    check_host({"Host": "unwonted.example:8443"}, "10.0.0.7", public)
    for host in ("127.0.0.1", "10.0.0.7", "localhost", "evil.example", ""):
        with pytest.raises(RequestRefused, match=r"answers to unwonted\.example only"):
            check_host({"Host": host}, "10.0.0.7", public)
    session = Session(Person("ann"), "word", 1.0, 1.0)
    check_meant({"Host": "unwonted.example", "Origin": public}, "word", session, public)
    for origin in ("http://unwonted.example", "https://unwonted.example:8443", "null"):
        with pytest.raises(RequestRefused, match="a page elsewhere"):
            check_meant({"Host": "unwonted.example", "Origin": origin}, "word", session, public)


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost", "localhost:1", "[::1]:8090", "127.0.0.1"])
def test_this_machine_is_asked_by_its_names(host: str) -> None:
    check_host({"Host": host}, "127.0.0.1")


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8090", "127.0.0.1.evil.example", "[", "localhost.x"]
)
def test_a_name_that_was_made_to_lead_here_is_refused(host: str) -> None:
    with pytest.raises(RequestRefused, match=r"127\.0\.0\.1 and localhost only"):
        check_host({"Host": host}, "127.0.0.1")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_a_page_elsewhere_sends_is_refused_whatever_it_knows(
    sign_in: TokenSignIn, headers: dict[str, str]
) -> None:
    session = sign_in.sessions.of(sign_in.enter(sign_in.token, "ann"))
    assert session is not None
    with pytest.raises(RequestRefused, match="a page elsewhere"):
        check_meant({"Host": "127.0.0.1:8090", **headers}, session.csrf, session)


@pytest.mark.parametrize("proof", ["", "x", "\ud800", "another"])
def test_a_form_without_its_sessions_word_is_refused(sign_in: TokenSignIn, proof: str) -> None:
    session, other = (sign_in.sessions.of(sign_in.enter(sign_in.token, "ann")) for _ in range(2))
    assert session is not None
    assert other is not None
    with pytest.raises(RequestRefused, match="not of your session"):
        check_meant({"Host": "127.0.0.1"}, other.csrf if proof == "another" else proof, session)
    check_meant({"Host": "127.0.0.1:1", "Origin": "http://127.0.0.1:1"}, session.csrf, session)
    check_meant({"Host": "127.0.0.1", "X-CSRF-Token": session.csrf, "Sec-Fetch-Site": "same-origin"}, "", session)


async def test_requests_are_answered_at_a_pace(clock: FakeClock) -> None:
    pace = RequestPace(clock, at_once=3, a_second=1.0)
    for _ in range(3):
        pace.check()
    with pytest.raises(RequestRefused, match="wait a moment"):
        pace.check()
    await clock.advance(3)
    pace.check()


async def test_each_person_has_a_pace_and_only_so_many_are_remembered(clock: FakeClock) -> None:
    pace = PersonalPace(clock, at_once=1, a_second=1.0, people=2)
    ann, bob, eve = (Person("same name", subject=subject) for subject in ("a", "b", ""))
    for one in (ann, bob, eve):
        pace.check(one)
    pace.check(ann)
    with pytest.raises(RequestRefused, match="wait a moment"):
        pace.check(eve)
    await clock.advance(1)
    pace.check(eve)
