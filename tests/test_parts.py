from __future__ import annotations

import pytest

import autotl
from autotl.parts import Part
from autotl.plugins import KINDS


@pytest.mark.parametrize("contract", KINDS.values())
def test_a_contract_alone_is_no_part(contract):
    assert issubclass(contract, Part)
    with pytest.raises(TypeError, match="abstract"):
        contract()


def test_kinds_are_named_as_their_contracts_say():
    assert {kind: contract.kind for kind, contract in KINDS.items()} == {kind: kind for kind in KINDS}


def test_a_part_without_a_space_has_an_empty_one():
    class Plain(autotl.Head):
        name = "plain"

        def build(self, classes: int) -> None:
            return None

    assert Plain().space == {}


def test_a_backbone_downloads_nothing_unless_it_says_so():
    class Plain(autotl.Backbone):
        name = "plain"
        image_size = 64

        def build(self, image_size: int, *, weights: str) -> None:
            return None

    assert not Plain().needs_download
    assert Plain().min_size == 32
