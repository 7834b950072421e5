"""Every built-in part keeps the contract that strangers are held to."""

from __future__ import annotations

import pytest

from autotl.parts import Part
from autotl.plugins import Catalogue, catalogue
from autotl.testing.checks import SUITES, check_names
from autotl.testing.suites import PartSuite

BUILT_IN: Catalogue = catalogue(without=["tiny"])
CHEAP = {*check_names(PartSuite), "test_facts"}
QUICK_BACKBONES = {"acorn", "scattering", "mobilenet_0.25", "vgg16"}  # the others take 4 to 40 seconds each


def cases() -> list[object]:
    found = []
    for kind, offers in BUILT_IN.offers.items():
        for name, offer in offers.items():
            for check in check_names(SUITES[kind]):
                quick = kind != "backbone" or name in QUICK_BACKBONES or check in CHEAP
                marks = () if quick else (pytest.mark.slow,)
                found.append(pytest.param(offer.part, check, id=f"{name}-{check[5:]}", marks=marks))
    return found


@pytest.mark.parametrize(("part", "check"), cases())
def test_a_built_in_part_keeps_its_contract(part: Part, check: str):
    getattr(SUITES[part.kind](), check)(part)
