#!/usr/bin/env python3
"""Times the quality steps on many predictions: import, sample, review, evaluate, threshold, merge, CSV and Parquet, and the report.

usage: python3 tests/bench/quality.py DIR [--rows 1000000] [--trapline target/release/trapline]

Makes a table of predictions once (164 sites, 5 seasons, 4 localities, 8 classes), lets `trapline` draw the samples, answers them
with a truth that differs from the prediction in 3 % of the images, and runs the rest. Prints the wall time of each step as the
run reports it, the sum, and the peak memory of the whole process. Linux: uses wait4.
"""
import argparse, csv, io, json, os, random, shutil, subprocess, sys, time

CLASSES = ["bad_quality", "empty", "bird", "vole", "least_weasel", "lemming", "shrew", "stoat"]
SHARES = [0.09, 0.45, 0.01, 0.27, 0.002, 0.12, 0.05, 0.008]

PIPELINE = """\
trapline: 1
name: quality
classes: [bad_quality, empty, bird, vole, least_weasel, lemming, shrew, stoat]
steps:
  predictions:
    uses: import
    with: { what: predictions, format: csv, files: predictions.csv }
  qc_random:
    uses: sample
    from: predictions
    with: { by: [season, locality], random_per_group: 500, seed: 1 }
  qc_strata:
    uses: sample
    from: { images: predictions, exclude: qc_random }
    with: { by: [season, locality], per_class: 100, per_confidence_bin: 100, seed: 1 }
  qc_labels:
    uses: review
    from: [qc_random, qc_strata]
    with: { labels: labels, blind: true }
  quality:
    uses: evaluate
    from: { predictions: predictions, labels: qc_labels }
    with: { by: [season, locality] }
  accepted:
    uses: threshold
    from: { predictions: predictions, quality: quality.checked }
    with: { target_accuracy: 0.97, always_review: [stoat, least_weasel] }
  final:
    uses: merge
    from: { images: predictions, predictions: predictions, labels: qc_labels }
    with: { form: wide }
  csv:
    uses: export
    from: final
    with: { into: published/observations.csv }
  parquet:
    uses: export
    from: final
    with: { into: published/observations.parquet }
  report:
    uses: report
    from: [predictions, qc_labels, quality, accepted, final]
    with: { into: published/report.html }
"""


def make(folder, rows):
    """Writes the predictions, and the truth beside them."""
    chance = random.Random(1)
    drawn = chance.choices(range(8), SHARES, k=rows)
    with open(os.path.join(folder, "predictions.csv"), "w", newline="") as out, open(os.path.join(folder, "truth.csv"), "w") as truth:
        out.write("locality,site,season,name,datetime,label,confidence\n")
        for at, label in enumerate(drawn):
            site = at * 164 // rows
            season = 2020 + at % 5
            name = f"site_{site:03}_{season}-07-{1 + at % 28:02}_{at:07}.JPG"
            confidence = 1 - min(0.85, chance.expovariate(14))
            actual = chance.randrange(8) if chance.random() < 0.03 else label
            out.write(f"loc_{site % 4},site_{site:03},{season},{name},{name[9:19]}T12:00:00,{CLASSES[label]},{confidence:.6f}\n")
            truth.write(f"{name},{CLASSES[actual]}\n")


def run(trapline, folder):
    """Runs; gives exit status, wall seconds, peak memory in MiB, and the seconds of each step that ran."""
    began = time.perf_counter()
    child = subprocess.Popen([trapline, "run"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    words = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 4):
        sys.exit(f"the run failed ({code}):\n{words}")
    return code, seconds, usage.ru_maxrss / 1024


def steps(folder):
    """Seconds of each step, from the journal of the last run."""
    runs = os.path.join(folder, ".trapline", "runs")
    journal = os.path.join(runs, sorted(os.listdir(runs))[-1], "events.jsonl")
    found = {}
    with open(journal) as lines:
        for line in lines:
            event = json.loads(line)
            event = event.get("event", event)
            if event.get("kind") == "step_finished":
                found[event["step"]] = event["seconds"]
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("dir")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--trapline", default="target/release/trapline")
    options = arguments.parse_args()
    trapline, folder = os.path.abspath(options.trapline), os.path.abspath(options.dir)
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(os.path.join(folder, "truth.csv")):
        make(folder, options.rows)
    with open(os.path.join(folder, "pipeline.yaml"), "w") as file:
        file.write(PIPELINE)
    for old in (".trapline", "labels", "published"):
        shutil.rmtree(os.path.join(folder, old), ignore_errors=True)
    code, seconds, mib = run(trapline, folder)
    print(f"{options.rows} rows; first run, to the question to people: exit {code}, {seconds:.2f} s, {mib:.0f} MiB")
    for step, took in steps(folder).items():
        print(f"    {step:12} {took:7.3f} s")
    first = steps(folder)

    with open(os.path.join(folder, "truth.csv")) as lines:
        truth = dict(line.rstrip("\n").split(",") for line in lines)
    asked = subprocess.run([trapline, "show", "qc_labels.missing", "--format", "csv"], cwd=folder, capture_output=True, text=True)
    if asked.returncode:
        sys.exit(asked.stderr)
    os.makedirs(os.path.join(folder, "labels"), exist_ok=True)
    with open(os.path.join(folder, "labels", "bench.csv"), "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["site", "season", "file", "class", "reviewer", "shown"])
        for row in csv.DictReader(io.StringIO(asked.stdout)):
            out.writerow([row["site"], row["season"], row["name"], truth[row["name"]], "bench", "blind"])
    code, seconds, mib = run(trapline, folder)
    print(f"second run, with the answers: exit {code}, {seconds:.2f} s, {mib:.0f} MiB")
    second = steps(folder)
    for step, took in second.items():
        print(f"    {step:12} {took:7.3f} s")
    both = {**first, **second}
    names = ["qc_random", "qc_strata", "quality", "accepted", "final", "csv", "parquet"]
    print(f"sample, evaluate, threshold, merge, CSV and Parquet together: {sum(both[name] for name in names):.2f} s")


if __name__ == "__main__":
    main()
