"""What the page tells in words and small tables: what was asked and found, the data, time, where it all comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotl import origin
from autotl.candidate import TrialRecord
from autotl.report import words
from autotl.result import SearchResult
from autotl.space import Value

Pairs = list[tuple[str, str]]
_ENDS = {
    "complete": "Trials that ended",
    "pruned": "Trials stopped early",
    "failed": "Trials that failed",
    "over limit": "Not trained, over a limit",
}
_NAMED = 8  # parts that are told by name


@dataclass(frozen=True, slots=True)
class Reproduction:
    """The commands of a run, the versions of the last one, and hashes of what it rests on."""

    commands: tuple[tuple[str, str], ...]
    versions: Pairs
    hashes: Pairs


def title(result: SearchResult) -> str:
    """Return the name of the data that a run is about."""
    return Path(result.config.data).name or Path(result.dataset.root).name or "a search"


def asked(result: SearchResult) -> Pairs:
    """Return what was asked of the search."""
    config = result.config
    budget = [words.span(config.seconds)] if config.seconds else []
    budget += [words.plural(config.trials, "trial")] if config.trials else []
    limits = [f"{config.max_latency_ms:g} ms for one picture"] if config.max_latency_ms else []
    limits += [f"{config.max_size_mb:g} MB"] if config.max_size_mb else []
    pins = [f"{name} = {words.value(value)}" for name, value in config.pins.items()]
    told = {
        "Data": words.pictures(result.dataset),
        "Budget": " or ".join(budget) or "none",
        "Aim": f"the best validation {words.metric_name(config.metric)}",
        "Limits": ", ".join(limits),
        "Backbones": _names(config.backbones or [each.backbone for each in result.probes]),
        "Heads": _names(config.heads),
        "Augmentations": _names(config.augmentations),
        "Fixed": ", ".join(pins),
        "Seed": str(config.seed),
    }
    return [(name, text) for name, text in told.items() if text]


def recipe(record: TrialRecord) -> str:
    """Return what a trial was made of as a sentence."""
    candidate, layers = record.candidate, record.candidate.unfrozen_layers
    trained = f"its top {layers} layers trained further" if layers else "all its layers frozen as they came"
    network = f"The backbone {candidate.backbone} on pictures of {candidate.image_size} pixels a side, {trained}"
    if record.probe:
        return f"{network}, with one linear layer fitted on its features."
    head = f"with the head {candidate.head}{_drawn(candidate.of('head', candidate.head))}"
    change = _drawn(candidate.of("augmentation", candidate.augmentation))
    plain = candidate.augmentation == "none"
    seen = "on pictures as they are" if plain else f"on pictures changed by {candidate.augmentation}{change}"
    rates = {name.replace("_", " "): value for name, value in candidate.values.items() if "." not in name and value}
    return f"{network}, {head} {seen}{'; ' if rates else ''}{_listed(rates)}."


def briefly(record: TrialRecord) -> str:
    """Return what a trial was made of in a few words."""
    layers = record.candidate.unfrozen_layers
    trained = f"its top {layers} layers trained further" if layers else "its layers frozen"
    head = "one linear layer on top" if record.probe else f"the head {record.candidate.head}"
    return f"{record.candidate.backbone}, {trained}, with {head}"


def tally(result: SearchResult) -> str:
    """Return how many trials there were, and how they ended."""
    trained = [words.state(each) for each in result.records if not each.probe]
    probes = len(result.records) - len(trained)
    told = [words.plural(probes, "probe")] if probes else []
    texts = {"complete": "trained to their end", "pruned": "stopped early", "failed": "failed"}
    for state, text in {**texts, "over limit": "not trained, since over a limit"}.items():
        told += [f"{trained.count(state)} {text}"] if state in trained else []
    return ", ".join(told)


def unseen(metrics: Mapping[str, Any]) -> str:
    """Return what the test score is worth, in words."""
    pictures = words.plural(metrics["test"]["pictures"], "picture")
    leaks = metrics.get("without_leaks", {}).get("test")
    if not leaks:
        return f"{pictures} that took no part in the search, scored once. Believe this one."
    known = f"{pictures}, scored once; {leaks['leaked']} of them show the same as one of an earlier part"
    if not leaks["pictures"]:
        return f"{known}, so this number flatters."
    return f"{known}. Without these it is {words.score(leaks[metrics['metric']])}: believe that one."


def learnt(record: TrialRecord) -> str:
    """Return which trial it was, and how long it learnt."""
    if record.probe:
        return f"Trial {record.number}, a probe: it was fitted at once, not by epochs."
    return f"Trial {record.number}: the weights of epoch {record.best_epoch} of {len(record.history)} were kept."


def counts(result: SearchResult) -> tuple[list[str], list[tuple[str, list[int]]]]:
    """Return the parts that hold pictures, and of each class how many lie in each."""
    table = result.dataset.counts()
    splits = [split for split, row in table.items() if sum(row.values())]
    return splits, [(name, [table[split][name] for split in splits]) for name in result.dataset.classes]


def findings(result: SearchResult) -> list[tuple[str, str, str]]:
    """Return what was found wrong or odd with the data: how grave it is, what, and what to do."""
    return [(each.gravity, words.clean(each.message), words.clean(each.advice)) for each in result.dataset.findings]


def spent(result: SearchResult) -> list[tuple[str, str, str]]:
    """Return where the time of the workers went: on what, how many, how long."""
    trained = [each for each in result.records if not each.probe]
    told = [("Probes", [each for each in result.records if each.probe])]
    told += [(name, [each for each in trained if words.state(each) == state]) for state, name in _ENDS.items()]
    return [(name, str(len(those)), _sum(those)) for name, those in told if those]


def saved(result: SearchResult) -> str:
    """Return about how long the epochs would have taken without kept features; "" where that is not known."""
    served = list(_served(result))
    frozen = sum(not record.candidate.unfrozen_layers for record, _ in served)
    kinds = [words.plural(frozen, "frozen trial")] if frozen else []
    if len(served) > frozen:
        kinds.append(words.plural(len(served) - frozen, "trial with unfrozen layers", "trials with unfrozen layers"))
    if not kinds:
        return ""
    return (
        f"The epochs of {' and '.join(kinds)} read features that were computed once and kept: of the whole backbone, "
        "or of its layers below the unfrozen ones. By the pace of the probes, computing them anew in each epoch would "
        f"have taken about {words.span(sum(seconds for _, seconds in served))}."
    )


def reproduction(result: SearchResult) -> Reproduction | None:
    """Return what is needed to repeat the search, None where that was not kept."""
    known = origin.read(result.folder)
    if known is None:
        return None
    commands = tuple((each.began.replace("T", " ")[:16], each.command) for each in known.sessions)
    versions = list(known.sessions[-1].versions.items()) if known.sessions else []
    hashes = [("data", known.data), *((f"weights of {name}", each) for name, each in known.weights.items())]
    return Reproduction(commands, versions, [(name, each[:16]) for name, each in hashes])


def _served(result: SearchResult) -> Iterator[tuple[TrialRecord, float]]:
    """Yield the trials whose epochs read kept features, and the seconds that computing these would have taken."""
    pace = {each.backbone: each.ms for each in result.probes if each.ms}
    passes = {each.number: _spared(each) for each in result.records}
    pictures = len(result.dataset.indices("train", "valid"))
    for record in result.records:
        earlier = 0.0 if record.continues is None else passes.get(record.continues, 0.0)
        seconds = (passes[record.number] - earlier) * pictures * (pace.get(record.candidate.backbone) or 0.0) / 1000
        if seconds > 0:
            yield record, seconds


def _spared(record: TrialRecord) -> float:
    """Return the forward passes that the epochs of a trial did not make; of older runs known for frozen ones alone."""
    if record.spared is None:
        return 0.0 if record.candidate.unfrozen_layers else float(len(record.history))
    return record.spared


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _drawn(values: Mapping[str, Value]) -> str:
    return f" ({_listed(values)})" if values else ""


def _listed(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} {words.value(value)}" for name, value in values.items())


def _sum(records: Sequence[TrialRecord]) -> str:
    return words.span(sum(each.seconds for each in records))
