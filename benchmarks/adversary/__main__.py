"""``python -m benchmarks.adversary``: reads what to measure, prints the tables."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.adversary.attacks import VARIANTS
from benchmarks.adversary.cast import PLAIN, TENANTS
from benchmarks.adversary.honest import HONEST
from benchmarks.adversary.measure import measure, section
from benchmarks.adversary.report import missed
from service.settings import load

STYLES = (PLAIN, *dict.fromkeys(variant.style for variant in VARIANTS), *(kind.name for kind in HONEST))


def arguments(texts: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.adversary",
        description="Measure attackers who know the victim and the product, and honest work that looks like them. "
        f"A seed is {TENANTS} tenants of about half a minute each.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--identities", type=int, default=400)
    parser.add_argument("--days", type=int, default=42)
    parser.add_argument("--styles", nargs="+", default=[], choices=STYLES, metavar="STYLE", help="only these; all")
    parser.add_argument("--tenants", type=int, nargs="+", default=list(range(TENANTS)), help="only these of each seed")
    parser.add_argument("--list", action="store_true", help="say which styles there are, and end")
    parser.add_argument("--missed", action="store_true", help="also the best cells of what was missed, or accused")
    parser.add_argument("--config", type=Path, help="the service's configuration file, to try other options")
    parser.add_argument("--json", type=Path, help="write all verdicts here")
    return parser.parse_args(texts)


def main(texts: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    options = arguments(texts)
    if options.list:
        print("\n".join(STYLES))
        return
    verdicts = measure(
        options.seeds, options.identities, options.days, load(options.config, {}), options.styles, options.tenants
    )
    print(section(options.seeds, options.identities, options.days, verdicts))
    if options.missed:
        print(missed(verdicts))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(verdicts), indent=1))


if __name__ == "__main__":
    main()
