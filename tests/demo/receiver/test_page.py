"""What the page makes of texts that an attacker may have written; run by Node, as a browser would run it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is absent"),
]

CARD_RENDERER = Path(__file__).parents[3] / "node_modules" / "adaptivecards"


def render(**given: list[Any]) -> dict[str, list[str]]:
    script = Path(__file__).with_name("page.mjs")
    everything = {"markdown": [], "mrkdwn": [], "blocks": []} | given
    result = subprocess.run(
        ["node", "--no-warnings", script, json.dumps(everything)], capture_output=True, text=True, check=True
    )
    shown: dict[str, list[str]] = json.loads(result.stdout)
    return shown


def link(address: str, text: str) -> str:
    return f'<a href="{address}" target="_blank" rel="noreferrer noopener">{text}</a>'


def test_the_cards_markdown_is_rendered_and_nothing_else() -> None:
    cases = {
        "**never** in _34_ days": "<strong>never</strong> in <em>34</em> days",
        "[portal](https://a.example/?b=1&c=2)": link("https://a.example/?b=1&amp;c=2", "portal"),
        "- one\n- two": "<ul><li>one</li><li>two</li></ul>",
        "a\nb": "a<br>b",
        "snake_case_name": "snake_case_name",
        r"\*not bold\* \[no link\](https://evil.example)": "*not bold* [no link](https://evil.example)",
        "<img src=x onerror=alert(1)>": "&lt;img src=x onerror=alert(1)&gt;",
        "[x](javascript:alert(1))": "[x](javascript:alert(1))",
        '[x](https://a.example/"onmouseover="alert)': link("https://a.example/&quot;onmouseover=&quot;alert", "x"),
        r"\<b\>": "&lt;b&gt;",
    }

    assert dict(zip(cases, render(markdown=list(cases))["markdown"], strict=True)) == cases


def test_slacks_mrkdwn_is_rendered_and_a_ping_is_shown_as_one() -> None:
    cases = {
        "*bold* _italic_ ~gone~ `code`": "<strong>bold</strong> <em>italic</em> <s>gone</s> <code>code</code>",
        "&lt;b&gt; &amp;amp;": "&lt;b> &amp;amp;",
        "<https://a.example|a>": link("https://a.example", "a"),
        "<javascript:alert(1)|a>": "a",
        "<!channel>": '<mark class="ping">@channel</mark>',
        "a\nb": "a<br></br>b",
        "snake_case_name": "snake_case_name",
    }

    assert dict(zip(cases, render(mrkdwn=list(cases))["mrkdwn"], strict=True)) == cases


def test_rich_text_is_bold_where_it_says_so_and_rings_no_bell() -> None:
    runs = [{"type": "text", "text": "On: "}, {"type": "text", "text": "*<!channel>*", "style": {"bold": True}}]
    runs.append({"type": "text", "text": "\nWhy"})
    parts = [{"type": "rich_text_section", "elements": runs}]
    (shown,) = render(blocks=[{"blocks": [{"type": "rich_text", "elements": parts}]}])["blocks"]

    assert "On: <strong>*&lt;!channel>*</strong><br></br>Why" in shown
    assert "mark" not in shown


def test_plain_text_rings_no_bell() -> None:
    fields = [{"type": "plain_text", "text": "rg-<!channel>-*prod*"}]
    (shown,) = render(blocks=[{"blocks": [{"type": "section", "fields": fields}]}])["blocks"]

    assert "rg-&lt;!channel>-*prod*" in shown
    assert "mark" not in shown


def test_an_unknown_block_is_named_rather_than_swallowed() -> None:
    (shown,) = render(blocks=[{"blocks": [{"type": "marquee"}]}])["blocks"]

    assert "unknown block marquee" in shown


@pytest.mark.skipif(not CARD_RENDERER.exists(), reason="npm packages are not installed")
def test_microsofts_renderer_is_where_the_page_expects_it() -> None:
    assert (CARD_RENDERER / "dist" / "adaptivecards.min.js").stat().st_size > 100_000
