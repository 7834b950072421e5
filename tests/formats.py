"""A plugin of export formats for the model of `saved_model`, each with a fault or none; they need numpy alone."""

from __future__ import annotations

import os

import numpy as np

import autotl


class Folder(autotl.Exporter):
    """A folder with the numbers that matter, and no word on labels."""

    name = "folder"
    suffix = ".model"
    runtime = "numpy"

    def write(self, model, path, *, classes):
        path.mkdir()
        kernel, bias = model.get_weights()
        np.savez(path / "weights.npz", kernel=kernel, bias=bias)
        (path / "classes.txt").write_text("\n".join(classes))
        (path / "shape.txt").write_text(str(model.input_shape))
        return path

    def load(self, path):
        weights = np.load(path / "weights.npz")
        kernel, bias = weights["kernel"], weights["bias"]

        def predict(pixels):
            logits = (pixels.astype(np.float64) / 255).mean(axis=(1, 2)) @ kernel + bias
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            return self.change((powers / powers.sum(axis=1, keepdims=True)).astype(np.float32))

        return predict

    def change(self, answer):
        return answer


class Shifted(Folder):
    name = "shifted"

    def change(self, answer):
        return answer + 1e-3


class Nonsense(Folder):
    name = "nonsense"

    def change(self, answer):
        return answer * np.nan


class Narrow(Folder):
    name = "narrow"

    def change(self, answer):
        return answer[:, :1]


class Unwritable(Folder):
    name = "unwritable"

    def write(self, model, path, *, classes):
        path.write_text("half")
        raise ValueError("no more\ndisk")


class Nothing(Folder):
    name = "nothing"

    def write(self, model, path, *, classes):
        return path


class Unloadable(Folder):
    name = "unloadable"

    def load(self, path):
        raise ValueError("what is this?")


class Homeless(Folder):
    name = "homeless"

    def load(self, path):
        import no_such_runtime

        return no_such_runtime


class Deadly(Folder):
    name = "deadly"

    def load(self, path):
        os._exit(3)


class Failing(Folder):
    name = "failing"

    def change(self, answer):
        raise ValueError("out of luck")


class Coarse(Folder):
    """Rounds, in one precision more than in the other; can be held to one thread; keeps its labels."""

    name = "coarse"
    suffix = ".coarse"
    precisions = {
        "float32": autotl.Tolerance(),
        "int8": autotl.Tolerance(difference=0.5, agreement=0.9),
    }

    def write(self, model, path, *, classes, precision, pictures):
        super().write(model, path, classes=classes)
        (path / "labels.json").write_text('{"classes": ["inner", "names"], "image_size": [12, 16]}')
        (path / "seen.txt").write_text(f"{precision} {sum(1 for _ in pictures)}")
        return path

    def load(self, path, *, threads=None):
        predict = super().load(path)
        coarse = (path / "seen.txt").read_text().startswith("int8")
        return lambda pixels: predict(pixels).round(1) if coarse else predict(pixels)


@autotl.hookimpl
def exporters():
    kinds = (Folder, Shifted, Nonsense, Narrow, Unwritable, Nothing, Unloadable, Homeless, Deadly, Failing, Coarse)
    return [kind() for kind in kinds]
