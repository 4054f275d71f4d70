"""Who answers for whom is read from a CSV as people export it; what makes no sense costs its own row alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.owners import Owners, Ownership
from service.owners.file import MOST_FILE_BYTES, MOST_REASONS, UnusableOwners, read_owners


def test_columns_may_stand_in_any_order_beside_others_and_names_in_any_case() -> None:
    data = '\ufeffTags , Cost Center,IDENTITY,owner\r\nprod;prod; tier 0,7,Ann@Contoso.com,"Müller, ""HR"""\r\n\r\n'
    file = read_owners(data.encode())
    assert file.owners.of("t/1", "ann@contoso.COM") == Ownership('Müller, "HR"', ("prod", "tier 0"))
    assert (len(file.owners), file.rejected, file.reasons) == (1, 0, [])


def test_an_id_goes_before_an_object_id_and_that_before_a_name_and_nothing_matches_nobody() -> None:
    owners = read_owners(b"identity,owner\nt/1,a\n1,b\nann,c\n").owners
    assert [owners.of(*one).owner for one in (("T/1", "ann"), ("x/1", "ann"), ("x/2", "ann"), ("x/2", "bob"))] == [
        "a", "b", "c", "",
    ]  # fmt: skip
    assert owners.of("", "") == Owners().of("t/1", "ann") == Ownership()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",dba,", "identity is empty"),
        ("x", "neither owner nor tags are given"),
        ("x, ,;", "neither owner nor tags are given"),
        (f"{'x' * 501},dba,", "identity has more than 500 characters"),
        (f"x,{'y' * 101},", "owner has more than 100 characters"),
        (f"x,,{'y' * 101}", "a tag has more than 100 characters"),
        (f"x,,{';'.join(map(str, range(11)))}", "more than 10 tags"),
        ("x,d\x1bba,", "owner has control characters, or is not in UTF-8"),
        ("x,d\x00ba,", "owner has control characters, or is not in UTF-8"),
        ("x,d\udcffba,", "owner has control characters, or is not in UTF-8"),
        ("ann,other,", "identity stands in an earlier line, with something else"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_by_its_line_and_no_other_is_lost(row: str, reason: str) -> None:
    text = f"identity,owner,tags\nann,hr,\nann,hr,\n{row}\nbob,dba,\n"
    file = read_owners(text.encode("utf-8", "surrogateescape"))
    assert file.reasons == [f"line 4: {reason}"]
    assert [file.owners.of("", name).owner for name in ("ann", "bob")] == ["hr", "dba"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "its first line should name the columns"),
        (b"ann,dba\n", "its first line should name the columns"),
        (b"identity,name\n", "its first line should name the columns"),
        (b"x" * 200_000, "its first line"),  # what csv finds too long is a setting of the whole process
        (b"identity,owner\n" + b"," * MOST_FILE_BYTES, "has more than 20,000,000 bytes"),
    ],
)
def test_what_is_no_such_file_is_refused_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(UnusableOwners, match=reason) as refused:
        read_owners(data)
    assert "\n" not in str(refused.value)


def test_of_many_bad_rows_the_first_are_named_and_all_are_counted() -> None:
    file = read_owners(b"identity,owner\n" + b",dba\n" * 500)
    assert (len(file.reasons), file.rejected) == (MOST_REASONS, 500)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_they_are_read_or_refused_and_no_reason_holds_them(data: bytes) -> None:
    try:
        file = read_owners(b"identity,owner,tags\n" + data)
    except UnusableOwners:
        return
    for reason in file.reasons:
        assert reason.isascii()
