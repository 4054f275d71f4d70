"""Says of an argument too many which option was probably meant by it."""

import re
from typing import Any

import click

_TOO_MANY = re.compile(r"unexpected extra arguments? \((\S+?)(?: .*)?\)")


class Commands(click.Group):
    """Commands that say what was probably meant where one of them is given more arguments than it takes."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            found = _TOO_MANY.search(error.message)
            if not found or error.ctx is None:
                raise
            raise click.UsageError(error.message + _meant(error.ctx.command, found[1]), error.ctx) from None


def _meant(command: click.Command, word: str) -> str:
    options = {option for one in command.params for option in one.opts}
    if word.endswith((".yaml", ".yml")) and "--config" in options:
        return f"; did you mean --config {word}?"
    if any(isinstance(one, click.Argument) for one in command.params):
        return '; names with blanks want quotes: "…"'
    likely = next((option for option in ("--sink", "--snapshot") if option in options), "")
    return f"; did you mean {likely} {word}?" if likely else ""
