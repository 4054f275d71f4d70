"""What people mistype most: each slip is told with what was probably meant."""

from pathlib import Path

import pytest

from tests.service.cli.test_commands import config, unwonted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "unwonted.yaml"], "unexpected extra argument (unwonted.yaml); did you mean --config unwonted.yaml?"),
        (["check-config", "a.yml"], "did you mean --config a.yml?"),
        (["send-test", "soc"], "unexpected extra argument (soc); did you mean --sink soc?"),
        (["send-test", "--sink", "a", "soc"], "did you mean --sink soc?"),
        (["budget", "snapshot.ndjson.gz"], "did you mean --snapshot snapshot.ndjson.gz?"),
        (["state", "inspect", "old.gz"], "did you mean --snapshot old.gz?"),
        (["explain", "ann", "delete", "lock"], 'unexpected extra argument (lock); names with blanks want quotes: "…"'),
        (["rnu"], "Did you mean 'run'?"),
        (["state", "remember"], "No such command 'remember'"),
        (["version", "x"], "Got unexpected extra argument (x)\n"),
    ],
)
def test_an_argument_too_many_is_told_with_the_option_that_was_probably_meant(words: list[str], said: str) -> None:
    result = unwonted(*words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_per_cent_sign_is_no_mistake(tmp_path: Path) -> None:
    records = tmp_path / "records.ndjson"
    records.write_text("")
    for percent in ("5", "5%", "2.5 %"):
        assert unwonted("replay", "--max-rejected", percent, records).exit_code == 3
    result = unwonted("replay", "--max-rejected", "101%", records)
    assert (result.exit_code, "101" in result.stderr) == (2, True)
    assert "'few' is no percentage, such as 5" in unwonted("replay", "--max-rejected", "few", records).stderr


def test_a_command_without_any_configuration_says_that_none_was_given(tmp_path: Path) -> None:
    for command in ("run", "check-config"):
        result = unwonted(command)
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1] == (
            "no configuration was given: name it with --config, or with UNWONTED_CONFIG"
        )
        assert "was given" not in unwonted(command, "--config", config(tmp_path)).stderr
        assert "was given" not in unwonted(command, env={"UNWONTED_EVENT_HUB__HUB": "h"}).stderr


def test_an_entry_that_says_nothing_of_learning_is_told_which_options_there_are(tmp_path: Path) -> None:
    options = ("--action", "a/*", "--until", "8h", "--reason", "x", "--owner", "y")
    result = unwonted("suppress", "add", "--suppressions", tmp_path / "s.yaml", *options)
    assert (result.exit_code, result.stderr) == (
        2,
        "--learn or --no-learn is missing: whether what is covered becomes normal, or is as if it had never happened\n",
    )


def test_what_does_not_look_like_an_operation_is_told_how_one_does(tmp_path: Path) -> None:
    result = unwonted("explain", "--config", config(tmp_path), "ann", " ")
    assert (result.exit_code, result.stderr) == (
        2,
        "ACTION should be an operation as alerts show it, such as Microsoft.Authorization/locks/delete\n",
    )


def test_an_archive_is_named_without_its_container(tmp_path: Path) -> None:
    address = "https://contosologs.blob.core.windows.net/insights-activity-logs"
    result = unwonted("learn", "--config", config(tmp_path), "--archive", address)
    assert (result.exit_code, result.stderr) == (
        2,
        "--archive: should be https://ACCOUNT.blob.core.windows.net, without a container or a SAS token\n",
    )
