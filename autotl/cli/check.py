"""`autotl check`: what is wrong or odd with labelled pictures, before a search."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autotl.cli.output import Json, answering, print_json

if TYPE_CHECKING:
    from autotl.data import Dataset


def check(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Folder of labelled pictures, or a CSV of paths and labels.")
    ],
    files: Annotated[bool, typer.Option("--files", help="Name every file, not only the first few.")] = False,
    max_megapixels: Annotated[
        float, typer.Option(metavar="N", help="Leave out pictures of more million pixels.")
    ] = 179.0,
    valid_split: Annotated[
        float, typer.Option(metavar="FRACTION", help="For validation, where no split is given.")
    ] = 0.2,
    test_split: Annotated[float | None, typer.Option(metavar="FRACTION", help="Kept untouched to the end.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the splits that are drawn.", min=0)] = 0,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="Split pictures that show the same as if they did not.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look through your pictures for what would spoil a search; nothing is changed.

    The splits are those that a search with the same options would have.
    """
    from autotl.config import make
    from autotl.data import load
    from autotl.report import terminal
    from autotl.report.bar import bar

    asked = {
        "valid_split": valid_split,
        "test_split": test_split,
        "seed": seed,
        "keep_duplicates": keep_duplicates,
        "max_megapixels": max_megapixels,
    }
    make(data=data, out="", **asked)  # raises ConfigError as a search would
    with answering(as_json), bar(terminal(stderr=True), "checking") as on_progress:
        dataset = load(data, on_progress=on_progress, **asked)  # type: ignore[arg-type]
    if as_json:
        print_json(_answer(dataset))
        return
    from autotl.report.checked import checked

    terminal().print(checked(dataset, files=files), crop=False)


def _answer(dataset: Dataset) -> dict[str, Any]:
    return {
        "data": dataset.root,
        "pictures": len(dataset.pictures),
        "counts": dataset.counts(),
        "findings": [{"gravity": finding.gravity, **dataclasses.asdict(finding)} for finding in dataset.findings],
    }
