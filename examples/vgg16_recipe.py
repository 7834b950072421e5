"""The VGG16 recipe of the Keras blog, as one pinned trial.

After "Building powerful image classification models using very little data" (2016): pictures of 150 px, a flat head
of 256 units with dropout 0.5, shear, zoom and mirroring, batches of 16, the last convolution block trained at a
tenth of the head's rate, once the head has learnt alone. What differs: the optimiser is AdamW with a falling rate
where the article has RMSprop and then SGD, the head learns alone for one epoch, and there may be many classes.

    python examples/vgg16_recipe.py DATA [--unfrozen 4] [--epochs 20] [--weights FILE]

The same from the command line:

    autotl search DATA --trials 1 --epochs 20 --image-size 150 --backbone vgg16 --augmentation classic \
        --set unfrozen_layers=4 --set head=flatten_dense --set head.flatten_dense.units=256 \
        --set head.flatten_dense.dropout=0.5 --set augmentation.classic.strength=medium \
        --set learning_rate=0.001 --set unfrozen_rate=0.1 --set batch_size=16

Weights: the ImageNet ones are downloaded once into KERAS_HOME (by default ~/.keras). Without a network name a file
that Keras published (vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5), or `random`, to see it run.
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
    parser.add_argument("--unfrozen", type=int, default=4, help="layers to train, from the top")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--image-size", type=int, default=150, help="side of the pictures in pixels, 32 or more")
    options = parser.parse_args()
    try:
        result = autotl.search(
            options.data,
            out=options.out,
            trials=1,
            epochs=options.epochs,
            image_size=options.image_size,
            backbones=("vgg16",),
            augmentations=("classic",),
            weights={"vgg16": options.weights} if options.weights else {},
            pins={
                "unfrozen_layers": options.unfrozen,
                "head": "flatten_dense",
                "head.flatten_dense.units": 256,
                "head.flatten_dense.dropout": 0.5,
                "augmentation.classic.strength": "medium",
                "learning_rate": 1e-3,
                "unfrozen_rate": 0.1,
                "batch_size": 16,
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
