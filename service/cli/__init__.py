"""The command line: one module a group of commands, what they begin with, and what they print."""

from service.cli.commands import main
from service.wiring import collect_seldom

__all__ = ["collect_seldom", "main"]
