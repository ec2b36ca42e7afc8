"""Counts, for each site, season and class, the days on which the class was seen, and the days with any image."""

import collections
import csv
import pathlib
import sys

certain_at = float(sys.argv[1])
days = collections.defaultdict(set)
seen = collections.defaultdict(set)
with open("inputs/1.csv", newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        place, day = (row["site"], row["season"]), row["datetime"][:10]
        if not day:
            continue
        days[place].add(day)
        if row["label"] and float(row["confidence"]) >= certain_at:
            seen[(*place, row["label"])].add(day)

pathlib.Path("outputs").mkdir(exist_ok=True)
with open("outputs/table.csv", "w", newline="", encoding="utf-8") as file:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["site", "season", "class", "days_seen", "days"])
    for (site, season, name), found in sorted(seen.items()):
        table.writerow([site, season, name, len(found), len(days[site, season])])
print(f"{len(seen)} species at {len(days)} sites and seasons")
