"""Runs ONNX files in onnxruntime, for `tests/onnx_runtime.rs` to compare with.

usage: onnx_runtime.py FOLDER      FOLDER holds NAME.onnx and NAME.images (32-bit floats, little-endian, image after image);
                                   NAME.together (all images in one batch) and NAME.alone (each in its own) are written beside them

needs: tests/tools/requirements.txt
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime


def main(folder: pathlib.Path) -> None:
    for path in sorted(folder.glob("*.onnx")):
        # Shapes are inferred and compared with the declared ones, and every operator with its schema.
        onnx.checker.check_model(str(path), full_check=True)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (network_input,), (output,) = session.get_inputs(), session.get_outputs()
        assert network_input.name == "input" and output.name == "logits", path
        assert not isinstance(network_input.shape[0], int), f"{path}: the number of images is fixed"
        images = np.fromfile(path.with_suffix(".images"), dtype="<f4").reshape(-1, *network_input.shape[1:])
        session.run(None, {"input": images})[0].astype("<f4").tofile(path.with_suffix(".together"))
        alone = [session.run(None, {"input": image[None]})[0] for image in images]
        np.concatenate(alone).astype("<f4").tofile(path.with_suffix(".alone"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
