"""The InceptionV3 recipe of many a tutorial, as one pinned trial.

Average pooling, two dense layers with dropout 0.5, shear, zoom and mirroring, the last block of InceptionV3
unfrozen (or nothing: `--unfrozen 0`), its layers learning at a tenth of the head's rate.

    python examples/inception_v3_recipe.py DATA [--unfrozen 31] [--epochs 20] [--weights FILE]

The same from the command line:

    autotl search DATA --trials 1 --epochs 20 --image-size 299 --backbone inception_v3 --augmentation classic \
        --set unfrozen_layers=31 --set head=two_dense --set head.two_dense.units=512 \
        --set head.two_dense.second_units=256 --set head.two_dense.dropout=0.5 --set head.two_dense.pooling=average \
        --set augmentation.classic.strength=medium --set learning_rate=0.001 --set unfrozen_rate=0.1 \
        --set batch_size=32

A block ends where a single tensor crosses the network, so layers are unfrozen up to the next such place below the
number asked for: in InceptionV3 0, 31, 62, 82, ... layers from the top. The output says how many it was.

Weights: the ImageNet ones are downloaded once into KERAS_HOME (by default ~/.keras). Without a network name a file
that Keras published (inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5), or `random`, to see it run.
"""

from __future__ import annotations

import argparse
import sys

import autotl


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder of labelled pictures, or a CSV")
    parser.add_argument("--out", help="run folder; by default one named after the data, in runs/")
    parser.add_argument("--weights", metavar="FILE", help="a file of weights, or `random`; default ImageNet's")
    parser.add_argument("--unfrozen", type=int, default=31, help="layers to train, from the top")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--image-size", type=int, default=299, help="side of the pictures in pixels, 75 or more")
    options = parser.parse_args()
    try:
        result = autotl.search(
            options.data,
            out=options.out,
            trials=1,
            epochs=options.epochs,
            image_size=options.image_size,
            backbones=("inception_v3",),
            augmentations=("classic",),
            weights={"inception_v3": options.weights} if options.weights else {},
            pins={
                "unfrozen_layers": options.unfrozen,
                "head": "two_dense",
                "head.two_dense.units": 512,
                "head.two_dense.second_units": 256,
                "head.two_dense.dropout": 0.5,
                "head.two_dense.pooling": "average",
                "augmentation.classic.strength": "medium",
                "learning_rate": 1e-3,
                "unfrozen_rate": 0.1,
                "batch_size": 32,
            },
        )
    except autotl.AutotlError as error:
        sys.exit(f"error: {error}")
    print(f"layers unfrozen: {result.best.candidate.unfrozen_layers}, best epoch: {result.best.best_epoch}")
    for split in ("valid", "test"):
        if result.metrics[split]:
            print(f"{split} accuracy: {result.metrics[split]['accuracy']:.3f}")
    print(f"model: {result.folder.model}")


if __name__ == "__main__":
    main()
