"""What is no proper request is refused in one line, is no fault of the console's, and locks nobody out."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog

from service.console.token_sign_in import TRIES_A_MINUTE
from tests.fakes.alerts import alert
from tests.service.console.browsing import Visitor, serving

pytestmark = pytest.mark.integration
FORM = "application/x-www-form-urlencoded"


async def sent(visitor: Visitor, kind: str, body: bytes, *more: str) -> bytes:
    """Send to ``/login`` whatever no client would; returns the answer's bytes."""
    host, port = urlsplit(visitor.console.address).netloc.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = ["POST /login HTTP/1.1", f"Host: {host}:{port}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    writer.write("\r\n".join([*lines, *more, "", ""]).encode() + body)
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b"token=\xff\xfe"),
        (f"{FORM}; charset=none", b"token=x"),
        ("multipart/form-data", b"token=x"),
        ("multipart/form-data; boundary=x", b"token=x"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=token\r\nContent-Transfer-Encoding: none\r\n\r\nx\r\n--x--",
        ),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused_and_is_no_bug_of_ours(
    tmp_path: Path, kind: str, body: bytes
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with serving(tmp_path) as visitor:
            answer = await sent(visitor, kind, body)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"What was sent is not a form that can be read." in answer
    assert [line["event"] for line in lines] == ["console_listening", "console_refused"]


async def test_who_hangs_up_amid_a_form_is_no_bug_of_ours(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        async with serving(tmp_path) as visitor:
            host, port = urlsplit(visitor.console.address).netloc.split(":")
            for _ in range(3):
                _, writer = await asyncio.open_connection(host, int(port))
                head = f"POST /login HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: {FORM}\r\nContent-Length: 9"
                writer.write(f"{head}\r\n\r\ntok".encode())
                await writer.drain()
                await visitor.get("/login")  # it has been read by now
                writer.transport.abort()
                await visitor.get("/login")
    assert [line["event"] for line in lines] == ["console_listening", "console_refused"]


async def test_an_origin_that_is_none_is_elsewhere(tmp_path: Path) -> None:
    async with serving(tmp_path) as visitor:
        assert (await sent(visitor, FORM, b"token=x", "Origin: http://[")).startswith(b"HTTP/1.1 403 ")


async def test_a_page_elsewhere_cannot_use_up_the_attempts_of_who_wants_to_sign_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as visitor:
        for _ in range(TRIES_A_MINUTE + 1):
            status, page, _ = await visitor.get("/enter?token=guess", Sec_Fetch_Site="cross-site")
            assert (status, "sent by a page elsewhere" in page) == (403, True)
        assert (await visitor.get(f"/enter?token={visitor.token}", Sec_Fetch_Site="none"))[0] == 303


async def test_who_decides_after_their_session_has_ended_comes_back_to_the_page_and_not_to_what_is_none(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, [alert()]) as visitor:
        page, form = f"/alerts/{alert().id}", {"kind": "benign", "why": "on call"}
        for referer, wanted in ((f"{visitor.console.address}{page}", page), ("http://evil.example/x", "/"), ("", "/")):
            status, _, headers = await visitor.post(f"{page}/verdict", form, Referer=referer)
            assert status == 303
            assert parse_qs(urlsplit(headers["Location"]).query)["next"] == [wanted]


async def test_who_follows_a_link_from_elsewhere_is_led_on_without_signing_in_again(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()]) as visitor:
        asked = f"/login?next=%2Falerts%2F{alert().id}"
        _, page, _ = await visitor.get(asked, Sec_Fetch_Site="cross-site")
        assert f'<a href="/alerts/{alert().id}">go on</a>' in page
        _, page, _ = await visitor.get(asked, Sec_Fetch_Site="none")
        assert "go on</a>" not in page


async def test_a_flood_from_elsewhere_does_not_keep_out_who_is_inside(tmp_path: Path) -> None:
    async with serving(tmp_path) as visitor, Visitor(visitor.console, "") as stranger:
        await visitor.enter()
        statuses = set[int]()
        for _ in range(6):
            statuses |= {status for status, _, _ in await asyncio.gather(*(stranger.get("/login") for _ in range(50)))}
        assert 429 in statuses
        assert (await visitor.get("/"))[0] == 200
