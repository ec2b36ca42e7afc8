"""A project, its review page, and a browser that a script presses keys in."""

import csv
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

# What keeps a browser from asking anything of a network, and lets it run as whoever runs the tests.
QUIET = """--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-dev-shm-usage --force-device-scale-factor=1""".split()

PATIENCE_S = 60


def wait(what, until):
    """Waits until `until()` is true, and gives what it gave."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = until()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_S} s in vain: {what}")


class Project:
    """A copy of the demo after its first run, with every label taken away."""

    def __init__(self, trapline, made):
        self.trapline = str(trapline)
        self.folder = pathlib.Path(tempfile.mkdtemp()) / "project"
        shutil.copytree(made, self.folder, symlinks=True)

    def edit(self, old, new):
        path = self.folder / "pipeline.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def run(self, *arguments):
        return subprocess.run([self.trapline, *arguments], cwd=self.folder, capture_output=True, text=True)

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--format", "json").stdout)

    def serve(self, step, *arguments, port=0):
        return Served(self, step, arguments, port)

    def rows(self, step, reviewer):
        """The rows of a reviewer's label file, in the order in which they were written."""
        folder = {"qc_labels": "quality_check", "corrected": "corrected"}[step]
        path = self.folder / "labels" / folder / f"{reviewer}.csv"
        if not path.exists():
            return []
        with open(path, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def remove(self):
        shutil.rmtree(self.folder.parent)


class Served:
    """A running `trapline review`."""

    def __init__(self, project, step, arguments, port=0):
        command = [project.trapline, "review", step, "--port", str(port), "--format", "json", *arguments]
        self.process = subprocess.Popen(
            command, cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
        )
        text = ""
        while not text.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            assert line, f"the page was not served: {command}"
            text += line
        self.url = json.loads(text)["url"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Page:
    """A browser with the page open."""

    def __init__(self, browser, driver, width=1280, height=800, dark=False, downloads=None):
        self.profile = tempfile.mkdtemp()
        options = Options()
        options.binary_location = browser
        for word in [*QUIET, f"--user-data-dir={self.profile}", f"--window-size={width},{height}"]:
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        if downloads:
            options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.see(width, height, dark)

    def see(self, width, height, dark=False):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, url, reviewer=None):
        self.driver.get(url)
        if reviewer:
            wait("the page asks for a name", lambda: self.shown("#reviewer"))
            self.find("#reviewer-name").send_keys(reviewer, Keys.ENTER)
        wait("the first image", lambda: self.image())

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def shown(self, selector):
        return self.js("[...document.querySelectorAll(arguments[0])].some(one => one.checkVisibility())", selector)

    def text(self, selector):
        """The text as a person sees it, in one breath: the page may redraw at any moment."""
        return self.js("document.querySelector(arguments[0]).innerText", selector)

    def js(self, script, *arguments):
        return self.driver.execute_script(f"return {script}", *arguments)

    def image(self):
        """The identity of the picture on the stage."""
        return self.js("[...document.querySelectorAll('#view [data-image]')].at(-1)?.dataset.image")

    def press(self, *keys):
        """Presses keys as a person at the keyboard does, wherever the focus is."""
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def hold(self, modifier, key):
        ActionChains(self.driver, duration=0).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def is_quiet(self):
        """Says whether every key that was pressed has been dealt with."""
        return not self.js("Trapline.desk.isBusy()")

    def settle(self):
        wait("all keys are dealt with", self.is_quiet)

    def answered(self):
        return self.js("Trapline.desk.counts.mine")

    def complaints(self):
        """What the browser itself complained of."""
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def replies(self):
        """Address and text of everything that the server sent, pictures aside."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] != "Network.responseReceived":
                continue
            reply = message["params"]["response"]
            if reply["mimeType"].startswith("image/") or not reply["url"].startswith("http"):
                continue
            try:
                body = self.driver.execute_cdp_cmd("Network.getResponseBody", {"requestId": message["params"]["requestId"]})["body"]
            except Exception:
                body = ""
            found.append((reply["url"], json.dumps(reply["headers"]) + body))
        return found

    def hosts(self):
        """Every host that the page asked anything of."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                # What the browser shows before it is told where to go is its own.
                if url.startswith(("http:", "https:", "ws:", "wss:")):
                    found.add(url.split("/")[2])
        return found

    def picture(self, path):
        self.driver.save_screenshot(str(path))
