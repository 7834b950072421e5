"""The road of a pretraining: pictures and settings in, a backbone and its card out."""

from __future__ import annotations

import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.data.load import read
from autotl.errors import ConfigError, RunError
from autotl.finish import versions
from autotl.plugins import catalogue
from autotl.pretrain.card import Card, write_card
from autotl.pretrain.halving import halve
from autotl.pretrain.journal import Journal
from autotl.pretrain.learner import build_learner
from autotl.pretrain.settings import PretrainConfig
from autotl.pretrain.sources import Sources, find
from autotl.pretrain.students import build_student
from autotl.pretrain.targets import Labels, Targets, teach
from autotl.pretrain.training import OnTold, Told, Training
from autotl.pretrain.views import Views, draw
from autotl.pretrain.yardstick import measure_all
from autotl.quiet import quiet
from autotl.trained import set_values
from autotl.transfer.network import Network
from autotl.transfer.store import FeatureStore, default_root

if TYPE_CHECKING:
    import keras

SUFFIX = ".keras"
_SAMPLE = 512  # pictures to find a teacher's directions by


def pretrain(config: PretrainConfig, tell: OnTold = lambda told: None) -> Card:
    """Pretrain a student and write it to `config.out`, with its card beside it; the same again goes on after a kill.

    Raises AutotlError in one line; a file that is there is never replaced.
    """
    out = Path(config.out).expanduser()
    if out.suffix != SUFFIX:
        raise ConfigError(f"-o {config.out} must end with {SUFFIX}.")
    if out.exists():
        raise ConfigError(f"{out} is there already. Delete it, or choose another -o.")
    for source in config.probes:
        read(source)  # what is wrong with it is better told now than in an hour
    sources = find(
        config.sources,
        labelled=config.teacher is None,
        generated=config.generated,
        seed=config.seed,
        on_progress=lambda done, total: tell(Told(f"reading pictures: {done} of {total}", 0.0, 0.0)),
    )
    with quiet():
        import keras  # noqa: F401  (what it says as it starts is of no use here)
    journal = Journal(out.with_suffix(".pretrain"))
    with journal.owned():
        standing, values = journal.read(config.digest, sources.fingerprint)
        store = FeatureStore(Path(config.cache) if config.cache else default_root(), int(config.cache_quota * 1e9))
        targets = _targets(config, sources)
        learner = build_learner(config, targets)
        if values is not None:
            set_values(learner.variables, values)
        training = Training(config, Views(config, sources, targets, store), learner, standing, journal, tell)
        scores = training.run()
        _save(learner.backbone, out, half=config.half)
        training.say("measuring")
        card = _card(config, sources, targets, learner.backbone, training, scores, out)
        write_card(card, out)
        journal.remove()
    return card


def _targets(config: PretrainConfig, sources: Sources) -> Targets:
    if config.teacher is None:
        return Labels(len(sources.classes), config.image_size)
    part = catalogue([Path(file) for file in config.plugins]).backbone(config.teacher)
    size = max(config.teacher_pixels, part.min_size)
    network = Network.build(part, size, config.weights.get(config.teacher, part.weights))
    grid = int(build_student(config.student, config.width, config.image_size).output_shape[1])
    random = np.random.default_rng((config.seed, 11))
    chosen = random.choice(sources.train, min(_SAMPLE, len(sources.train)), replace=False)
    pictures = [draw(sources.picture(int(place)), size, random) for place in chosen]
    return teach(network, np.stack(pictures), grid, config.depths)


def _save(backbone: keras.Model, out: Path, *, half: bool) -> None:
    """Write a backbone whole or not at all, once it is known to load again."""
    import keras

    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        part = Path(folder) / out.name
        backbone.save(part)
        if half:
            halve(part)
        again = keras.models.load_model(part, compile=False, safe_mode=True)
        for one, other in zip(again.get_weights(), backbone.get_weights(), strict=True):
            if not np.array_equal(one, other.astype(np.float16) if half else other):
                raise RunError(f"{out} did not come back as it was written; is the disk sound?")
        part.replace(out)


def _card(
    config: PretrainConfig,
    sources: Sources,
    targets: Targets,
    backbone: keras.Model,
    training: Training,
    scores: dict[str, float],
    out: Path,
) -> Card:
    return Card(
        name=out.stem,
        student=config.student,
        image_size=config.image_size,
        parameters=int(backbone.count_params()),
        sources=[_told(source, sources, config) for source in config.sources],
        teacher=_teacher(config, targets),
        recipe={
            "width": config.width,
            "depths": config.depths,
            "views": len(training.standing.uses),
            "generated_pictures_in_each": config.generated,
            "pictures_in_each": training.views.size,
            "samples": training.standing.steps * config.batch_size,
            "epochs": training.standing.epoch,
            "seconds": round(training.elapsed),
            "batch_size": config.batch_size,
            "learning_rate": config.learning_rate,
            "weight_decay": config.weight_decay,
            "mix": config.mix,
            "seed": config.seed,
            "stored_as": "float16" if config.half else "float32",
        },
        scores=scores,
        probes=measure_all(out, config.probes, seed=config.seed),
        versions=versions(),
        weights_sha256=sha256(out.read_bytes()).hexdigest(),
        command=config.command,
    )


def _told(source: str, sources: Sources, config: PretrainConfig) -> dict[str, Any]:
    root = Path(source).expanduser().resolve()
    inside = [path for path in sources.files if len(config.sources) == 1 or Path(path).resolve().is_relative_to(root)]
    return {
        "name": root.name,
        "pictures": len(inside),
        "licence": config.licences.get(root.name, "not told"),
        "fingerprint": sources.fingerprint if len(config.sources) == 1 else _fingerprint(sources, inside),
    }


def _fingerprint(sources: Sources, files: list[str]) -> str:
    known = dict(zip(sources.files, sources.digests, strict=True))
    return sha256("".join(sorted(known[file] for file in files)).encode()).hexdigest()[:32]


def _teacher(config: PretrainConfig, targets: Targets) -> dict[str, Any]:
    if isinstance(targets, Labels):
        return {}
    return {
        "name": config.teacher,
        "weights": targets.network.weights,
        "weights_digest": targets.network.digest,
        "image_size": targets.pixels,
        "heard_above_layers": [cut.unfrozen_layers for cut in targets.cuts],
        "directions": [len(basis.directions) for basis in targets.bases],
        "of_their_variance": [round(basis.explained, 4) for basis in targets.bases],
    }
