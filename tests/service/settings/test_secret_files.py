"""Which options name files with secrets, and that the log's redaction knows what is in each of them."""

from pathlib import Path

from pydantic import BaseModel

from service.settings.root import Settings
from service.settings.showing import SECRET_FILES, secrets
from service.sinks.registry import KINDS
from service.sinks.template.settings import TemplateSettings

PLANTED = "pl4ntedSecretPl4ntedSecret"


def test_secrets_in_the_files_of_a_template_s_headers_and_members_are_known_to_the_redaction(tmp_path: Path) -> None:
    header, member = tmp_path / "header", tmp_path / "member"
    header.write_text(f"GenieKey {PLANTED}\n")
    member.write_text(f"{PLANTED}-routing\n")
    sink = TemplateSettings(
        url_file=tmp_path / "gone",
        preset="pagerduty",
        header_files={"Authorization": header},
        member_files={"routing_key": member},
    )
    assert set(secrets(Settings(sinks={"pager": sink}))) == {f"GenieKey {PLANTED}", PLANTED, f"{PLANTED}-routing"}


def test_every_option_that_names_a_file_is_known_to_hold_a_secret_or_to_hold_none() -> None:
    def files(model: type[BaseModel]) -> set[str]:
        return {name for name, field in model.model_fields.items() if name.endswith(("_file", "_files"))} | {
            name
            for field in model.model_fields.values()
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
            for name in files(field.annotation)
        }

    named = set[str]().union(files(Settings), *(files(kind.settings) for kind in KINDS.values()))
    # What stands in the console's works once, and is recreated at each start.
    assert named - {"ca_file", "template_file", "token_file"} == SECRET_FILES
