"""Results as JUnit XML, which every CI system shows: a file's test is a suite, an expectation a case in it.

Times are left out: the same results are the same bytes.
"""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from service.expectations.results import Played

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(played: Sequence[Played]) -> bytes:
    """Return the document."""
    root = Element("testsuites", _counts(played))
    for one in played:
        suite = SubElement(root, "testsuite", {"name": _text(f"{one.file}: {one.name}"), **_counts([one])})
        if one.error:
            case = SubElement(suite, "testcase", {"classname": _text(one.file), "name": _text(one.name)})
            SubElement(case, "error", {"message": _text(one.error)})
        for checked in one.checked:
            case = SubElement(suite, "testcase", {"classname": _text(one.name), "name": _text(checked.title)})
            if checked.failure:
                SubElement(case, "failure", {"message": _text(checked.failure)})
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _counts(played: Sequence[Played]) -> dict[str, str]:
    errors = sum(bool(one.error) for one in played)
    failures = sum(bool(checked.failure) for one in played for checked in one.checked)
    total = errors + sum(len(one.checked) for one in played)
    return {"tests": str(total), "failures": str(failures), "errors": str(errors)}


def _text(value: str) -> str:
    r"""Return what XML can hold of a text.

    >>> _text("a\x00b")
    'a\ufffdb'
    """
    return _NOT_XML.sub("\ufffd", value)
