"""Detection tests as code: a history and what must come of it, read from YAML, checked, and written for a CI system.

Playing a history is `service.replay`'s business, which of these to play the command line's.
"""

from service.expectations.checking import Checks
from service.expectations.junit import junit_xml
from service.expectations.models import Activities, DetectionTest, Expectation, Past, TestFile
from service.expectations.reading import TestFileError, read_tests
from service.expectations.records import examples, record_lines
from service.expectations.results import CheckedExpectation, Played

__all__ = [
    "Activities",
    "CheckedExpectation",
    "Checks",
    "DetectionTest",
    "Expectation",
    "Past",
    "Played",
    "TestFile",
    "TestFileError",
    "examples",
    "junit_xml",
    "read_tests",
    "record_lines",
]
