from __future__ import annotations

from autotl.events import BackboneResolved, Probed
from autotl.report import probes
from autotl.report.glyphs import UNICODE

NETS = [
    BackboneResolved("mobilenet_v2", "imagenet", 224, 154, 2_257_984),
    BackboneResolved("lost", "imagenet", 0, 0, 0, problem="no [red]weights"),
    BackboneResolved("mobilenet", "random", 192, 86, 3_228_864),
    BackboneResolved("vast", "imagenet", 224, 300, 90_000_000),
]
GOOD = Probed("mobilenet", 0.912, 0.9, 0.95, 6.1, 8.25, 1)
FAIR = Probed("mobilenet_v2", 0.87654, 0.8, 0.9, 4.0, 120.0, None)
SKIPPED = Probed("vast", problem="Not probed: no time is left.")


def rows(*found: Probed, metric: str = "accuracy") -> list[str]:
    lines = probes.rows(NETS, {each.backbone: each for each in found}, metric, UNICODE)
    return [" ".join(line.plain.split()) for line in lines]


def test_before_the_first_probe_the_backbones_are_told_in_their_order() -> None:
    told = ["✓ mobilenet_v2 224 154 2.3M imagenet", "✓ mobilenet 192 86 3.2M random", "✓ vast 224 300 90M imagenet"]
    assert rows() == ["px layers params probe kNN ms time", *told, "✗ lost no [red]weights"]
    unprobed = [" ".join(line.plain.split()) for line in probes.rows(NETS, None, "accuracy", UNICODE)]
    assert unprobed == ["px layers params", *told, "✗ lost no [red]weights"]


def test_the_best_probed_comes_first_and_what_was_not_probed_says_why() -> None:
    assert rows(FAIR, GOOD, SKIPPED) == [
        "px layers params probe kNN ms time",
        "✓ mobilenet 192 86 3.2M 0.912 0.900 8.2 6.1s random",
        "✓ mobilenet_v2 224 154 2.3M 0.877 0.800 120 4s imagenet",
        "✓ vast 224 300 90M Not probed: no time is left. imagenet",
        "✗ lost no [red]weights",
    ]
    assert rows(FAIR, GOOD, metric="log_loss")[1].startswith("✓ mobilenet_v2")


def test_numbers_stand_below_each_other_however_long_the_names_are() -> None:
    long = [BackboneResolved("x" * 80, "imagenet", 224, 154, 2_257_984), *NETS]
    lines = probes.rows(long, {"mobilenet": GOOD}, "accuracy", UNICODE)
    assert len({line.plain.index(" 224 ") for line in lines if " 224 " in line.plain}) == 1


def test_where_columns_are_few_the_numbers_stay() -> None:
    narrow = probes.rows(NETS, {"mobilenet": GOOD}, "accuracy", UNICODE, width=72)[1].plain
    assert " ".join(narrow.split()) == "✓ mobilenet 192 86 3.2M 0.912 0.900 8.2 6.1s"


def test_the_table_has_scores_costs_and_reasons(screen, text_of) -> None:
    console = screen(80, terminal=False)
    console.print(probes.table([FAIR, GOOD, SKIPPED], "macro_f1"))
    lines = [" ".join(line.split()) for line in text_of(console).splitlines()]
    assert lines[0] == "backbone macro F1 kNN validation ms a picture time trial"
    assert lines[2:] == [
        "mobilenet 0.912 0.900 0.950 8.2 6.1s 1",
        "mobilenet_v2 0.877 0.800 0.900 120 4s -",
        "! vast: Not probed: no time is left.",
    ]
