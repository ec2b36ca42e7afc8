#!/usr/bin/env python3
"""Trains a ResNet in plain PyTorch on given batches from given weights, to compare another implementation with.

usage: pytorch_training.py FOLDER        (needs torch, numpy, safetensors)

FOLDER holds `task.json` (architecture, classes, input size, labels, batches of every epoch, rates of every step, optimizer, weight decay,
label smoothing, whether channels come last in memory), `inputs` (32-bit floats, images x 3 x height x width) and `start.safetensors`. The script writes `losses.json` (mean loss of
each epoch, seconds of each, and with `judge` in the task those of passes without gradients) and `first.safetensors`, the weights after the first step.
"""

import json
import pathlib
import sys
import time

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

DEPTHS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3), "resnet8": (1, 1, 1), "resnet20": (3, 3, 3)}


class Block(nn.Module):
    """A basic block or, with `bottleneck`, one of three convolutions."""

    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        outputs = width * 4 if bottleneck else width
        sides = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        if not bottleneck:
            sides = [(inputs, width, 3, stride), (width, width, 3, 1)]
        self.count = len(sides)
        for number, (i, o, kernel, step) in enumerate(sides, 1):
            setattr(self, f"conv{number}", nn.Conv2d(i, o, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{number}", nn.BatchNorm2d(o))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.outputs = outputs

    def forward(self, x):
        y = x
        for number in range(1, self.count + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            if number < self.count:
                y = torch.relu(y)
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """As torchvision names it; without its own stem for small images."""

    def __init__(self, name, classes):
        super().__init__()
        self.photographs = len(DEPTHS[name]) == 4
        widths = (64, 128, 256, 512) if self.photographs else (16, 32, 64)
        bottleneck = name == "resnet50"
        kernel, stride = (7, 2) if self.photographs else (3, 1)
        self.conv1 = nn.Conv2d(3, widths[0], kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inputs = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, DEPTHS[name]), 1):
            blocks = []
            for number in range(depth):
                blocks.append(Block(inputs, width, 2 if stage > 1 and number == 0 else 1, bottleneck))
                inputs = blocks[-1].outputs
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.stages = len(widths)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        if self.photographs:
            x = nn.functional.max_pool2d(x, 3, 2, 1)
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


def judge(model, inputs, batch, rounds):
    """Seconds of each pass over all images without gradients, eagerly and in 32 bits."""
    model.eval()
    seconds = []
    with torch.no_grad():
        for _ in range(rounds):
            began = time.perf_counter()
            for part in inputs.split(batch):
                model(part)
            seconds.append(time.perf_counter() - began)
    return seconds


def main(folder):
    folder = pathlib.Path(folder)
    task = json.loads((folder / "task.json").read_text())
    if "threads" in task:
        torch.set_num_threads(task["threads"])
    labels = torch.tensor(task["labels"])
    inputs = torch.from_numpy(np.fromfile(folder / "inputs", np.float32)).view(len(labels), 3, task["height"], task["width"])
    if task.get("channels_last"):
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    model = ResNet(task["architecture"], task["classes"])
    rest = model.load_state_dict(load_file(folder / "start.safetensors"), strict=False)
    assert not rest.unexpected_keys and all(name.endswith("num_batches_tracked") for name in rest.missing_keys), rest
    make = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": lambda p, **k: torch.optim.SGD(p, momentum=0.9, **k)}
    if task.get("channels_last"):
        model = model.to(memory_format=torch.channels_last)
    optimizer = make[task["optimizer"]](model.parameters(), lr=1.0, weight_decay=task["weight_decay"])
    criterion = nn.CrossEntropyLoss(label_smoothing=task["label_smoothing"])
    rates, losses, seconds = iter(task["rates"]), [], []
    first = True
    model.train()
    for batches in task["epochs"]:
        began, sums = time.perf_counter(), []
        for batch in batches:
            optimizer.param_groups[0]["lr"] = next(rates)
            optimizer.zero_grad()
            loss = criterion(model(inputs[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            sums.append(loss.item())
            if first:
                save_file({name: value.contiguous() for name, value in model.state_dict().items() if value.is_floating_point()}, folder / "first.safetensors")
                (folder / "first.json").write_text(json.dumps({"loss": loss.item()}))
                first = False
        losses.append(sum(sums) / len(sums))
        seconds.append(time.perf_counter() - began)
    judged = judge(model, inputs, **task["judge"]) if "judge" in task else []
    said = {"losses": losses, "seconds": seconds, "judge_seconds": judged, "torch": torch.__version__}
    (folder / "losses.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
