from __future__ import annotations

from autotl.evaluate import Evaluation
from autotl.predict import Prediction
from autotl.report.predictions import evaluation, predictions

MADE = [
    Prediction("pictures/[red]ant.jpg", "ants", 0.97, {"ants": 0.97, "bees": 0.03}),
    Prediction("/a/very/long/folder" * 8 + "/bee.jpg", "bees", 0.55, {"bees": 0.55, "ants": 0.45}),
    Prediction("torn.jpg", None, 0.0, problem="torn.jpg cannot be read: it ends too early"),
]


def shown(console, renderable, text_of) -> list[str]:
    console.print(renderable)
    return text_of(console).splitlines()


def test_each_picture_has_a_line_and_unreadable_ones_their_reason(screen, text_of) -> None:
    lines = shown(screen(80, terminal=False), predictions(MADE, width=80), text_of)
    assert lines[1].split()[:2] == ["pictures/[red]ant.jpg", "ants"]
    assert lines[1].endswith("97.0%")
    assert "/bee.jpg  bees" in lines[2]
    assert lines[3].split() == ["torn.jpg", "unreadable"]
    assert lines[4] == "! torn.jpg cannot be read: it ends too early"
    assert max(len(line) for line in lines) <= 80


def test_the_next_likely_classes_follow_when_asked_for(screen, text_of) -> None:
    lines = shown(screen(80, terminal=False), predictions(MADE, width=80, top=2), text_of)
    assert lines[2].split() == ["bees", "3.0%"]


def test_an_evaluation_tells_scores_classes_and_confusions(screen, text_of) -> None:
    row = {"precision": 0.96, "recall": 0.8, "f1": 0.873, "support": 30.0}
    done = Evaluation(
        ("ants", "bees"),
        {"accuracy": 0.9, "log_loss": 0.25},
        60,
        {"ants": row, "bees": row},
        [[24, 6], [0, 30]],
        ("x",),
    )
    lines = [line.split() for line in shown(screen(80, terminal=False), evaluation(done), text_of)]
    assert ["accuracy", "0.900"] in lines
    assert ["log", "loss", "0.250"] in lines
    assert ["ants", "0.960", "0.800", "0.873", "30"] in lines
    assert ["ants", "24", "6"] in lines
    assert ["bees", "0", "30"] in lines
    assert ["!", "x"] in lines


def test_a_confusion_matrix_too_large_for_a_screen_is_left_out(screen, text_of) -> None:
    classes = tuple(f"class_{i}" for i in range(40))
    row = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1.0}
    done = Evaluation(classes, {"accuracy": 1.0}, 40, dict.fromkeys(classes, row), [[1] * 40] * 40)
    text = "\n".join(shown(screen(80, terminal=False), evaluation(done), text_of))
    assert "predicted class by column" not in text
    assert "class_39" in text
