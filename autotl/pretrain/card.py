"""The model card of a pretrained backbone: what it learnt from, how, and how well; as JSON and as Markdown."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autotl.errors import RunError
from autotl.folder import write_whole

_TEMPLATE = """# {name}

{summary}

## Learnt from

{sources}

## How

    {command}

{recipe}

## How well

{scores}

## Versions

{versions}
"""


@dataclass(frozen=True)
class Card:
    """What is known of a pretrained backbone; all plain data.

    `sources` have name, pictures, classes, fingerprint and licence each; `teacher` is empty where labels were learnt.
    `beside` has a row for this backbone and each of others it was compared with, `beside_how` the conditions.
    """

    name: str
    student: str
    image_size: int
    parameters: int
    sources: list[dict[str, Any]]
    teacher: dict[str, Any]
    recipe: dict[str, Any]
    scores: dict[str, float]
    probes: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    weights_sha256: str = ""
    command: str = ""
    beside: list[dict[str, Any]] = field(default_factory=list)
    beside_how: str = ""

    def markdown(self) -> str:
        """Return the card for people."""
        how = f"with the teacher {self.teacher['name']}" if self.teacher else "from labels"
        return _TEMPLATE.format(
            name=self.name,
            summary=f"A {self.student} network of {self.parameters:,} parameters for pictures of {self.image_size} "
            f"pixels, pretrained {how}. Use it: `autotl search data/ --backbone {self.name}.keras`.",
            sources=_table(self.sources),
            command=self.command,
            recipe=_pairs({**({"teacher": _line(self.teacher)} if self.teacher else {}), **self.recipe}),
            scores="\n\n".join(_paragraphs(self)),
            versions=_pairs(self.versions),
        )


def write_card(card: Card, model: Path) -> None:
    """Write a card beside its model: `NAME.json` and `NAME.md`."""
    write_whole(model.with_suffix(".json"), json.dumps(asdict(card), indent=1))
    write_whole(model.with_suffix(".md"), card.markdown())


def read_card(model: Path) -> Card | None:
    """Return the card beside a model, None where there is none; raises RunError when it cannot be read."""
    file = model.with_suffix(".json")
    if not file.is_file():
        return None
    try:
        return Card(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"The model card {file} cannot be read: {error}.") from error


def _paragraphs(card: Card) -> list[str]:
    found = [_pairs(card.scores)]
    if card.probes:
        found.append(_table(card.probes))
    if card.beside:
        found += [card.beside_how, _table(card.beside)]
    return found


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "nothing"
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([_value(row.get(name, "")) for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _pairs(values: dict[str, Any]) -> str:
    return "\n".join(f"* {name.replace('_', ' ')}: {_value(value)}" for name, value in values.items())


def _line(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
