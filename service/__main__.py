"""``python -m service`` is the same as ``unwonted``."""

from service.cli import main

main()
