"""``python -m benchmarks.adversary``: reads what to measure, prints the tables."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.adversary import report
from benchmarks.adversary.attacks import VARIANTS
from benchmarks.adversary.cast import PLAIN, TENANTS, cast, plans
from benchmarks.adversary.honest import HONEST
from benchmarks.adversary.verdicts import TenantVerdict, judge
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


def measure(options: argparse.Namespace) -> list[TenantVerdict]:
    """Run every tenant that is asked for, and that has anything of the styles."""
    settings = load(options.config, {})
    verdicts = []
    for seed in options.seeds:
        for number, plan in enumerate(plans(seed, options.identities, options.days)):
            if number not in options.tenants:
                continue
            began = time.process_time()
            planted = cast(plan, number, options.styles)
            plain = not options.styles or PLAIN in options.styles
            if not plain and not planted.attacks and not planted.honest:
                continue
            verdicts.append(judge(planted, settings, plain=plain))
            spent = time.process_time() - began
            print(f"  seed {seed}, tenant {number}: {verdicts[-1].records:,} records, {spent:.0f} s", file=sys.stderr)
    return verdicts


def main(texts: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    options = arguments(texts)
    if options.list:
        print("\n".join(STYLES))
        return
    verdicts = measure(options)
    title = f"{PLAIN.capitalize()} and knowing attackers: {options.identities} identities, {options.days} days"
    print(report.section(f"{title}, seeds {', '.join(map(str, options.seeds))}", verdicts))
    if options.missed:
        print(report.missed(verdicts))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(verdicts), indent=1))


if __name__ == "__main__":
    main()
