"""The command line: one module a group of commands, what they begin with, and what they print."""

from service.cli.commands import collect_seldom, main

__all__ = ["collect_seldom", "main"]
