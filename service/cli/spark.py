"""``unwonted spark``: the same answers from a Spark cluster, for one tenant or for many."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import click

from service.cli.epilog import ending
from service.cli.inputs import ENDED_ON_ERROR, MISCONFIGURED, fail, read_settings, refuse
from service.clock import SystemClock
from service.monitoring import Redactor, configure
from service.settings import SettingsError, proxy_secrets, secrets
from service.wiring import collect_seldom


@click.command(
    "spark",
    short_help="Judge on a Spark cluster, in shards.",
    epilog=ending(
        "0 stopped, or all is read; 1 ended by an error; 2 wrong usage or configuration, or there is no Spark",
        "spark --config unwonted.yaml --shards 8 --states /mnt/unwonted/states --checkpoint /mnt/unwonted/checkpoint",
        "spark --config tenants/ --shards 1 --input archive/ --once --states states/ --checkpoint checkpoint/",
    ),
)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    envvar="UNWONTED_CONFIG",
    show_envvar=True,
    help="YAML file with the options; or a folder with one for each tenant, which is called what its file is.",
)
@click.option("--shards", type=click.IntRange(1, 1024), required=True, help="Shards of each tenant: part of the state.")
@click.option(
    "--states",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of states that all executors can write.",
)
@click.option(
    "--checkpoint",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of Spark's own notes about what it has read.",
)
@click.option(
    "--input",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Read these files instead of the Event Hubs; with several tenants a folder each.",
)
@click.option("--files", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Files of a batch.")
@click.option(
    "--messages", type=click.IntRange(1), default=100_000, show_default=True, help="Messages of a batch, at most."
)
@click.option("--every", type=click.IntRange(1), default=30, show_default=True, help="Seconds between two batches.")
@click.option("--once", is_flag=True, help="Read what is there, and end.")
@click.option(
    "--tasks",
    type=click.IntRange(0),
    default=0,
    help="Tasks that shards are in, all running at the same time; by default as many as the cluster has cores.",
)
@click.option(
    "--anomalies", type=click.Path(file_okay=False, path_type=Path), help="Write everything that is found here."
)
@click.option(
    "--http-port",
    type=click.IntRange(0, 65_535),
    help="Serve metrics and probes here, at the driver: those of all tenants together.",
)
def spark_command(
    path: Path,
    shards: int,
    states: Path,
    checkpoint: Path,
    folder: Path | None,
    files: int,
    messages: int,
    every: int,
    once: bool,
    tasks: int,
    anomalies: Path | None,
    http_port: int | None,
) -> None:
    """Judge on Spark: identities are shared out among shards, which find and tell together what one process does.

    Needs the extra unwonted[spark], and Java 17 where no cluster brings it. What Spark itself needs is given to
    spark-submit, or in PYSPARK_SUBMIT_ARGS.
    """
    if find_spec("pyspark") is None:
        fail("PySpark is not installed: pip install 'unwonted[spark]'", MISCONFIGURED)
    if which("java") is None:
        fail("there is no java on the PATH: Spark needs Java 17 or newer", MISCONFIGURED)
    # Here, because everybody else does without it.
    from service.spark import FileInput, HubInput, JobOptions, JobStopped, Tenant, run_job  # noqa: PLC0415

    # Executors run what the driver runs: python3 would be another one.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    collect_seldom()
    configurations = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not configurations:
        fail(f"{path}: there is no configuration in it, such as contoso.yaml", MISCONFIGURED)
    tenants = [Tenant(one.stem, read_settings(one)) for one in configurations]
    known = [secret for one in tenants for secret in secrets(one.settings)]
    first = tenants[0].settings.log
    redactor = Redactor([*known, *proxy_secrets(os.environ)])
    configure(level=first.level, style=first.format, redactor=redactor, elapsed=SystemClock().elapsed)
    if folder and not folder.is_dir():
        fail(f"{folder}: is no folder", MISCONFIGURED)
    source = FileInput(folder.resolve(), files) if folder else HubInput(messages)
    try:
        run_job(
            JobOptions(
                tenants=tenants,
                source=source,
                states=states.resolve(),
                checkpoint=checkpoint.resolve(),
                shards=shards,
                tasks=tasks,
                every=0 if once else every,
                anomalies=anomalies.resolve() if anomalies else None,
                http_port=http_port,
            )
        )
    except SettingsError as error:
        refuse(error.lines)
    except (JobStopped, OSError) as error:
        fail(str(error), ENDED_ON_ERROR)
