"""Answers as HTTP has them: pages, files, documents, and where to go on; what they say is made elsewhere."""

import json
from collections.abc import Mapping
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from service.console.access import Person, Role, Session
from service.console.asking import Decided, Download, Finished, HtmlPage
from service.console.guard import RequestRefused
from service.console.rendering import ASSETS, asset, page_html

SESSION_OF_REQUEST = web.RequestKey("SESSION_OF_REQUEST", Session)


def about(session: Session | None) -> Mapping[str, object]:
    """Return what every page shows of who is signed in."""
    person: Person | None = session.person if session else None
    may_decide = person is not None and Role.ANALYST in person.roles
    return {"here": "", "person": person, "csrf": session.csrf if session else "", "may_decide": may_decide}


def session_of(request: web.Request) -> Session | None:
    """Return whose request it is, as the server has found out; None if nobody's who has entered."""
    return request.get(SESSION_OF_REQUEST)


def to_response(answer: Finished, about: Mapping[str, object]) -> web.Response:
    """Return an answer; `about` is what every page shows."""
    match answer:
        case HtmlPage():
            html = page_html(answer.template, {**about, **answer.facts})
            return web.Response(text=html, content_type="text/html")
        case Decided():
            return to_response(answer.said, about) if answer.said else go_on(answer.onward)
        case Download():
            kept = {"Content-Disposition": f'attachment; filename="{answer.name}"'}
            return web.Response(text=answer.body, content_type=answer.content_type, headers=kept)
        case _:
            return web.Response(text=_in_json(answer), content_type="application/json")


def _in_json(said: BaseModel) -> str:
    try:
        return said.model_dump_json()
    except PydanticSerializationError:  # half a letter, which no encoding has: JSON can write it as an escape
        return json.dumps(said.model_dump(mode="json"))


def go_on(address: str) -> web.Response:
    """Send a browser to another page."""
    return web.Response(status=303, headers={"Location": address})


async def read_form(request: web.Request) -> Mapping[str, object]:
    """Return the fields of a form.

    Raises
    ------
    RequestRefused
        What was sent is none: in an encoding that there is not, or cut off.
    """
    try:
        return await request.post()
    except ConnectionError:
        raise RequestRefused(400, "the connection ended before the form was complete") from None
    except (ValueError, LookupError, RuntimeError, AssertionError):  # what aiohttp raises of what it cannot take apart
        raise RequestRefused(400, "what was sent is not a form that can be read") from None


async def send_asset(request: web.Request) -> web.Response:
    """Answer ``/static/NAME``."""
    name = request.match_info["name"]
    if name not in ASSETS:
        raise web.HTTPNotFound
    kept = {"Cache-Control": "max-age=300"}
    return web.Response(body=asset(name), content_type=ASSETS[name], charset="utf-8", headers=kept)


def inside(address: str) -> str:
    r"""Return an address of ours to go on to; the first page instead of one that leads elsewhere.

    >>> inside("/alerts/1?x=y"), inside("https://evil.example"), inside("//evil.example"), inside("/\\evil.example")
    ('/alerts/1?x=y', '/', '/', '/')
    """
    safe = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return quote(address, safe="/?=&%+:,;@!$'()*~-._") if safe and "\\" not in address else "/"
