"""The watch list as it is configured: what to be told of every time, and why.

What an entry fits is decided in `models.detectors`; what the service watches by itself, in `service.wiring`.
"""

from pydantic import Field, field_validator, model_validator

from service.options import Section, Texts


class WatchEntry(Section):
    """What to be told of every time: of what is given, one each must fit."""

    reason: str = Field(min_length=1, max_length=500)
    """Why, for whoever is told."""
    identities: Texts = ()
    """Object ids, tenant/object-id, or names, as alerts show them; names are not unique."""
    operations: Texts = ()
    """Operations; * stands for anything, ? for one character, whatever the case."""
    resources: Texts = ()
    """Ids of resources, with all that is in them; or patterns like those of operations."""

    @field_validator("reason")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("should say why, for whoever is told")
        return " ".join(value.split())

    @field_validator("identities")
    @classmethod
    def _are_identities(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("*" in one or not one.strip() for one in value):
            raise ValueError("should be ids or names of identities, as alerts show them, without any wildcard")
        return value

    @field_validator("operations", "resources")
    @classmethod
    def _say_more_than_wildcards(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not any(letter.isalnum() for letter in one) for one in value):
            raise ValueError("should have more than wildcards in it")
        return value

    @model_validator(mode="after")
    def _names_something(self) -> "WatchEntry":
        if not (self.identities or self.operations or self.resources):
            raise ValueError("should name at least one of identities, operations, resources")
        return self


class WatchSettings(Section):
    """What is told every time, however usual it is: the watch list."""

    own: bool = True
    """Whether to watch what this service lives on: its hub and namespace, what exports to them, its storage account."""
    entries: tuple[WatchEntry, ...] = Field(
        default=(),
        examples=[[{"reason": "break-glass account at work", "identities": ["emergency@contoso.example"]}]],
    )
    """Entries of a `reason` and at least one of `identities`, `operations`, `resources`; no variable holds them."""
