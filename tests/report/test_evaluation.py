from __future__ import annotations

from autotl.evaluate import Evaluation, Mistake
from autotl.report.evaluation import evaluation


def shown(console, renderable, text_of) -> list[str]:
    console.print(renderable)
    return text_of(console).splitlines()


def test_an_evaluation_tells_scores_classes_and_confusions(screen, text_of) -> None:
    row = {"precision": 0.96, "recall": 0.8, "f1": 0.873, "support": 30.0}
    done = Evaluation(
        ("ants", "bees"),
        {"accuracy": 0.9, "log_loss": 0.25},
        60,
        {"ants": row, "bees": row},
        [[24, 6], [0, 30]],
        ("x",) * 12,
        {"accuracy": (0.85, 0.94)},
        (Mistake("[red]wasp.jpg", "ants", "bees", 0.99),),
        ("No picture is of 'wasps'.",),
    )
    lines = [line.split() for line in shown(screen(80, terminal=False), evaluation(done), text_of)]
    assert ["score", "0.900", "-", "-", "0.250", "-", "60"] in lines
    assert ["95%", "from", "0.850"] in lines
    assert ["[red]wasp.jpg", "ants", "bees", "99.0%"] in lines
    assert ["!", "No", "picture", "is", "of", "'wasps'."] in lines
    assert lines.count(["!", "x"]) == 10
    assert ["ants", "0.960", "0.800", "0.873", "30"] in lines
    assert ["ants", "24", "6"] in lines
    assert ["bees", "0", "30"] in lines
    assert lines[-1] == ["!", "and", "2", "more", "that", "cannot", "be", "read"]


def test_a_confusion_matrix_too_large_for_a_screen_is_left_out(screen, text_of) -> None:
    classes = tuple(f"class_{i}" for i in range(40))
    row = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1.0}
    done = Evaluation(classes, {"accuracy": 1.0}, 40, dict.fromkeys(classes, row), [[1] * 40] * 40)
    text = "\n".join(shown(screen(80, terminal=False), evaluation(done), text_of))
    assert "predicted class by column" not in text
    assert "class_39" in text
