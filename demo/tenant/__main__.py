"""``python -m demo.tenant``: write a tenant's records, one a line by arrival, and the truth about its attacks."""

import argparse
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from demo.tenant import Tenant, TenantPlan


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; `arguments` default to the process's own."""
    parser = argparse.ArgumentParser(prog="python -m demo.tenant", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--identities", type=int, default=100)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--campaigns", type=int, default=8)
    parser.add_argument("--campaigns-from", type=int, help="first day (0-based) on which an attack may begin")
    for knob in ("activity", "novelty", "drift", "failures", "policies"):
        parser.add_argument(f"--{knob}", type=float, default=1.0, help="factor on what is usual, default 1")
    parser.add_argument("--out", type=Path, required=True, help="records, one a line; compressed if it ends in .gz")
    parser.add_argument("--truth", type=Path, help="steps of the planted attacks, one a line")
    options = vars(parser.parse_args(arguments))
    out, truth = options.pop("out"), options.pop("truth")
    tenant = Tenant(TenantPlan(**options))
    encoder = msgspec.json.Encoder()
    count = 0
    with _writer(out) as stream:
        for arrival in tenant.records():
            stream.write(encoder.encode(arrival.record) + b"\n")
            count += 1
    if truth:
        truth.write_bytes(b"".join(encoder.encode(step) + b"\n" for step in truth_lines(tenant)))
    print(f"{count} records of {len(tenant.identities)} identities, {len(tenant.campaigns)} campaigns")


def truth_lines(tenant: Tenant) -> Iterator[dict[str, str]]:
    """Describe every step of every campaign."""
    for campaign in tenant.campaigns:
        for step in campaign.steps:
            yield {
                "campaign": campaign.id,
                "style": campaign.style,
                "technique": campaign.technique,
                "mitre": campaign.mitre,
                "actor": campaign.actor,
                "actor_name": campaign.actor_name,
                "action": step.action,
                "time": step.time.isoformat(),
                "outcome": "failure" if step.failed else "success",
            }


@contextmanager
def _writer(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing; compressed, it carries no time of its making, so that equal plans give equal bytes."""
    with path.open("wb") as raw:
        if path.suffix != ".gz":
            yield raw
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=3, mtime=0) as packed:
            yield packed  # type: ignore[misc]  # GzipFile writes bytes like any binary stream, typeshed says otherwise


if __name__ == "__main__":
    main()
