"""How long a key waits: a review of many images, answered as fast as it takes answers.

    cargo build --release
    python3 tests/bench/review_latency.py --images 20000
    python3 tests/bench/review_latency.py --images 200000 --answered 50000 --folder /big/disk/review

Makes a project with so many images (copies of one small JPEG, each with other bytes behind its end, so that all differ), runs it,
starts `trapline review` and measures, over one connection kept open as a browser keeps it:
the answer to one image (on the disk when it is acknowledged), a part of the queue, changes, frames, progress, an image.
`--photo FILE` takes that image instead: one of a real camera costs what it costs. A folder that is there already is used again.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PIPELINE = """\
trapline: 1
name: review-latency
classes: [empty, vole, stoat]
steps:
  images: { uses: images, with: { root: raw, path: "{site}/{season}/*.jpg" } }
  metadata: { uses: metadata, from: images }
  qc: { uses: review, from: metadata, with: { labels: labels/qc, blind: true } }
"""
SITES = 50
HERE = Path(__file__).resolve().parent.parent.parent


def small_jpeg(trapline, folder):
    """One image of the demo: no other program is needed to make it."""
    demo = folder / "demo"
    subprocess.run([trapline, "demo", "--no-run", str(demo)], check=False, capture_output=True)
    found = sorted(demo.glob("raw_images/**/*.JPG")) or sorted(demo.glob("raw_images/**/*.jpg"))
    if not found:
        subprocess.run([trapline, "demo", str(demo)], check=True, capture_output=True)
        found = sorted(demo.glob("raw_images/**/*.[jJ][pP][gG]"))
    return found[0].read_bytes()


def with_time(jpeg, number):
    """Another time in its EXIF: bursts of three, a minute apart."""
    event, shot = divmod(number, 3)
    stamp = time.strftime("%Y:%m:%d %H:%M:%S", time.gmtime(1_700_000_000 + event * 600 + shot))
    dated = re.sub(rb"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d", stamp.encode(), jpeg)
    return dated + number.to_bytes(8, "big")


def make(folder, images, jpeg):
    (folder / "pipeline.yaml").write_text(PIPELINE)
    for number in range(images):
        site, place = number % SITES, number // SITES
        path = folder / f"raw/s{site:02}/2024"
        if place == 0:
            path.mkdir(parents=True)
        (path / f"IMG_{place:05}.jpg").write_bytes(with_time(jpeg, place * SITES + site))


def run(trapline, folder):
    began = time.perf_counter()
    ended = subprocess.run([trapline, "run"], cwd=folder, capture_output=True, text=True)
    if ended.returncode not in (0, 4):
        sys.exit(ended.stderr)
    print(f"run: {time.perf_counter() - began:.1f} s")


class Page:
    def __init__(self, url):
        self.host, self.token = re.fullmatch(r"http://([^/]+)/#(\w+)", url).groups()
        self.connection = http.client.HTTPConnection(self.host)
        self.connection.connect()

    def ask(self, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Origin": f"http://{self.host}"}
            body = json.dumps(body)
        began = time.perf_counter()
        self.connection.request("GET" if body is None else "POST", path, body, headers)
        reply = self.connection.getresponse()
        said = reply.read()
        took = time.perf_counter() - began
        if reply.status != 200:
            sys.exit(f"{path}: {reply.status} {said[:300]}")
        return said, took

    def json(self, path, body=None):
        said, took = self.ask(path, body)
        return json.loads(said), took


def shown(name, times):
    times = sorted(time * 1000 for time in times)
    worst = times[min(len(times) - 1, round(len(times) * 0.99))]
    print(f"{name:38} n={len(times):4}  median {statistics.median(times):8.2f} ms  99 % {worst:8.2f} ms  most {times[-1]:8.2f} ms")


def memory(pid):
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        print("memory:", ", ".join(re.findall(r"Vm(?:HWM|RSS):\s+\d+ kB", status.read_text())))


def main():
    parse = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parse.add_argument("--images", type=int, default=20_000)
    parse.add_argument("--answers", type=int, default=500)
    parse.add_argument("--answered", type=int, default=0, help="so many are answered before, a thousand at a time")
    parse.add_argument("--photo", type=Path)
    parse.add_argument("--folder", type=Path)
    parse.add_argument("--trapline", default=str(HERE / "target/release/trapline"))
    args = parse.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="review-latency-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "pipeline.yaml").exists():
        jpeg = args.photo.read_bytes() if args.photo else small_jpeg(args.trapline, folder)
        print(f"{args.images} images of {len(jpeg) / 1000:.0f} kB in {folder}")
        make(folder, args.images, jpeg)
    shutil.rmtree(folder / "labels", ignore_errors=True)
    run(args.trapline, folder)
    began = time.perf_counter()
    command = [args.trapline, "review", "qc", "--port", "0", "--format", "json"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        said = ""
        while not said.rstrip().endswith("}"):
            said += server.stdout.readline()
        print(f"start: {time.perf_counter() - began:.2f} s")
        measure(args, folder, Page(json.loads(said)["url"]))
        memory(server.pid)
    finally:
        server.kill()
        server.wait()
    began = time.perf_counter()
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        server.stdout.readline()
        print(f"start with these answers: {time.perf_counter() - began:.2f} s")
    finally:
        server.kill()
        server.wait()
    if args.folder is None:
        shutil.rmtree(folder)


def measure(args, folder, page):
    first, took = page.json("/api/queue?reviewer=anna&from=0&count=200")
    shown("queue, first part (made for anna)", [took])
    items, times = first["items"], []
    while len(items) < first["total"]:
        part, took = page.json(f"/api/queue?reviewer=anna&from={len(items)}&count=200")
        items += part["items"]
        times.append(took)
    shown("queue, a part of 200", times or [took])
    images = [item["image"] for item in items]
    batches = []
    for at in range(0, args.answered, 1000):
        answers = [{"image": image, "class": "empty", "comment": ""} for image in images[at : at + 1000]]
        batches.append(page.json("/api/answers", {"reviewer": "anna", "answers": answers})[1])
    if batches:
        shown("a thousand answers, images not seen", batches)
    todo = images[args.answered : args.answered + args.answers]
    # As somebody labels: the image is seen, then answered.
    shown("image", [page.ask(f"/api/image/{image}")[1] for image in todo])
    shown("image, 320 px wide", [page.ask(f"/api/image/{image}?width=320")[1] for image in todo[:100]])
    time.sleep(0.5)
    classes = ["vole", "empty", "stoat"]
    answer = lambda image, at: {"reviewer": "anna", "answers": [{"image": image, "class": classes[at % 3], "comment": ""}]}
    shown("answer, image seen", [page.json("/api/answers", answer(image, at))[1] for at, image in enumerate(todo)])
    unseen = images[-args.answers :]
    shown("answer, image not seen", [page.json("/api/answers", answer(image, at))[1] for at, image in enumerate(unseen)])
    shown("answer changed", [page.json("/api/answers", answer(image, at + 1))[1] for at, image in enumerate(todo)])
    revision = page.json("/api/answers", answer(todo[0], 2))[0]["revision"]
    shown("changes, none", [page.json(f"/api/changes?reviewer=anna&since={revision}")[1] for _ in range(300)])
    shown("changes, all", [page.json("/api/changes?reviewer=anna&since=0")[1] for _ in range(20)])
    shown("frames", [page.json(f"/api/frames/{image}?reviewer=anna")[1] for image in todo[:300]])
    shown("progress", [page.json("/api/progress?reviewer=anna")[1] for _ in range(20)])
    # Somebody else's file changes: all are read again.
    times = []
    for at, image in enumerate(todo[:10]):
        with open(folder / "labels/qc/ben.csv", "a") as file:
            file.write("" if at else "observation,class\n")
            file.write(f"b3:{image},vole\n")
        times.append(page.json("/api/answers", answer(image, at))[1])
    shown("answer after another file changed", times)


if __name__ == "__main__":
    os.environ.pop("TRAPLINE_TRIALS", None)
    main()
