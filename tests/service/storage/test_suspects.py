import json
from datetime import timedelta
from pathlib import Path

import pytest

from service.core.messages import Message, Position
from service.core.parsing.rejects import RejectReason
from service.storage.suspects import MOST_ENDS, MOST_SUSPECTS, Suspects, set_aside
from tests.fakes.clock import MONDAY_MORNING


def taken(number: int, partition: str = "0", minutes: int = 0) -> Message:
    return Message(partition, number, str(number), MONDAY_MORNING + timedelta(minutes=minutes), b"body")


def ended_in(folder: Path, message: Message, times: int = 1) -> None:
    """Let a process end while it reads `message`, so often."""
    for _ in range(times):
        life = Suspects(folder)
        life.open({})
        life.begin(message)
        life.close()


def test_a_message_in_hand_at_the_end_is_known_to_the_next_life_once(tmp_path: Path) -> None:
    ended_in(tmp_path, taken(7))

    life = Suspects(tmp_path)
    found = life.open({})

    assert found is not None
    assert (found.partition, found.sequence_number, found.enqueued_time, found.ends) == ("0", 7, MONDAY_MORNING, 1)
    life.close()
    assert Suspects(tmp_path).open({}) is None


def test_what_was_dealt_with_is_no_suspect(tmp_path: Path) -> None:
    life = Suspects(tmp_path)
    life.open({})
    life.begin(taken(7))
    life.end()
    life.close()

    assert Suspects(tmp_path).open({}) is None


def test_only_the_message_that_was_in_hand_often_enough_is_not_read(tmp_path: Path) -> None:
    ended_in(tmp_path, taken(7), MOST_ENDS)
    ended_in(tmp_path, taken(9), MOST_ENDS - 1)

    life = Suspects(tmp_path)
    life.open({})

    assert not life.may_be_read(taken(7))
    others = (taken(8), taken(9), taken(7, partition="1"), taken(7, minutes=1))
    assert all(life.may_be_read(other) for other in others)


def test_ends_in_between_for_another_reason_change_nothing(tmp_path: Path) -> None:
    ended_in(tmp_path, taken(7))
    for number in range(MOST_SUSPECTS // 2):
        ended_in(tmp_path, taken(100 + number))
    ended_in(tmp_path, taken(7))

    life = Suspects(tmp_path)
    life.open({})

    assert not life.may_be_read(taken(7))


def test_what_lies_behind_is_suspected_no_longer(tmp_path: Path) -> None:
    ended_in(tmp_path, taken(7), MOST_ENDS)

    life = Suspects(tmp_path)
    life.open({"0": Position(7, "7", MONDAY_MORNING)})

    assert life.may_be_read(taken(7))


def test_no_more_than_so_many_are_remembered(tmp_path: Path) -> None:
    for number in range(MOST_SUSPECTS + 5):
        ended_in(tmp_path, taken(number))
    Suspects(tmp_path).open({})

    saved = json.loads((tmp_path / "suspects.json").read_text())

    assert [one[1] for one in saved] == list(range(5, MOST_SUSPECTS + 5))


def test_of_a_hub_that_is_gone_nothing_is_suspected(tmp_path: Path) -> None:
    ended_in(tmp_path, taken(7), MOST_ENDS)
    life = Suspects(tmp_path)
    life.open({})
    life.forget()
    assert life.may_be_read(taken(7))
    again = Suspects(tmp_path)
    again.open({})
    assert again.may_be_read(taken(7))


@pytest.mark.parametrize("name", ["in-hand", "suspects.json"])
@pytest.mark.parametrize("junk", [b"", b"\x01", b"\x01" * 300, b"[1]", b"\xff" * 80])
def test_a_damaged_file_harms_nobody(tmp_path: Path, name: str, junk: bytes) -> None:
    (tmp_path / name).write_bytes(junk)
    life = Suspects(tmp_path)
    life.open({})
    assert life.may_be_read(taken(7))
    life.begin(taken(7))
    life.close()
    found = Suspects(tmp_path).open({})
    assert found is not None
    assert found.sequence_number == 7


def test_a_folder_that_cannot_be_used_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", None):
        life = Suspects(folder)
        assert life.open({}) is None
        life.begin(taken(7))
        assert life.may_be_read(taken(7))
        life.end()
        life.forget()


def test_a_link_that_somebody_laid_there_is_not_followed(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.write_text("precious")
    ours.mkdir()
    (ours / "in-hand").symlink_to(theirs)
    life = Suspects(ours)
    life.open({})
    life.begin(taken(7))
    assert theirs.read_text() == "precious"


def test_what_is_set_aside_says_where_it_is() -> None:
    parsed = set_aside(taken(7))
    [reject] = parsed.rejects
    assert (reject.reason, parsed.rejected, parsed.events) == (RejectReason.SET_ASIDE, 1, [])
    assert "partition 0, sequence number 7, 4 bytes" in reject.detail
