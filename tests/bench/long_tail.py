#!/usr/bin/env python3
"""Compares what is done about rare classes on a long-tailed image set, through the step `train`.

usage: long_tail.py TRAPLINE TRAIN_FOLDER TEST_FOLDER LIST WORK [--epochs 12] [--test-per-class N] [--seeds 3] [--architecture resnet8] [--methods none,weighted,...]

TRAIN_FOLDER and TEST_FOLDER hold a folder of images per class; LIST is a CSV with the columns `file` (its last two parts are class and
name) and `class`: the images to learn from. Every image of TEST_FOLDER, or the first N of each class, is judged by. TRAPLINE is a program built with the feature `tch`.
WORK gets a project; images are linked into it, and a second call goes on where the first was stopped. The table at the end goes to stdout.
"""

import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess

IMBALANCE = {
    "none": "imbalance: none",
    "weighted": "imbalance: weighted",
    "oversample": "imbalance: oversample",
    "undersample": "imbalance: undersample, cap: {cap}",
    "both": "imbalance: both, cap: {cap}",
    "emphasis": "imbalance: emphasis",
}
METHODS = [*IMBALANCE] + [f"two-phase {name}" for name in IMBALANCE if name not in ("none", "emphasis")]


def link(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        os.link(source, target)


def archive(options):
    images = options.work / "images"
    with open(options.list, newline="") as file:
        for row in csv.DictReader(file):
            name = pathlib.PurePosixPath(row["file"]).name
            link(options.train / row["class"] / name, images / "train" / row["class"] / name)
    classes = sorted(folder.name for folder in options.test.iterdir() if folder.is_dir())
    for name in classes:
        for file in sorted((options.test / name).iterdir())[: options.test_per_class]:
            link(file, images / "test" / name / file.name)
    return classes


def step(name, method, seed, options):
    two_phase = method.startswith("two-phase ")
    imbalance = IMBALANCE[method.removeprefix("two-phase ")].format(cap=options.cap)
    with_ = [imbalance, f"two_phase: {str(two_phase).lower()}", f"seed: {seed}", f"epochs: {options.epochs}"]
    if two_phase:
        with_.append(f"second_epochs: {options.second}")
    fixed = "preset: small, width: 32, height: 32, keep: last, calibrate: false"
    return f"""  {name}:
    uses: train
    from: sides
    with: {{ {fixed}, architecture: {options.architecture}, batch: 64, {', '.join(with_)} }}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trapline", type=pathlib.Path)
    for name in ("train", "test", "list", "work"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--second", type=int, default=4, help="epochs of the second phase")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", help="threads; without it, one per core")
    parser.add_argument("--test-per-class", type=int)
    parser.add_argument("--cap", type=int, default=500)
    parser.add_argument("--architecture", default="resnet8")
    parser.add_argument("--methods", default=",".join(METHODS))
    options = parser.parse_args()
    classes = archive(options)
    runs = {}
    text = f"""trapline: 1
name: long-tail
classes: [{', '.join(classes)}]
steps:
  images:
    uses: images
    with: {{ root: images, path: "{{fold}}/{{class}}/*.jpg" }}
  sides:
    uses: split
    from: images
    with: {{ group: none, column: fold, values: {{ test: validation }} }}
"""
    for seed in range(1, options.seeds + 1):
        for method in options.methods.split(","):
            name = f"{method.replace(' ', '_').replace('-', '_')}_{seed}"
            runs[name] = method
            text += step(name, method, seed, options)
    (options.work / "pipeline.yaml").write_text(text)
    subprocess.run([options.trapline.resolve(), "run", *(["-j", options.jobs] if options.jobs else [])], cwd=options.work, check=True)
    status = subprocess.run([options.trapline.resolve(), "status", "--format", "json"], cwd=options.work, check=True, capture_output=True)
    (options.work / "status.json").write_bytes(status.stdout)
    found = {}
    for one in json.loads(status.stdout)["steps"]:
        if one["name"] in runs and one["metrics"]:
            found.setdefault(runs[one["name"]], []).append(one["metrics"])
    print("| method | accuracy | macro F1 | runs |\n|---|---|---|---|")
    for method, metrics in found.items():
        cells = []
        for figure in ("validation_accuracy", "validation_macro_f1"):
            values = [one[figure] for one in metrics]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            cells.append(f"{100 * statistics.mean(values):.1f} ± {100 * spread:.1f} %")
        print(f"| {method} | {cells[0]} | {cells[1]} | {len(metrics)} |")


if __name__ == "__main__":
    main()
