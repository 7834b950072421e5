"""What a user should know about the data: the kinds of findings, how grave each is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Gravity = Literal["error", "warning", "note"]
GRAVITIES: tuple[Gravity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Kind:
    """How grave the findings of a kind are, and what to do about them."""

    gravity: Gravity
    advice: str


_AGAIN = "Fetch or save them again, or delete them"
_AS_IT_IS = "Nothing to do"
KINDS: dict[str, Kind] = {
    # what cannot be used
    "unreadable": Kind("error", f"{_AGAIN}."),
    "truncated": Kind("error", f"{_AGAIN}: a download or a copy broke off."),
    "empty_file": Kind("error", f"{_AGAIN}: a download or a copy never began."),
    "bomb": Kind("error", "Make them smaller, or raise --max-megapixels if you trust them and have the memory."),
    "locked": Kind("error", "Give yourself the right to read them."),
    "lost": Kind("error", "Mend the links, or delete them."),
    "special": Kind("error", "Take them out: only files hold pictures."),
    "missing": Kind("error", "Mend the paths in the CSV, or take the rows out."),
    # what makes scores wrong
    "two_labels": Kind("error", "Keep each picture under the right class alone."),
    "leak": Kind("error", "Keep each picture in one split alone; scores are also given without them."),
    "group_leak": Kind("error", "Keep each group in one split alone; scores are also given without them."),
    "alike_labels": Kind("warning", "Look at them: one of the labels may be wrong."),
    "alike_leak": Kind("warning", "Keep them in one split; scores are also given without them."),
    "held_back": Kind("warning", "Delete one of each; --keep-duplicates learns from them all the same."),
    "copies": Kind("warning", "Delete all but one of each: copies count double."),
    "alike": Kind("note", "Nothing to do: no split sets them apart."),
    # classes
    "few": Kind("warning", "Add pictures of these classes."),
    "lopsided": Kind("warning", "Add pictures of the rare classes, or aim for --metric balanced_accuracy or macro_f1."),
    "spelt_twice": Kind("warning", "If they are one class, put their pictures into one folder."),
    "unseen": Kind("warning", "Add pictures of these classes there."),
    "unknown": Kind("warning", "Rename them as the model does, if it knows them by other names."),
    "absent": Kind("warning", "Add pictures of them, for nothing is said of how the model does on these."),
    "empty": Kind("warning", "Fill the folders, or delete them."),
    "matched": Kind("note", "Rename the folders alike if they are not one class each."),
    # files and rows
    "wrong_suffix": Kind("warning", "They are read as what they are; rename them, for other programs may not."),
    "tiny": Kind("warning", "Use larger originals if you have them: too little can be seen."),
    "narrow": Kind("warning", "Cut them to what matters: each is squashed to a square."),
    "huge": Kind("note", "Make them smaller, and reading is faster; nothing is lost."),
    "loose": Kind("warning", "Put them into class folders."),
    "incomplete": Kind("warning", "Fill in the rows, or delete them."),
    "duplicate_row": Kind("note", "Delete the repeated rows."),
    "ignored": Kind("note", "Save them as JPEG or PNG if they are pictures."),
    "outside": Kind("note", f"{_AS_IT_IS}, but a copy of the CSV's folder will not hold them."),
    # what is done with odd pictures
    "rotated": Kind("note", f"{_AS_IT_IS}: they are turned upright."),
    "animated": Kind("note", f"{_AS_IT_IS}: the first frame is taken."),
    "alpha": Kind("note", f"{_AS_IT_IS}: cut-outs are laid on white."),
    "palette": Kind("note", f"{_AS_IT_IS}: they are turned to RGB."),
    "cmyk": Kind("note", f"{_AS_IT_IS}: they are turned to RGB, without their colour profiles."),
    "deep": Kind("note", f"{_AS_IT_IS}: they are scaled to 8 bits."),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the user should know about the data, and what to do about it.

    `files` are relative to the data where they can be; of duplicates, `sets` are the names that belong together.
    """

    kind: str
    message: str
    files: tuple[str, ...] = ()
    advice: str = ""
    sets: tuple[tuple[str, ...], ...] = ()

    @property
    def gravity(self) -> Gravity:
        """Return "error" where something is wrong or left out, "warning" where it may be, else "note"."""
        return KINDS[self.kind].gravity if self.kind in KINDS else "warning"


def found(kind: str, message: str, files: tuple[str, ...] = (), sets: tuple[tuple[str, ...], ...] = ()) -> Finding:
    """Return a finding of a known kind with the advice that goes with it; `files` may be left to `sets`."""
    return Finding(kind, message, files or tuple(name for each in sets for name in each), KINDS[kind].advice, sets)


def by_gravity(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings with the gravest in front, otherwise as they came."""
    return tuple(sorted(findings, key=lambda finding: GRAVITIES.index(finding.gravity)))


def named(names: tuple[str, ...] | list[str], most: int = 3) -> str:
    """Return the first few names in words: "a.jpg, b.jpg, c.jpg, …"."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
