#!/usr/bin/env python3
"""Measures what it is worth to a network that images of its test stand beside those it learned from.

usage: leak.py TRAPLINE ARCHIVE WORK [--epochs 60] [--seeds 3] [--jobs N]

ARCHIVE holds FOLD/CLASS/*.jpg with EXIF times, the folds `train` and `valid` being the sides that its authors gave, and file names that
begin with the camera (`3.1 D (106).jpg`). Three ways of parting the images are compared: the authors', by trigger event (images of one
camera less than five minutes apart), and by camera. Every network learns by the same recipe and is tested through `classify` and `evaluate`.
TRAPLINE is a program built with the feature `tch`. The table goes to stdout.
"""

import argparse
import json
import pathlib
import statistics
import subprocess

SPLITS = {
    "authors": "column: fold, values: {{ valid: test }}, gap_s: 300, group_pattern: '([^/]+?) \\(', seed: {seed}",
    "event": "validation: 0, test: 0.21, stratify: true, gap_s: 300, group_pattern: '([^/]+?) \\(', seed: {seed}",
    "camera": "validation: 0, test: 0.21, group: none, group_pattern: '([^/]+?) \\(', seed: {seed}",
}


def steps(split, seed, options):
    name = f"{split}_{seed}"
    return f"""  sides_{name}:
    uses: split
    from: metadata
    with: {{ {SPLITS[split].format(seed=seed)} }}
  net_{name}:
    uses: train
    from: sides_{name}
    with:
      preset: small
      architecture: {options.architecture}
      width: 160
      height: 120
      epochs: {options.epochs}
      batch: 32
      rotation_deg: 10
      zoom: 0.15
      imbalance: oversample
      keep: last
      calibrate: false
      seed: {seed}
  predictions_{name}:
    uses: classify
    from: {{ images: sides_{name}.test, model: net_{name} }}
  quality_{name}:
    uses: evaluate
    from: {{ predictions: predictions_{name}, labels: sides_{name}.test }}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("trapline", "archive", "work"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--architecture", default="resnet10_narrow")
    parser.add_argument("--jobs")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    classes = sorted({folder.name for folder in options.archive.glob("*/*") if folder.is_dir()})
    text = f"""trapline: 1
name: leak
classes: [{', '.join(classes)}]
roots: {{ archive: {{}} }}
steps:
  images:
    uses: images
    with: {{ root: archive, path: "{{fold}}/{{class}}/*.jpg" }}
  metadata: {{ uses: metadata, from: images }}
"""
    names = [(split, seed) for seed in range(1, options.seeds + 1) for split in SPLITS]
    text += "".join(steps(split, seed, options) for split, seed in names)
    (options.work / "pipeline.yaml").write_text(text)
    (options.work / "trapline.local.yaml").write_text(f"roots: {{ archive: {json.dumps(str(options.archive.resolve()))} }}\n")
    trapline = options.trapline.resolve()
    jobs = ["-j", options.jobs] if options.jobs else []
    subprocess.run([trapline, "run", *jobs], cwd=options.work, check=True)
    status = subprocess.run([trapline, "status", "--format", "json"], cwd=options.work, check=True, capture_output=True)
    metrics = {step["name"]: step["metrics"] for step in json.loads(status.stdout)["steps"]}
    print("| parted by | draws | test images | accuracy | macro F1 |\n|---|---|---|---|---|")
    for split in SPLITS:
        # Where there are few cameras, a draw may leave none for the test.
        figures = [metrics[f"quality_{split}_{seed}"] for seed in range(1, options.seeds + 1)]
        figures = [one for one in figures if one["checked"] > 0]
        if not figures:
            continue
        cells = [f"{len(figures)}", f"{statistics.mean(one['checked'] for one in figures):.0f}"]
        for figure in ("accuracy", "macro_f1"):
            values = [one[figure] for one in figures]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            cells.append(f"{100 * statistics.mean(values):.1f} ± {100 * spread:.1f} %")
        print(f"| {split} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
