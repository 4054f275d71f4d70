from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from models.detectors.unusual_city import UnusualCity
from models.statistics.location_rarity import Place
from service.cli.commands import main
from service.geography.database import Geography, UnusableDatabase
from service.settings.reading import SettingsError
from service.settings.root import Settings
from service.wiring import build_components, build_engine, detectors_off, open_geography
from tests.fakes.mmdb import EARTH, Value, write

HUB = "Endpoint=sb://x.example;SharedAccessKeyName=a;SharedAccessKey=bbbbbbbb;EntityPath=h"
BLIND = {"unusual_city", "unusual_country"}


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    return write(tmp_path / "city.mmdb", EARTH)


def settings(path: Path | None) -> Settings:
    return Settings.model_validate(
        {
            "geography": {"database": path},
            "event_hub": {"connection_string": HUB},
            "dead_letter": {"kind": "none"},
        }
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("81.2.69.142", Place("GB", "United Kingdom", "London", 51.51, -0.13)),
        ("2a02:cf47:1::9", Place("NO", "Norway", "Oslo", 59.91, 10.75)),
        ("::ffff:89.160.20.7", Place("SE", "Sweden", "Linköping", 58.42, 15.62)),
        ("175.16.199.1", Place("CN", "China")),
        ("214.7.7.7", None),  # only where it is registered is known, which is not where it is
        ("10.1.2.3", None),
        ("192.168.0.1", None),
        ("fe80::1", None),
        ("81.2.70.1", None),
        ("2001:db8::1", None),
        ("", None),
        ("not an address", None),
        ("81.2.69.142:443", None),
    ],
)
def test_an_address_is_where_the_database_says(cities: Path, address: str, expected: Place | None) -> None:
    assert Geography(cities).locate(address) == expected


def test_a_database_of_version_4_knows_no_address_of_version_6(tmp_path: Path) -> None:
    old = {name: record for name, record in EARTH.items() if ":" not in name}
    geography = Geography(write(tmp_path / "old.mmdb", old, version=4))
    assert geography.locate("81.2.69.1") is not None
    assert geography.locate("2a02:cf47:1::9") is None


def test_it_says_what_it_is(cities: Path) -> None:
    geography = Geography(cities)
    assert (geography.type, geography.cities) == ("GeoLite2-City", True)


def test_overwriting_the_file_disturbs_nobody_who_reads(cities: Path) -> None:
    geography = Geography(cities)
    cities.write_bytes(b"")
    assert geography.locate("81.2.69.142") is not None


@pytest.mark.parametrize("content", [b"", b"hello", b"\xab\xcd\xefMaxMind.com", b"\0" * 4096])
def test_what_is_no_such_database_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.mmdb"
    file.write_bytes(content)
    with pytest.raises(UnusableDatabase):
        Geography(file)


def test_a_database_of_something_else_is_refused_with_its_type(tmp_path: Path) -> None:
    with pytest.raises(UnusableDatabase, match="GeoLite2-ASN"):
        Geography(write(tmp_path / "asn.mmdb", {}, database_type="GeoLite2-ASN"))


def test_records_of_an_unexpected_shape_are_no_place(tmp_path: Path) -> None:
    odd: dict[str, Value] = {
        "81.0.0.0/16": "text",
        "82.0.0.0/16": {"country": "GB"},
        "83.0.0.0/16": {"country": {"iso_code": 7}},
        "84.0.0.0/16": {"country": {"iso_code": "GB", "names": ["x"]}, "city": 7, "location": {"latitude": "x"}},
    }
    geography = Geography(write(tmp_path / "odd.mmdb", odd))
    assert [geography.locate(f"{first}.0.0.1") for first in (81, 82, 83)] == [None, None, None]
    assert geography.locate("84.0.0.1") == Place("GB")


def test_without_a_database_both_detectors_are_off_and_the_start_says_so() -> None:
    with structlog.testing.capture_logs() as said:
        build_components(settings(None))
    [line] = [one for one in said if one["event"] == "geography"]
    assert line["database"] == "none: geography.database is not set"
    assert set(line["detectors_off"]) == BLIND
    assert BLIND.isdisjoint(build_engine(settings(None)).detectors)


def test_cities_serve_both_detectors_and_countries_one(cities: Path, tmp_path: Path) -> None:
    countries = write(tmp_path / "country.mmdb", EARTH, database_type="GeoLite2-Country")
    for path, off in ((cities, set[str]()), (countries, {"unusual_city"})):
        with structlog.testing.capture_logs() as said:
            build_components(settings(path))
        [line] = [one for one in said if one["event"] == "geography"]
        assert set(line["detectors_off"]) == off
        assert build_engine(settings(path)).detectors.keys() >= BLIND - off
        assert off.isdisjoint(build_engine(settings(path)).detectors)


def test_who_is_disabled_anyway_is_not_called_off() -> None:
    silent = settings(None).model_copy(
        update={
            "detectors": {
                name: one.model_copy(update={"enabled": False}) for name, one in settings(None).detectors.items()
            }
        }
    )
    assert detectors_off(silent, open_geography(silent)) == []


def test_the_detector_asks_the_database(cities: Path) -> None:
    detector = build_engine(settings(cities)).detectors["unusual_city"]
    assert isinstance(detector, UnusualCity)
    place = detector.locate("81.2.69.142")
    assert place is not None
    assert detector.key(place) == "GB/London"


def test_a_path_that_cannot_be_used_is_a_line_that_names_the_key(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mmdb"
    broken.write_text("no database")
    for path, reason in ((tmp_path / "nothing.mmdb", "No such file"), (tmp_path, "directory"), (broken, "format")):
        for build in (build_engine, build_components):
            with pytest.raises(SettingsError) as refused:
                build(settings(path))
            [line] = refused.value.lines
            assert line.startswith(f"geography.database: {path}")
            assert reason in line


def test_the_commands_say_so_in_one_line(tmp_path: Path, cities: Path) -> None:
    file, lines = tmp_path / "unwonted.yaml", tmp_path / "log.ndjson"
    lines.write_text("{}\n")
    file.write_text(f"geography: {{database: {tmp_path / 'gone.mmdb'}}}\nevent_hub: {{connection_string: '{HUB}'}}\n")
    checked = CliRunner().invoke(main, ["check-config", "--config", str(file)])
    assert "unwonted run would refuse this: geography.database: " in checked.stderr
    for command in (["replay", str(lines)], ["run"], ["state", "inspect"]):
        result = CliRunner().invoke(main, [*command, "--config", str(file)])
        assert result.exit_code == 2, command
        assert result.stderr.startswith("geography.database: ")
        assert "Traceback" not in result.stderr

    file.write_text(f"event_hub: {{connection_string: '{HUB}'}}\n")
    checked = CliRunner().invoke(main, ["check-config", "--config", str(file)])
    assert "# off, because geography.database names no file" in checked.stdout
    assert "unusual_city, unusual_country" in checked.stdout
    file.write_text(f"geography: {{database: {cities}}}\nevent_hub: {{connection_string: '{HUB}'}}\n")
    assert "# off" not in CliRunner().invoke(main, ["check-config", "--config", str(file)]).stdout
