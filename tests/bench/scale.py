#!/usr/bin/env python3
"""Times Trapline on a tree of many small files, beside b3sum and find on the same tree in the same session.

usage: python3 tests/bench/scale.py DIR [--files 100000] [--bytes 20000] [--repeat 3] [--trapline target/release/trapline]

Makes the files once (a valid JPEG with EXIF, padded with its own random bytes), then prints for each case the median wall time
and the peak memory. b3sum (`cargo install b3sum`) and find must be on the PATH for the comparisons. Linux: uses wait4.
"""
import argparse, json, os, random, shutil, statistics, struct, subprocess, sys, time

PIPELINE = """\
trapline: 1
name: scale
steps:
  images:
    uses: images
    with: { root: raw, path: "{locality}/{site}/{season}/*.jpg" }
  metadata:
    uses: metadata
    from: images
"""

# The smallest grey JPEG that decoders accept: 8 x 8 pixels, one block.
PICTURE = bytes.fromhex(
    "ffd8ffdb004300" + "10" * 64 + "ffc0000b080008000801011100"
    "ffc4001f0000010501010101010100000000000000000102030405060708090a0b"
    "ffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a"
    "161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a9293"
    "9495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7"
    "f8f9faffda0008010100003f00d2cf20ffd9")


def exif(when):
    """An APP1 segment with Make, Model and DateTimeOriginal."""
    texts = [(0x010F, b"RECONYX\0"), (0x0110, b"SM750 SECURITY\0")]
    date = when.encode() + b"\0"
    first = 8 + 2 + 12 * 3 + 4
    data, entries = b"", b""
    for tag, text in texts:
        entries += struct.pack("<HHII", tag, 2, len(text), first + len(data))
        data += text + b"\0" * (len(text) % 2)
    entries += struct.pack("<HHII", 0x8769, 4, 1, first + len(data))
    sub = first + len(data)
    data += struct.pack("<H", 1) + struct.pack("<HHII", 0x9003, 2, len(date), sub + 18) + b"\0" * 4 + date
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 3) + entries + b"\0" * 4 + data
    return b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff


def make(folder, season, files, size, seed):
    chance = random.Random(seed)
    for at in range(files):
        site = at * 164 // files
        where = os.path.join(folder, f"loc_{site % 4}", f"site_{site:03}", season)
        if at % 1000 == 0 or at * 164 // files != (at - 1) * 164 // files:
            os.makedirs(where, exist_ok=True)
        minute = at % 60
        when = f"{season}:07:{1 + at % 28:02} {at // 60 % 24:02}:{minute:02}:00"
        body = PICTURE[:2] + exif(when) + PICTURE[2:]
        with open(os.path.join(where, f"IMG_{at:06}.jpg"), "wb") as file:
            file.write(body + chance.randbytes(max(0, size - len(body))))


def timed(command, cwd):
    """Wall seconds, peak memory in MiB and exit status of a command."""
    began = time.perf_counter()
    child = subprocess.Popen(command, cwd=cwd, shell=isinstance(command, str), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    words = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        sys.exit(f"{command} failed:\n{words.decode()}")
    return seconds, usage.ru_maxrss / 1024


def case(name, command, cwd, repeat, before=lambda: None):
    runs = []
    for _ in range(repeat):
        before()
        runs.append(timed(command, cwd))
    seconds = statistics.median(run[0] for run in runs)
    memory = max(run[1] for run in runs)
    print(f"{name:34} {seconds:8.3f} s   {memory:7.0f} MiB   (of {repeat}: {', '.join(f'{run[0]:.3f}' for run in runs)})", flush=True)
    return {"case": name, "seconds": seconds, "mib": memory}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("dir")
    arguments.add_argument("--files", type=int, default=100_000)
    arguments.add_argument("--bytes", type=int, default=20_000)
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--trapline", default="target/release/trapline")
    options = arguments.parse_args()
    trapline = os.path.abspath(options.trapline)
    folder = os.path.abspath(options.dir)
    raw = os.path.join(folder, "raw")
    if not os.path.isdir(raw):
        make(raw, "2024", options.files, options.bytes, 1)
    shutil.rmtree(os.path.join(folder, "extra"), ignore_errors=True)
    make(os.path.join(folder, "extra"), "2025", options.files // 5, options.bytes, 2)
    with open(os.path.join(folder, "pipeline.yaml"), "w") as file:
        file.write(PIPELINE)

    def forget():
        shutil.rmtree(os.path.join(folder, ".trapline"), ignore_errors=True)
        for season in ("2025",):
            for site in range(164):
                shutil.rmtree(os.path.join(raw, f"loc_{site % 4}", f"site_{site:03}", season), ignore_errors=True)

    changed = os.path.join(raw, "loc_0", "site_000", "2024", "IMG_000000.jpg")

    def change_one():
        with open(changed, "r+b") as file:
            file.seek(-8, 2)
            file.write(os.urandom(8))

    def add():
        forget_added()
        run = [trapline, "run"]
        timed(run, folder)
        for site in range(164):
            source = os.path.join(folder, "extra", f"loc_{site % 4}", f"site_{site:03}", "2025")
            shutil.copytree(source, os.path.join(raw, f"loc_{site % 4}", f"site_{site:03}", "2025"), copy_function=shutil.copy)
        # Their rows must not be known from an earlier round.
        for top, _, names in os.walk(raw):
            if top.endswith("2025"):
                for name in names:
                    with open(os.path.join(top, name), "r+b") as file:
                        file.seek(-8, 2)
                        file.write(os.urandom(8))

    def forget_added():
        for site in range(164):
            shutil.rmtree(os.path.join(raw, f"loc_{site % 4}", f"site_{site:03}", "2025"), ignore_errors=True)

    forget()
    subprocess.run(f"cat {raw}/*/*/*/* >/dev/null" if options.files < 2000 else f"find {raw} -type f -print0 | xargs -0 cat >/dev/null", shell=True, check=True)
    print(f"{options.files} files of {options.bytes} bytes, {os.cpu_count()} cores, warm")
    results = []
    if shutil.which("b3sum"):
        results.append(case("b3sum", f"find {raw} -type f -print0 | xargs -0 b3sum", folder, options.repeat))
    results.append(case("first run, images and metadata", [trapline, "run"], folder, options.repeat, forget))
    time.sleep(2.1)
    timed([trapline, "run"], folder)
    results.append(case("find -printf", ["find", raw, "-printf", "%T@ %s %p\\n"], folder, max(options.repeat, 5)))
    results.append(case("run, nothing changed", [trapline, "run"], folder, max(options.repeat, 5)))
    results.append(case("plan, nothing changed", [trapline, "plan"], folder, max(options.repeat, 5)))
    results.append(case("run, one file changed", [trapline, "run"], folder, options.repeat, change_one))
    results.append(case(f"run, {options.files // 5} files added", [trapline, "run"], folder, options.repeat, add))
    forget_added()
    print(json.dumps(results))


if __name__ == "__main__":
    main()
