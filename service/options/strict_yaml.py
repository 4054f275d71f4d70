"""YAML in which a key that is written twice is an error; which keys there may be is others' to check."""

from collections.abc import Hashable
from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):
    """A safe loader for which writing a key twice is an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Make a mapping of what is there, once each."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError("a key is no plain word", None, None, key.start_mark)
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError("a key is there twice", None, None, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)
