import doctest
import importlib
import pkgutil

import pytest

import service.activity_log


@pytest.mark.parametrize("module", [each.name for each in pkgutil.iter_modules(service.activity_log.__path__)])
def test_the_examples_in_the_docstrings_are_true(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"service.activity_log.{module}"))

    assert result.failed == 0
