"""``python -m benchmarks.detection``: reads what to measure, prints the tables as they come."""

import argparse
from pathlib import Path

from benchmarks.detection import sections, sets
from benchmarks.detection.sections import COLD_DAYS, KNOBS
from service.settings import load


def arguments(texts: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection",
        description="Measure how well attacks are found, beside simpler rules. Defaults take some six minutes.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103], help="of tenants and of swaps")
    parser.add_argument(
        "--identities", type=int, nargs="*", default=[200], help="a table for each size; none: no tenant"
    )
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--training-days", type=int, help="that only teach; two fifths of the days by default")
    parser.add_argument("--campaigns", type=int, default=20)
    for knob in KNOBS:
        parser.add_argument(f"--{knob}", type=float, default=1.0, help="factor on what is usual in a tenant")
    parser.add_argument(
        "--cold-seeds", type=int, nargs="*", default=[201, 202, 203, 204], help="of tenants for the cold start"
    )
    parser.add_argument("--cold-identities", type=int, default=200)
    parser.add_argument(
        "--cold-campaigns", type=int, default=15, help=f"within {COLD_DAYS} days: many would compete for a day's places"
    )
    parser.add_argument(
        "--adversary-seeds", type=int, nargs="*", default=[1], help="of attackers who know us; six tenants a seed"
    )
    parser.add_argument("--adversary-identities", type=int, default=400)
    parser.add_argument("--sets", nargs="*", default=["o365", "nasa"], choices=[*sets.SETS], help="real logs to use")
    parser.add_argument("--swaps", type=int, default=40, help="injected into each set and seed, at most")
    parser.add_argument("--ablations", action="store_true", help="also with one part of the model less at a time")
    parser.add_argument("--config", type=Path, help="the service's configuration file, to try other options")
    parser.add_argument("--out", type=Path, help="write the tables here, too")
    parser.add_argument("--pictures", type=Path, help="write budget curves and reliability into this folder, as SVG")
    return parser.parse_args(texts)


def main(texts: list[str] | None = None) -> None:
    """Run everything that was asked for; tables go to standard output as they come."""
    options = arguments(texts)
    settings = load(options.config, {})
    shown = []

    def show(section: str) -> None:
        print(section, flush=True)
        shown.append(section)

    for identities in options.identities:
        tenant = sections.tenant_section(options, identities, settings)
        show(tenant.text)
        if options.pictures:
            options.pictures.mkdir(parents=True, exist_ok=True)
            for name, picture in tenant.pictures.items():
                (options.pictures / name).write_text(picture, encoding="utf-8")
        if options.ablations:
            show(sections.ablation_section(options, identities, settings))
    if options.cold_seeds:
        show(sections.cold_section(options, settings))
    if options.adversary_seeds:
        show(sections.adversary_section(options, settings))
    for name in options.sets:
        show(sections.set_section(name, options, settings))
    if options.out:
        options.out.write_text("\n".join(shown), encoding="utf-8")


if __name__ == "__main__":
    main()
