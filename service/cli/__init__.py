"""The command line: one module a group of commands, what they begin with, and what they print."""

from service.cli.commands import main

__all__ = ["main"]
