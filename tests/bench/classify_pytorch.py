"""The script that people write: a PyTorch DataLoader over image files, ResNet-50, single precision, eager, two threads.

usage: classify_pytorch.py FOLDER LIST [--workers 0,1,2] [--repeats 3] [--batch 16] [--predictions CSV]
  FOLDER  made by classify_onnx.py        LIST  a text file with one image path a line
Prints one line of JSON per number of workers: {"workers": w, "threads": t, "images": n, "img_per_s": [...], "median": m, "cpu_ms": c}; `cpu_ms` is
processor time per image, background workers included.
Each number of workers is tried with two threads and with what they leave of two cores; the faster of both is printed.
"""

import argparse
import csv
import json
import os
import pathlib
import statistics
import time

import PIL.Image
import torch
import torchvision
from torchvision.transforms import v2 as transforms

CLASSES = 8
CORES = 2


class Files(torch.utils.data.Dataset):
    """Reads, decodes, resizes and normalises one file."""

    def __init__(self, paths):
        self.paths = paths
        self.transform = transforms.Compose(
            [
                transforms.Resize((224, 224), antialias=True),
                transforms.PILToTensor(),
                transforms.ToDtype(torch.float32, scale=True),
                transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        )

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with PIL.Image.open(self.paths[index]) as image:
            return self.transform(image.convert("RGB"))


def classify(model, paths, workers, batch):
    loader = torch.utils.data.DataLoader(Files(paths), batch_size=batch, num_workers=workers)
    rows = []
    with torch.inference_mode():
        for images in loader:
            rows.extend(torch.softmax(model(images), dim=1).tolist())
    return rows


def cpu_seconds():
    """Processor time of this process and of the workers that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("list", type=pathlib.Path)
    parser.add_argument("--workers", default="0,1,2")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--predictions", type=pathlib.Path)
    arguments = parser.parse_args()

    paths = arguments.list.read_text(encoding="utf-8").splitlines()
    model = torchvision.models.resnet50(weights=None, num_classes=CLASSES).eval()
    model.load_state_dict(torch.load(arguments.folder / "weights.pt", weights_only=True))
    for workers in map(int, arguments.workers.split(",")):
        best = None
        for threads in sorted({CORES, max(1, CORES - workers)}):
            torch.set_num_threads(threads)
            classify(model, paths[: arguments.batch], workers, arguments.batch)
            speeds, cpu = [], []
            for _ in range(arguments.repeats):
                start, cpu_start = time.perf_counter(), cpu_seconds()
                rows = classify(model, paths, workers, arguments.batch)
                speeds.append(len(paths) / (time.perf_counter() - start))
                cpu.append(1000 * (cpu_seconds() - cpu_start) / len(paths))
            median = statistics.median(speeds)
            line = {"workers": workers, "threads": threads, "images": len(paths), "img_per_s": speeds, "median": median}
            line["cpu_ms"] = statistics.median(cpu)
            if best is None or median > best["median"]:
                best = line
        print(json.dumps(best), flush=True)
    if arguments.predictions:
        with arguments.predictions.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([path, *row] for path, row in zip(paths, rows))


if __name__ == "__main__":
    main()
