from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotl.data.forest import Forest

PAIRS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=20)


@given(PAIRS)
def test_sets_are_those_that_a_chain_of_pairs_connects(pairs):
    forest = Forest(12)
    reached = [{one} for one in range(12)]
    for one, other in pairs:
        forest.join(one, other)
        whole = reached[one] | reached[other]
        for member in whole:
            reached[member] = whole
    assert forest.roots() == tuple(min(whole) for whole in reached)
    assert {tuple(members) for members in forest.sets()} == {tuple(sorted(w)) for w in reached if len(w) > 1}
    assert forest.joins == 12 - len(set(forest.roots()))
    assert all(forest.together(one, other) for one, other in pairs)
