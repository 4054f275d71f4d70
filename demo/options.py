"""What the demo's command line can say, and what it says by default."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.tenant import Tenant, TenantPlan


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes
    ----------
    seed, identities, attacks
        Of the tenant.
    history, live
        Days to learn from, days to watch.
    tick
        Real seconds that 15 minutes of the calendar take.
    threshold
        Least score that alerts; None for each detector's own default.
    page_port, console_port, metrics_port
        Where to look; another one is taken if somebody listens there already.
    folder
        Where the service keeps its configuration, its state and its history; they stay there.
    keep
        Whether to stay until interrupted.
    screenshot
        Where to put a picture of the page.
    pictures
        Folder for the pictures of the dashboards.
    """

    seed: int
    identities: int
    attacks: int
    history: int
    live: int
    tick: float
    threshold: float | None
    page_port: int
    console_port: int
    metrics_port: int
    keep: bool
    screenshot: Path | None
    pictures: Path
    folder: Path

    @property
    def plan(self) -> TenantPlan:
        """The tenant's plan: no attack in what is learnt from."""
        days = self.history + self.live
        return TenantPlan(
            seed=self.seed,
            identities=self.identities,
            days=days,
            campaigns=self.attacks,
            campaigns_from=self.history,
            campaigns_until=days - 1,
        )


def read_options(argv: Sequence[str] | None = None) -> Options:
    """Read the command line; `argv` defaults to the process's own."""
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Watch Unwonted learn a simulated tenant and find the attacks in it."
    )
    parser.add_argument("--seed", type=int, default=24, help="of the tenant (default: %(default)s)")
    parser.add_argument("--identities", type=int, default=120, help="who acts (default: %(default)s)")
    parser.add_argument("--attacks", type=int, default=8, help="planted in the live days (default: %(default)s)")
    parser.add_argument("--history", type=int, default=35, help="days to learn from (default: %(default)s)")
    parser.add_argument("--live", type=int, default=2, help="days to watch (default: %(default)s)")
    parser.add_argument("--tick", type=float, default=0.17, help="seconds for 15 minutes (default: %(default)s)")
    parser.add_argument("--threshold", type=float, help="least score that alerts (default: each detector's own)")
    parser.add_argument("--page-port", type=int, default=8090, help="if it is free (default: %(default)s)")
    parser.add_argument("--console-port", type=int, default=8091, help="if it is free (default: %(default)s)")
    parser.add_argument("--metrics-port", type=int, default=8080, help="if it is free (default: %(default)s)")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="write a picture of the page, with Chromium")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        default=Path("build/dashboards"),
        help="where to draw the dashboards (default: %(default)s)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        default=Path("build/demo"),
        help="where state and history stay (default: %(default)s)",
    )
    parser.add_argument(
        "--keep",
        action=argparse.BooleanOptionalAction,
        default=sys.stdout.isatty(),
        help="keep page and metrics until Ctrl-C (default: on a terminal)",
    )
    options = Options(**vars(parser.parse_args(argv)))
    if min(options.history, options.live) < 1 or options.tick <= 0:
        parser.error("--history, --live and --tick must be positive")
    try:
        Tenant(options.plan)
    except ValueError as error:
        parser.error(str(error))
    return options
