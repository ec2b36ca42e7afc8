"""Writes a ResNet-50 with random weights as a model bundle: speed does not depend on what the weights say.

usage: classify_onnx.py FOLDER      needs torch and torchvision; FOLDER then holds model.yaml and model.onnx, and weights.pt for
                                    classify_pytorch.py
"""

import pathlib
import sys
import warnings

import torch
import torchvision

CLASSES = ["bad_quality", "empty", "bird", "vole", "least_weasel", "lemming", "shrew", "stoat"]


def main(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    model = torchvision.models.resnet50(weights=None, num_classes=len(CLASSES)).eval()
    # Batch norm is the identity in a fresh network; give it statistics, so that folding it has something to fold.
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    torch.save(model.state_dict(), folder / "weights.pt")
    warnings.simplefilter("ignore")
    torch.onnx.export(
        model,
        torch.zeros(1, 3, 224, 224),
        str(folder / "model.onnx"),
        input_names=["image"],
        output_names=["classes"],
        dynamic_axes={"image": {0: "batch"}, "classes": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    (folder / "model.yaml").write_text(
        f"""name: resnet50_random
version: "1"
architecture: resnet50
input: {{ width: 224, height: 224, resize: squash, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }}
output: logits
classes: [{", ".join(CLASSES)}]
onnx: model.onnx
training: {{ note: random weights, for measuring speed alone }}
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
