"""Hypothesis strategies for AMQP values."""

from typing import Any

from hypothesis import strategies as st

from demo.hub.primitives import (
    Array,
    Byte,
    Char,
    Described,
    Float,
    Int,
    Opaque,
    Short,
    Symbol,
    Timestamp,
    Ubyte,
    Uint,
    Ulong,
    Ushort,
)

symbols = st.text(st.characters(max_codepoint=127), max_size=300).map(Symbol)
scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**8 - 1).map(Ubyte),
    st.integers(0, 2**16 - 1).map(Ushort),
    st.integers(0, 2**32 - 1).map(Uint),
    st.integers(0, 2**64 - 1).map(Ulong),
    st.integers(-(2**7), 2**7 - 1).map(Byte),
    st.integers(-(2**15), 2**15 - 1).map(Short),
    st.integers(-(2**31), 2**31 - 1).map(Int),
    st.integers(-(2**63), 2**63 - 1).map(Timestamp),
    st.floats(allow_nan=False),
    st.floats(width=32, allow_nan=False).map(Float),
    st.characters(exclude_categories=["Cs"]).map(Char),
    st.uuids(),
    st.binary(max_size=300),
    st.text(max_size=300),
    symbols,
    st.binary(min_size=16, max_size=16).map(lambda raw: Opaque(0x94, raw)),
)
arrays = st.one_of(st.lists(symbols), st.lists(st.text()), st.lists(st.integers(0, 9).map(Uint))).map(Array)
values = st.recursive(
    scalars | arrays,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.text(max_size=5) | symbols, inner, max_size=5),
        st.tuples(symbols, inner).map(lambda pair: Described(*pair)),
    ),
    max_leaves=20,
)
