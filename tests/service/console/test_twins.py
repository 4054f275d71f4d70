"""Whatever a page has a form or a button for can be done by a program and on the command line, with all its fields."""

import re
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from service.cli.commands import main
from service.console import rendering
from service.console.questions import EXPORTS, QUESTIONS

TEMPLATES = sorted((Path(rendering.__file__).parent / "templates").glob("*.html"))
FIELD = re.compile(r'<(?:input|select|textarea|button)\b[^>]*?\bname="([^"]+)"')


class Form(NamedTuple):
    """A form of a page: how and where it is sent, and the names of its fields."""

    method: str
    action: str
    fields: frozenset[str]


class Twin(NamedTuple):
    """Where else the same is done.

    `api` is empty where a program has no use for it; `options` has the option or argument that stands for each field.
    """

    api: str
    command: str
    options: dict[str, str]


def forms(text: str) -> list[Form]:
    found = []
    for head, body in re.findall(r"<form\b([^>]*)>(.*?)</form>", text, re.DOTALL):
        [action] = re.findall(r'action="([^"]*)"', head)
        method = "POST" if 'method="post"' in head else "GET"
        found.append(Form(method, re.sub(r"{{.*?}}", "{id}", action), frozenset(FIELD.findall(body)) - {"csrf"}))
    return found


def all_forms() -> dict[tuple[str, str], frozenset[str]]:
    """Every form of every page with the fields of all forms that are sent to the same place."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for path in TEMPLATES:
        for one in forms(path.read_text(encoding="utf-8")):
            key = one.method, one.action
            found[key] = found.get(key, frozenset()) | one.fields
    return found


FORMS = all_forms()
# Fields that a loop makes are all of a kind: the template's own name for them stands for them.
TWINS = {
    ("GET", "/"): Twin(
        "/api/v1/incidents",
        "incidents",
        {"text": "--text", "{{ name }}": "--severity"},
    ),
    ("GET", "/search"): Twin("/api/v1/search", "search", {"q": "words"}),
    ("GET", "/identities"): Twin("/api/v1/identities", "search", {"q": "words"}),
    ("GET", "/explorer"): Twin("/api/v1/explorer", "explorer", {"since": "--since", "until": "--until", "q": "--with"}),
    ("GET", "/tuning"): Twin(
        "/api/v1/tuning",
        "tuning",
        {"days": "--days", "budget": "--budget", "all": "--all", "{{ one.name }}": "--threshold", "until": "--until"},
    ),
    ("GET", "/identity/what-if"): Twin(
        "/api/v1/identity/what-if",
        "explain",
        {"id": "actor", "action": "action", "hour": "--at", "from": "--from", "failed": "--failed"},
    ),
    ("GET", "/alerts/{id}/suppress"): Twin(
        "/api/v1/alerts/{id}/suppress",
        "suppress add",
        {
            "{{ name }}": "--actor",
            "detector": "--detector",
            "until": "--until",
            "reason": "--reason",
            "owner": "--owner",
            "learn": "--learn",
        },
    ),
    ("POST", "/alerts/{id}/verdict"): Twin(
        "/api/v1/alerts/{id}/verdict",
        "verdict give",
        {"kind": "--malicious", "why": "--why", "for_kind": "--for-kind", "after": "--again"},
    ),
    ("POST", "/incidents/{id}"): Twin(
        "/api/v1/incidents/{id}",
        "incidents",
        {"state": "--set", "assignee": "--assign", "revision": "--revision"},
    ),
    ("POST", "/sinks/{id}/test"): Twin("/api/v1/sinks/{id}/test", "send-test", {}),
}
OF_BROWSERS = {("POST", "/login"), ("POST", "/logout")}
"""Sessions: a program comes with a token of its own, and a command line is somebody's who is there."""
DOWNLOADS = {
    "{{ csv }}": ("/incidents.csv", "incidents", "--csv"),
    "{{ ocsf }}": ("/incidents.ndjson", "alerts", "--ocsf"),
}


def command_of(words: str) -> click.Command:
    found: click.Command = main
    for word in words.split():
        assert isinstance(found, click.Group)
        below = found.get_command(click.Context(found), word)
        assert below is not None, words
        found = below
    return found


def options_of(words: str) -> set[str]:
    return {one for parameter in command_of(words).params for one in (*parameter.opts, *parameter.secondary_opts)}


def test_every_form_has_its_twins_and_every_twin_its_form() -> None:
    assert FORMS.keys() - OF_BROWSERS == TWINS.keys()


@pytest.mark.parametrize("form", TWINS, ids=" ".join)
def test_a_program_and_the_command_line_can_say_all_that_a_form_can(form: tuple[str, str]) -> None:
    twin, [method, _] = TWINS[form], form
    assert FORMS[form] == twin.options.keys()
    [question] = [one for one in QUESTIONS if (one.path, one.method) == (twin.api, method)]
    asked = {*question.parameters, *question.form, *(["id"] if "{id}" in question.path else [])}
    assert {name for name in twin.options if "{" not in name} <= asked
    assert set(twin.options.values()) <= options_of(twin.command)


def test_what_is_downloaded_can_be_had_by_a_program_and_on_the_command_line() -> None:
    links = {
        re.findall(r'href="([^"]*)"', link)[0]
        for path in TEMPLATES
        for link in re.findall(r"<a\b[^>]*\bdownload\b[^>]*>", path.read_text(encoding="utf-8"))
    }
    assert links == DOWNLOADS.keys()
    for export, command, option in DOWNLOADS.values():
        assert export in EXPORTS
        assert option in options_of(command)


def test_a_button_outside_of_a_form_only_copies_what_the_page_shows() -> None:
    for path in TEMPLATES:
        outside = re.sub(r"<form\b.*?</form>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert all("data-copy=" in button for button in re.findall(r"<button\b[^>]*>", outside)), path.name


def test_all_facets_of_the_list_are_options_and_parameters() -> None:
    [question] = [one for one in QUESTIONS if (one.path, one.method) == ("/api/v1/incidents", "GET")]
    assert {"severity", "kind", "state", "owner", "tag", "text", "days"} <= question.parameters.keys()
    assert {"--severity", "--kind", "--state", "--owner", "--tag", "--text", "--since"} <= options_of("incidents")
