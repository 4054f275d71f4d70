"""Logs: one line a happening, for machines or people, and no secret in any of them."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from service.monitoring.logs import MASK, Redactor, configure

PLANTED = "pl4nted/Secret+Value=="
PATTERNED = {
    "https://x.blob.core.windows.net/c?sv=1&sig=abc%2Bdef%3D&se=2": "abc%2Bdef",
    "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=aBcDeF0123=;EntityPath=h": "aBcDeF0123",
    "AccountName=x;AccountKey=Zm9vYmFy==;EndpointSuffix=y": "Zm9vYmFy",
    "Authorization: Bearer abc.def-ghi": "abc.def-ghi",
    "POST https://hooks.slack.com/services/T000/B000/XXXX failed": "T000",
    "https://prod-1.westeurope.logic.azure.com:443/workflows/0a1b/triggers": "0a1b",
    "https://x.f.environment.api.powerplatform.com/powerautomate/0a1b?api-version=1": "0a1b",
    "signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": "MfKQ9r8G",
    "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": "c2lnbmF0dXJl",
    "http://user:hunter2@proxy:3128": "hunter2",
}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(("text", "secret"), PATTERNED.items())
def test_what_looks_like_a_secret_is_redacted_unasked(text: str, secret: str) -> None:
    said = Redactor().text(text)
    assert secret not in said
    assert MASK in said


def test_what_azure_says_of_a_failed_sign_in_is_one_line(stream: io.StringIO) -> None:
    configure(stream=stream, style="console", redactor=Redactor())
    text = "Default failed.\nAttempted credentials:\n\tAzureCliCredential: Please run 'az login'\nTo mitigate"
    logging.getLogger("azure.identity.aio._credentials.chained").warning(text)
    assert "no token: AzureCliCredential: Please run 'az login'" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_what_does_not_look_like_one_is_left_alone() -> None:
    text = "https://contoso.servicebus.windows.net/activity-log design=good Microsoft.Compute/virtualMachines/write"
    assert Redactor(["short"]).text(text) == text


@given(st.text(min_size=6), st.text(), st.text())
def test_a_known_secret_never_survives(secret: str, before: str, after: str) -> None:
    if secret in MASK:
        return
    said = Redactor([secret]).text(before.replace(secret, "") + secret + after.replace(secret, ""))
    assert secret not in said.replace(MASK, "\x00")


def test_a_longer_secret_leaves_nothing_behind_when_a_shorter_one_is_its_beginning() -> None:
    assert Redactor(["abcdef", "abcdefghi"]).text("abcdefghi") == MASK


def test_secrets_are_found_at_any_depth_and_in_any_shape() -> None:
    value = {
        PLANTED: [{"a": (PLANTED, {PLANTED}), "b": b"x " + PLANTED.encode()}],
        "error": OSError(PLANTED),
        "quoted": "pl4nted%2FSecret%2BValue%3D%3D",
        "hidden": SecretStr(PLANTED),
        "many": timedelta(seconds=1),
        "when": datetime(2026, 3, 1, tzinfo=UTC),
        "n": 1,
    }
    said = json.dumps(Redactor([PLANTED])(value))
    assert PLANTED not in said
    assert "pl4nted" not in said
    assert "2026-03-01T00:00:00+00:00" in said


def test_our_lines_and_the_libraries_have_one_form(stream: io.StringIO) -> None:
    configure(style="json", stream=stream, redactor=Redactor())
    structlog.contextvars.bind_contextvars(partition="3")
    structlog.get_logger("service.source").info("batch_processed", messages=2)
    logging.getLogger("aiohttp.client").warning("careful: %s", "x")
    ours, theirs = lines(stream)
    assert ours["event"] == "batch_processed"
    assert ours["messages"] == 2
    assert ours["logger"] == "service.source"
    assert theirs["event"] == "careful: x"
    assert ours.keys() - {"messages"} == theirs.keys()
    assert ours["partition"] == theirs["partition"] == "3"
    assert datetime.fromisoformat(str(ours["timestamp"])).tzinfo is not None


def test_azure_is_heard_from_warning_on_and_debug_only_when_asked(stream: io.StringIO) -> None:
    configure(level="debug", style="json", stream=stream, redactor=Redactor())
    logging.getLogger("azure.eventhub._pyamqp").info("chatter")
    logging.getLogger("azure.eventhub").warning("trouble")
    structlog.get_logger("service").debug("detail")
    configure(level="info", style="json", stream=stream, redactor=Redactor())
    structlog.get_logger("service").debug("hidden")
    assert [line["event"] for line in lines(stream)] == ["trouble", "detail"]


def fail_with_a_secret_in_a_local() -> None:
    password = PLANTED
    raise ValueError(f"could not post to https://hooks.slack.com/services/T/B/{len(password)} with {password}")


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_planted_secret_is_in_no_line_not_even_in_a_traceback(stream: io.StringIO, style: str) -> None:
    configure(style="json" if style == "json" else "console", stream=stream, redactor=Redactor([PLANTED]))
    log = structlog.get_logger("service")
    try:
        fail_with_a_secret_in_a_local()
    except ValueError as error:
        log.exception("post_failed", error=error, nested={"deep": [PLANTED]})
        logging.getLogger("aiohttp").exception("oops %s", PLANTED)
        logging.getLogger("aiohttp").warning("%r", error, exc_info=error, stack_info=True)
    log.bind(url=f"https://x/{PLANTED}").warning(PLANTED)
    structlog.contextvars.bind_contextvars(key=PLANTED)
    log.info("bound")
    assert PLANTED not in stream.getvalue()
    assert "pl4nted" not in stream.getvalue()
    assert "services/T" not in stream.getvalue()
    assert "fail_with_a_secret_in_a_local" in stream.getvalue()


def test_automatic_style_is_json_where_no_terminal_is(stream: io.StringIO) -> None:
    configure(stream=stream, redactor=Redactor())
    structlog.get_logger("service").info("hello")
    assert lines(stream)[0]["event"] == "hello"


def test_configuring_twice_does_not_write_twice(stream: io.StringIO) -> None:
    configure(style="json", stream=stream, redactor=Redactor())
    configure(style="json", stream=stream, redactor=Redactor())
    structlog.get_logger("service").info("once")
    assert len(lines(stream)) == 1


@pytest.mark.integration
def test_the_last_words_of_a_dying_process_are_redacted_too() -> None:
    program = (
        "from service.monitoring.logs import Redactor, configure\n"
        f"configure(style='json', redactor=Redactor([{PLANTED!r}]))\n"
        f"raise RuntimeError({PLANTED!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert PLANTED not in done.stderr
    assert json.loads(done.stderr)["event"] == "died"
