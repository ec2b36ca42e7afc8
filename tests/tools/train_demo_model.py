#!/usr/bin/env python3
"""Trains the small network that classifies the demo's images and writes its bundle.

    # 1. draw the images (2 minutes on 2 cores): boxes and animals that no demo project has
    TRAPLINE_TRAINING_IMAGES=/tmp/train TRAPLINE_PER_CLASS=900 TRAPLINE_SEED=20220705 \
        cargo test --release --test demo_training_images -- --ignored
    TRAPLINE_TRAINING_IMAGES=/tmp/test TRAPLINE_PER_CLASS=150 TRAPLINE_SEED=777 \
        cargo test --release --test demo_training_images -- --ignored
    # 2. train (10 minutes on 2 cores) and write model.onnx and model.yaml
    pip install -r tests/tools/train_demo_model.requirements.txt
    python tests/tools/train_demo_model.py /tmp/train /tmp/test examples/demo/models/demo_mammals/1

The preprocessing is that of Trapline: decode to RGB, cut the information strip off, resize by antialiased bilinear convolution
(Pillow's BILINEAR) whatever the aspect, divide by 255, subtract the mean, divide by the deviation. Weights depend on the machine in
their last bits; what counts is the accuracy that the test `tests/demo_model.rs` measures anew.
"""

import argparse
import pathlib
import platform
import time

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn

CLASSES = ["bad_quality", "empty", "bird", "vole", "least_weasel", "lemming", "shrew", "stoat"]
WIDTH, HEIGHT, CROP_BOTTOM = 128, 96, 24
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.a = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.a_norm = nn.BatchNorm2d(outputs)
        self.b = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.b_norm = nn.BatchNorm2d(outputs)
        self.around = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.around_norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = torch.relu(self.a_norm(self.a(x)))
        return torch.relu(self.b_norm(self.b(y)) + self.around_norm(self.around(x)))


class SmallResNet(nn.Module):
    """A stem and three residual blocks: 0.3 million weights."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 5, 2, 2, bias=False)
        self.stem_norm = nn.BatchNorm2d(16)
        self.blocks = nn.ModuleList([Block(16, 32, 2), Block(32, 64, 2), Block(64, 128, 2)])
        self.head = nn.Linear(128, len(CLASSES))

    def forward(self, x):
        x = torch.relu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((2, 3)))


def read(folder):
    """All images of a folder as uint8 (n, 3, height, width), and their classes."""
    pixels, labels = [], []
    for label, name in enumerate(CLASSES):
        for path in sorted((pathlib.Path(folder) / name).glob("*.jpg")):
            image = Image.open(path).convert("RGB")
            image = image.crop((0, 0, image.width, image.height - CROP_BOTTOM)).resize((WIDTH, HEIGHT), Image.BILINEAR)
            pixels.append(np.asarray(image).transpose(2, 0, 1))
            labels.append(label)
    return torch.from_numpy(np.stack(pixels)), torch.tensor(labels)


def normalise(pixels):
    mean, std = torch.tensor(MEAN).view(1, 3, 1, 1), torch.tensor(STD).view(1, 3, 1, 1)
    return (pixels.float() / 255 - mean) / std


def augment(batch):
    """Mirror, shift by up to 4 pixels, change brightness and contrast: done on normalised images."""
    if torch.rand(1) < 0.5:
        batch = batch.flip(3)
    dx, dy = torch.randint(-4, 5, (2,)).tolist()
    batch = torch.roll(batch, (dy, dx), (2, 3))
    gain = 1 + 0.15 * torch.randn(batch.shape[0], 1, 1, 1)
    return batch * gain + 0.1 * torch.randn(batch.shape[0], 1, 1, 1)


def predict(model, pixels):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(normalise(part)) for part in pixels.split(256)])


def fold(conv, norm):
    """A convolution that does what it and its batch norm do, computed in 64 bits."""
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    weight = conv.weight.double() * scale.view(-1, 1, 1, 1)
    bias = norm.bias.double() - norm.running_mean.double() * scale
    return weight.float().detach().numpy(), bias.float().detach().numpy()


def export(model, path):
    """Writes ONNX opset 17 with Conv, Relu, Add, GlobalAveragePool, Flatten and Gemm."""
    nodes, weights = [], []

    def tensor(name, array):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def conv(name, source, layer, norm):
        weight, bias = fold(layer, norm)
        inputs = [source, tensor(name + ".weight", weight), tensor(name + ".bias", bias)]
        side, stride, pad = layer.kernel_size[0], layer.stride[0], layer.padding[0]
        nodes.append(
            helper.make_node("Conv", inputs, [name], name, kernel_shape=[side, side], strides=[stride] * 2, pads=[pad] * 4)
        )
        return name

    def simple(kind, name, *sources, **attributes):
        nodes.append(helper.make_node(kind, list(sources), [name], name, **attributes))
        return name

    x = simple("Relu", "stem.relu", conv("stem", "input", model.stem, model.stem_norm))
    for i, block in enumerate(model.blocks):
        name = f"block{i}"
        y = simple("Relu", name + ".a.relu", conv(name + ".a", x, block.a, block.a_norm))
        y = conv(name + ".b", y, block.b, block.b_norm)
        around = conv(name + ".around", x, block.around, block.around_norm)
        x = simple("Relu", name, simple("Add", name + ".add", y, around))
    x = simple("Flatten", "features", simple("GlobalAveragePool", "pool", x), axis=1)
    weight = tensor("head.weight", model.head.weight.detach().numpy())
    simple("Gemm", "logits", x, weight, tensor("head.bias", model.head.bias.detach().numpy()), transB=1)
    graph = helper.make_graph(
        nodes,
        "demo_mammals",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(CLASSES)])],
        weights,
    )
    onnx_model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="train_demo_model.py"
    )
    onnx.checker.check_model(onnx_model)
    onnx.save(onnx_model, path)


def measure(logits, labels):
    """Accuracy, and recall of each class, with the confusions on screen."""
    guess = logits.argmax(1)
    table = torch.zeros(len(CLASSES), len(CLASSES), dtype=torch.int64)
    for true, given in zip(labels.tolist(), guess.tolist()):
        table[true, given] += 1
    for name, row in zip(CLASSES, table.tolist()):
        print(f"{name:>13}", *(f"{n:4}" for n in row))
    recall = (table.diag() / table.sum(1)).tolist()
    return (guess == labels).float().mean().item(), dict(zip(CLASSES, recall))


def model_yaml(args, train, test, accuracy, recall, above):
    count = len(train) // len(CLASSES)
    recalls = ", ".join(f"{name}: {value:.3f}" for name, value in recall.items())
    return f"""# The demo's model: it classifies images that Trapline draws itself, and nothing else.
name: demo_mammals
version: "1"
architecture: small_resnet
input:
  width: {WIDTH}
  height: {HEIGHT}
  resize: squash
  crop_bottom_px: {CROP_BOTTOM}       # the information strip with date and temperature
  mean: {MEAN}
  std: {STD}
output: logits
classes: [{", ".join(CLASSES)}]
taxonomy: {{}}
onnx: model.onnx
training:
  data: images drawn by `trapline::demo::write_training_images`, seed {args.data_seed}, 48 boxes that no demo project has
  images_per_class: {{ {", ".join(f"{name}: {count}" for name in CLASSES)} }}
  recipe: >-
    random start, {args.epochs} epochs, batch 64, AdamW, one-cycle learning rate up to 3e-3, weight decay 0.02, cross-entropy with
    label smoothing 0.02; mirrored, shifted by up to 4 pixels, brightness and contrast changed at random; last epoch kept
  seed: {args.seed}
  framework: PyTorch {torch.__version__.split("+")[0]}, Python {platform.python_version()}
  metrics:
    test_images: {len(test)}
    test_data: the same function with seed {args.test_seed}, other boxes, all classes equally frequent
    accuracy: {accuracy:.4f}
    share_above_0.9: {above:.4f}
    recall: {{ {recalls} }}
  script: tests/tools/train_demo_model.py
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("bundle")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data-seed", type=int, default=20220705, help="seed with which TRAIN was drawn, for the record")
    parser.add_argument("--test-seed", type=int, default=777, help="seed with which TEST was drawn, for the record")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    (train, labels), (test, test_labels) = read(args.train), read(args.test)
    model = SmallResNet().to(memory_format=torch.channels_last)
    print(sum(p.numel() for p in model.parameters()), "weights,", len(train), "images")
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    steps = len(train) // 64
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps * args.epochs)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.02)
    start = time.time()
    for epoch in range(args.epochs):
        model.train()
        order, total = torch.randperm(len(train)), 0.0
        for step in range(steps):
            chosen = order[step * 64 : step * 64 + 64]
            batch = augment(normalise(train[chosen])).contiguous(memory_format=torch.channels_last)
            loss = loss_of(model(batch), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / steps:.4f}, {time.time() - start:.0f} s", flush=True)
    logits = predict(model, test)
    accuracy, recall = measure(logits, test_labels)
    above = (logits.softmax(1).max(1).values >= 0.9).float().mean().item()
    print(f"accuracy {accuracy:.4f}, {above:.4f} of the images above 0.9")
    bundle = pathlib.Path(args.bundle)
    bundle.mkdir(parents=True, exist_ok=True)
    export(model, bundle / "model.onnx")
    session = onnxruntime.InferenceSession(bundle / "model.onnx", providers=["CPUExecutionProvider"])
    part = slice(0, len(test), 7)
    exported = session.run(None, {"input": normalise(test[part]).numpy()})[0]
    difference = np.abs(exported - logits[part].numpy()).max()
    print(f"exported {(bundle / 'model.onnx').stat().st_size} bytes, logits differ by {difference:.1e} at most")
    assert difference < 1e-3
    (bundle / "model.yaml").write_text(model_yaml(args, train, test, accuracy, recall, above))


if __name__ == "__main__":
    main()
