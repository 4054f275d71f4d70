"""The type of plain data: what a snapshot and an explanation may hold."""

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""Anything that JSON can say."""
