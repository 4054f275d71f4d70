"""What the help of a command ends with."""


def ending(exit_codes: str, *examples: str) -> str:
    """Return what the help of a command ends with: how it is typed, and what its exit codes mean."""
    typed = "\n".join(f"  unwonted {example}" for example in examples)
    return f"\b\nExample{'s' if len(examples) > 1 else ''}:\n{typed}\n\nExit codes: {exit_codes}."
