"""What options are made of: the base of every section, the kinds of value one can hold, and YAML that is read strictly.

Which options there are is for `service.settings` to say, and for each sink's own folder.
"""

from service.options.strict_yaml import StrictLoader, lines_of, yaml_problem
from service.options.values import (
    LOOPBACK,
    Duration,
    PositiveDuration,
    Secrets,
    Section,
    Texts,
    check_connection_string,
    check_namespace,
    format_duration,
    host_name,
    named_by,
    parse_duration,
    read_secret,
)

__all__ = [
    "LOOPBACK",
    "Duration",
    "PositiveDuration",
    "Secrets",
    "Section",
    "StrictLoader",
    "Texts",
    "check_connection_string",
    "check_namespace",
    "format_duration",
    "host_name",
    "lines_of",
    "named_by",
    "parse_duration",
    "read_secret",
    "yaml_problem",
]
