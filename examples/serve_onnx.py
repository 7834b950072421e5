"""Serve an ONNX export over HTTP with onnxruntime, NumPy and Pillow alone: no Keras, no TensorFlow, no autotl.

python examples/serve_onnx.py flowers.onnx --port 8000
curl --data-binary @picture.jpg http://localhost:8000
{"label": "tulips", "probabilities": {"daisy": 0.0012, "tulips": 0.9931, ...}}
"""

from __future__ import annotations

import argparse
import io
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


class Model:
    """A session, and the labels and the picture size that lie in the metadata of the file."""

    def __init__(self, file: str) -> None:
        self.session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        labels = json.loads(self.session.get_modelmeta().custom_metadata_map["labels"])
        self.classes, (self.height, self.width) = labels["classes"], labels["image_size"]

    def answer(self, picture: bytes) -> dict[str, object]:
        """Return the label of a picture file, and the probabilities of all."""
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(picture))).convert("RGB")
        fitted = image.resize((self.width, self.height), Image.Resampling.BILINEAR, reducing_gap=3.0)
        (rows,) = self.session.run(None, {"pixels": np.asarray(fitted, np.float32)[None]})
        probabilities = {name: round(float(share), 4) for name, share in zip(self.classes, rows[0], strict=True)}
        return {"label": max(probabilities, key=probabilities.get), "probabilities": probabilities}


def handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Answer with JSON."""
            try:
                code, told = 200, model.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            except (OSError, ValueError):
                code, told = 400, {"error": "not a picture that can be read; send the bytes of a file, such as a JPEG"}
            body = json.dumps(told).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="what `autotl export --format onnx` wrote")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any that is free")
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), handler(Model(options.model)))
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
