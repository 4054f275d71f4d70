"""docs/azure.md: what can be run here is run, and the rest fits the templates, the chart and the command line."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from service.cli.commands import LISTED
from tests.infra.judges import BIN, ROOT, needs_judges

PAGE = (ROOT / "docs" / "azure.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
HERE = [block for block in BLOCKS if block.startswith("# here\n")]
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]


def parameters(template: str) -> dict[str, bool]:
    """Name of each parameter, and whether it has to be given."""
    text = (ROOT / template).read_text(encoding="utf-8")
    return {name: not default for name, default in re.findall(r"^param (\w+) \w+( = .+)?$", text, re.MULTILINE)}


def test_every_block_says_what_it_needs() -> None:
    assert [block for block in BLOCKS if not block.startswith(("# here\n", "# Azure\n"))] == []
    assert BLOCKS[0] in HERE, "what works without Azure comes first"


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_block_is_valid_shell(block: str) -> None:
    result = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.integration
@needs_judges
@pytest.mark.parametrize("block", HERE, ids=range(len(HERE)))
def test_what_needs_no_azure_works_as_it_stands(block: str, tmp_path: Path) -> None:
    # make would install what is installed already, into the repository; everything else is run as it is written.
    script = re.sub(r'make chart ARGS="(.*?)"', rf"{BIN / 'python'} {ROOT}/deploy/helm/render.py \1", block)
    result = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    manifests = [manifest for manifest in yaml.safe_load_all((tmp_path / "manifests.yaml").read_text()) if manifest]

    assert result.returncode == 0, result.stderr
    assert {"Deployment", "SecretProviderClass", "PodMonitor"} <= {manifest["kind"] for manifest in manifests}


def test_every_deployment_gives_the_parameters_that_its_template_asks_for() -> None:
    deployments = [command for command in COMMANDS if "--template-file" in command]
    assert len(deployments) == 3
    for command in deployments:
        words = shlex.split(command)
        known = parameters(words[words.index("--template-file") + 1])
        given = {word.partition("=")[0] for word in words[words.index("--parameters") + 1 :]}

        assert given <= known.keys()
        assert {name for name, required in known.items() if required} <= given


def test_terraform_is_given_the_variables_that_it_asks_for() -> None:
    text = (ROOT / "deploy/azure/terraform/variables.tf").read_text(encoding="utf-8")
    blocks = dict(re.findall(r'^variable "(\w+)" {\n(.*?)^}', text, re.MULTILINE | re.DOTALL))
    given = {name for command in COMMANDS for name in re.findall(r"-var (\w+)=", command)}

    assert given <= blocks.keys()
    assert {name for name, body in blocks.items() if "default" not in body} <= given


def test_every_file_and_command_it_names_exists() -> None:
    paths = {
        word
        for command in COMMANDS
        for word in re.findall(r"(?<=[ =])(?:deploy/(?:helm|azure)|docs|config)/[\w./-]+", command)
    }
    commands = {name for command in COMMANDS for name in re.findall(r"-- unwonted ([a-z-]+)", command)}

    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert commands
    assert commands <= LISTED.keys()


def test_variables_are_set_before_they_are_used() -> None:
    known: set[str] = set()
    for command in COMMANDS:
        assert set(re.findall(r"\$([A-Z_]+)", command)) - known == set(), command
        known |= set(re.findall(r"(?:^|; )([A-Z_]+)=", command))
