"""Ids of live events: the same to every gateway, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.gateway.live.positions import FOLLOWED, Positions, pack, unpack

places = st.tuples(st.sampled_from([topic.name for topic in FOLLOWED]), st.integers(0, 300))
positions = st.builds(
    Positions, st.text(max_size=40), st.dictionaries(places, st.integers(0, 2**62), max_size=200)
)


@given(positions)
def test_an_id_says_what_it_was_made_of(given: Positions) -> None:
    text = pack(given)

    assert unpack(text) == given
    assert text.isascii()
    assert not set(text) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda data: data.hex()))
def test_anything_else_is_no_id(text: str) -> None:
    found = unpack(text)
    assert found is None or pack(found).rstrip("A") == text.rstrip("A=")


@pytest.mark.parametrize(
    "text", ["", "x", "A" * 20_000, "AQ", "!!!!", pack(Positions("c", {})) + "AAAA"]
)
def test_ids_that_are_cut_off_or_too_long_are_refused(text: str) -> None:
    assert unpack(text) is None


def test_an_id_of_twelve_partitions_each_fits_a_header() -> None:
    offsets = {(topic.name, n): 10**9 for topic in FOLLOWED for n in range(12)}
    assert len(pack(Positions("lkc-123456789012345678", offsets))) < 1500
