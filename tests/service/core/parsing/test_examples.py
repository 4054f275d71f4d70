import doctest
import importlib
import pkgutil

import pytest

import service.core.parsing


@pytest.mark.parametrize("module", [each.name for each in pkgutil.iter_modules(service.core.parsing.__path__)])
def test_the_examples_in_the_docstrings_are_true(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"service.core.parsing.{module}"))

    assert result.failed == 0
