"""The report of the demo in a real browser: nothing from outside, no overflow, every number with the command that explains it.

usage: report.py TRAPLINE BROWSER DRIVER MADE PICTURES [unittest arguments]

MADE is a project as `trapline demo` leaves it. Screenshots go to the folder PICTURES.
"""

import csv
import io
import pathlib
import shlex
import sys
import unittest
import urllib.parse

from page import Page, Project

TRAPLINE, BROWSER, DRIVER, MADE, PICTURES = [pathlib.Path(path) for path in sys.argv[1:6]]
LOOKS = {"light": (1280, 900, False), "dark": (1280, 900, True), "narrow": (390, 844, False), "narrow_dark": (390, 844, True)}


class Report(unittest.TestCase):
    def setUp(self):
        self.project = Project(TRAPLINE, MADE)
        self.addCleanup(self.project.remove)
        self.page = Page(str(BROWSER), str(DRIVER))
        self.addCleanup(self.page.__exit__)
        self.page.driver.get((self.project.folder / "published" / "report.html").as_uri())

    def test_it_needs_nothing_from_outside_and_fits_every_screen(self):
        for name, (width, height, dark) in LOOKS.items():
            self.page.see(width, height, dark)
            self.page.js("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            self.assertLessEqual(self.page.js("document.documentElement.scrollWidth"), width, name)
            self.page.picture(PICTURES / f"report_{name}.png")
        self.assertEqual(self.page.complaints(), [])
        self.assertEqual(self.page.hosts(), set())
        # Every picture of the gallery was drawn, and every figure says what it is.
        broken = "[...document.images].filter(one => !one.complete || !one.naturalWidth).length"
        self.assertGreater(self.page.js("document.images.length"), 1)
        self.assertEqual(self.page.js(broken), 0)
        unnamed = "[...document.querySelectorAll('svg')].filter(one => one.getAttribute('role') !== 'img' || !one.querySelector('title')).length"
        self.assertGreater(self.page.js("document.querySelectorAll('svg').length"), 8)
        self.assertEqual(self.page.js(unnamed), 0)
        ids = self.page.js("[...document.querySelectorAll('[id]')].map(one => one.id)")
        self.assertEqual(len(ids), len(set(ids)))

    def test_a_click_on_a_number_gives_the_command_that_explains_it(self):
        # Of each part of the report a row, a cell and a mark.
        script = """(() => {
            const said = new Set(), line = document.querySelector('#lineage code');
            for (const part of document.querySelectorAll('.panel, .facts')) {
                for (const kind of ['tbody tr', 'td[data-column]', '.mark[data-where]', 'li[data-where]']) {
                    const mark = [...part.querySelectorAll(kind)].at(-1);
                    if (!mark) { continue; }
                    line.textContent = 'nothing';
                    mark.dispatchEvent(new MouseEvent('click', { bubbles: true }));
                    said.add(part.id + '|' + kind + '|' + line.textContent);
                }
            }
            return [...said]; })()"""
        said = [one.split("|") for one in self.page.js(script)]
        self.page.js("document.querySelector('#quality-1-1 tbody tr').dispatchEvent(new MouseEvent('click', { bubbles: true }))")
        self.assertTrue(self.page.shown("#lineage"))
        # What was given to the pipeline, and who did the work before, stands behind nothing.
        silent = {part for part, _, command in said if command == "nothing"}
        self.assertEqual(silent, {"models", "parameters", "references"})
        commands = sorted({command for _, _, command in said if command != "nothing"})
        self.assertGreater(len(commands), 30)
        for command in commands:
            words = shlex.split(command)
            self.assertEqual(words[:2], ["trapline", "explain"], command)
            end = self.project.run(*words[1:], "--limit", "1")
            self.assertEqual(end.returncode, 0, f"{command}\n{end.stderr}")
            self.assertIn("rows", end.stdout)
        # The number itself is found again.
        command = next(command for command in commands if "explain quality.classes" in command and "class=" in command)
        self.assertTrue(self.project.run(*shlex.split(command)[1:]).stdout.startswith("quality.classes: 1 of "), command)

    def test_each_table_is_a_file_with_all_digits(self):
        links = self.page.js("[...document.querySelectorAll('a[download]')].map(one => [one.download, one.href])")
        self.assertGreater(len(links), 10)
        for name, address in links:
            kind, text = address.split(",", 1)
            self.assertEqual(kind, "data:text/csv;charset=utf-8", name)
            rows = list(csv.reader(io.StringIO(urllib.parse.unquote(text))))
            self.assertEqual({len(row) for row in rows}, {len(rows[0])}, name)
        own = dict(links)["quality-1-1.csv"]
        rows = list(csv.DictReader(io.StringIO(urllib.parse.unquote(own.split(",", 1)[1]))))
        exported = self.project.folder / "published" / "quality.csv"
        with open(exported, encoding="utf-8", newline="") as file:
            expected = {(row["class"], row["precision"]) for row in csv.DictReader(file)}
        self.assertTrue({(row["class"], row["precision"]) for row in rows} <= expected)

    def test_on_paper_everything_is_open(self):
        folded = "[...document.querySelectorAll('details.panel')].filter(one => !one.open).length"
        self.page.js("dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(self.page.js(folded), 0)
        self.page.js("dispatchEvent(new Event('afterprint'))")
        self.assertGreater(self.page.js(folded), 0)


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    unittest.main(argv=[sys.argv[0], *sys.argv[6:]])
