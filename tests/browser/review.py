"""The review page in a real browser, against the real program: keys alone, two reviewers, a grid, blind, zoom, a folder that was sent.

usage: review.py TRAPLINE BROWSER DRIVER MADE PICTURES [unittest arguments]

MADE is a project as `trapline demo` leaves it, without its labels. Screenshots go to the folder PICTURES.
"""

import json
import pathlib
import sys
import time
import unittest

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys

from page import Page, Project, wait

TRAPLINE, BROWSER, DRIVER, MADE, PICTURES = [pathlib.Path(path) for path in sys.argv[1:6]]
KEYS = {"v": "vole", "l": "lemming", "e": "empty", "t": "stoat", "s": "shrew", "b": "bird", "w": "least_weasel", "q": "bad_quality"}


class Case(unittest.TestCase):
    def setUp(self):
        self.project = Project(TRAPLINE, MADE)
        self.addCleanup(self.project.remove)

    def served(self, step, *arguments):
        served = self.project.serve(step, *arguments)
        self.addCleanup(served.stop)
        return served

    def page(self, **looks):
        page = Page(str(BROWSER), str(DRIVER), **looks)
        self.addCleanup(page.__exit__)
        return page

    def opened(self, step, *arguments, reviewer="anna", **looks):
        page = self.page(**looks)
        page.open(self.served(step, *arguments).url, reviewer)
        return page

    def ask_about_everything(self):
        """The review that shows what the model says asks about every image."""
        self.project.edit("from: { images: accepted.to_review, known: qc_labels }", "from: predictions")

    def standing(self, step, reviewer):
        """Class by image, as the rows of the file leave it."""
        standing = {}
        for row in self.project.rows(step, reviewer):
            if row["class"]:
                standing[row["observation"]] = row["class"]
            else:
                standing.pop(row["observation"], None)
        return standing


class Keyboard(Case):
    def test_sixty_images_by_keyboard_alone_undone_and_loaded_again(self):
        page = self.opened("qc_labels")
        keys = list(KEYS)
        expected = {}
        for number in range(60):
            key = keys[number % len(keys)]
            image = page.image()
            expected[f"b3:{image}"] = KEYS[key]
            page.press(key)
            wait("the next image", lambda: page.image() != image and page.is_quiet())
        self.assertEqual(len(expected), 60)
        self.assertEqual(self.standing("qc_labels", "anna"), expected)
        rows = self.project.rows("qc_labels", "anna")
        self.assertTrue(all(row["shown"] == "blind" and row["pixels"].startswith("b3:") for row in rows))
        print("latency of 60 keys, ms:", json.dumps(page.js("Trapline.latency()")), file=sys.stderr)

        for _ in range(3):
            page.hold(Keys.CONTROL, "z")
        page.settle()
        for image in list(expected)[-3:]:
            del expected[image]
        self.assertEqual(self.standing("qc_labels", "anna"), expected)
        self.assertEqual(page.answered(), 57)

        page.driver.refresh()
        wait("the page again", lambda: page.image() and page.answered() == 57)
        # Without limit, and beyond what this page saw.
        for _ in range(57):
            page.hold(Keys.CONTROL, "z")
        page.settle()
        self.assertEqual(self.standing("qc_labels", "anna"), {})
        # Nothing was taken from the file: undoing adds.
        self.assertEqual(len(self.project.rows("qc_labels", "anna")), 120)
        self.assertEqual(page.complaints(), [])

    def test_keys_typed_faster_than_the_disk_are_kept_in_their_order(self):
        page = self.opened("qc_labels")
        page.press("vlevlevlevlevlevlev")
        page.settle()
        rows = [row["class"] for row in self.project.rows("qc_labels", "anna")]
        self.assertEqual(rows, [KEYS[key] for key in "vlevlevlevlevlevlev"])

    def test_marks_comments_unknown_and_the_last_label_again(self):
        page = self.opened("qc_labels")
        page.press("d")
        page.hold(Keys.SHIFT, "c")
        page.settle()
        self.assertEqual(page.find("#difficult").get_attribute("aria-pressed"), "true")
        page.press("v")
        page.settle()
        page.press("u")
        page.settle()
        page.hold(Keys.SHIFT, "n")
        page.press("behind the stone", Keys.ENTER)
        page.settle()
        page.press("s")
        page.settle()
        page.press("r")
        page.settle()
        said = [(row["class"], row["comment"]) for row in self.project.rows("qc_labels", "anna")]
        self.assertEqual(
            said, [("vole", "[difficult] [clock wrong]"), ("unknown", ""), ("shrew", "behind the stone"), ("shrew", "")]
        )

    def test_a_class_is_found_by_typing_and_a_new_one_added(self):
        page = self.opened("qc_labels")
        page.press("/")
        wait("the finder", lambda: page.shown("#finder"))
        page.press("wea", Keys.ENTER)
        wait("the finder is gone", lambda: not page.shown("#finder"))
        page.settle()
        page.press("/")
        wait("the finder", lambda: page.shown("#finder"))
        page.press("mink", Keys.ENTER)
        wait("two rows", lambda: len(self.project.rows("qc_labels", "anna")) == 2)
        self.assertEqual([row["class"] for row in self.project.rows("qc_labels", "anna")], ["least_weasel", "mink"])
        wait("a button for it", lambda: page.all("button[data-class=mink]"))
        # Declared, it counts.
        self.project.edit("      blind: true ", "      extra_classes: [mink]\n      blind: true ")
        self.assertEqual(self.project.json("labels", "status", "qc_labels")["answered"], 2)

    def test_first_last_a_number_a_name_an_address_and_redo(self):
        page = self.opened("qc_labels")
        total = page.js("Trapline.desk.queue.total")
        at = lambda: page.js("Trapline.desk.at") if page.is_quiet() else None
        page.press(Keys.END)
        wait("the last image", lambda: at() == total - 1)
        page.press(Keys.HOME)
        wait("the first image", lambda: at() == 0)

        def go(text):
            page.hold(Keys.CONTROL, "g")
            wait("the dialog", lambda: page.shown("#goto"))
            page.press(text, Keys.ENTER)

        go("8")
        wait("the eighth image", lambda: at() == 7)
        name = page.js("Trapline.desk.queue.item(20).then(item => item.file)")
        go(name.lower())
        wait("the image of that name", lambda: page.js("Trapline.desk.item.file") == name)
        go("no such image")
        wait("a word", lambda: "no such image" in page.text("#goto-note"))
        link = page.js("document.querySelector('#goto-link').value")
        image = page.image()
        page.press(Keys.ESCAPE)
        # The browser closes a dialog by itself, some time after the key.
        wait("the dialog closed", lambda: not page.shown("#goto"))
        page.press(Keys.HOME)
        wait("the first image", lambda: at() == 0)
        other = self.page()
        other.open(link, "ben")
        wait("the image of the address", lambda: other.image() == image)

        first = page.image()
        page.press("v")
        page.settle()
        page.press("l")
        page.settle()
        said = self.standing("qc_labels", "anna")
        for _ in range(2):
            page.hold(Keys.CONTROL, "z")
        page.settle()
        self.assertEqual(self.standing("qc_labels", "anna"), {})
        for _ in range(3):
            page.hold(Keys.CONTROL, "y")
        page.settle()
        self.assertEqual(self.standing("qc_labels", "anna"), said)
        self.assertEqual(said[f"b3:{first}"], "vole")
        self.assertIn("Nothing to do again", page.text("#status"))
        # A key that means nothing says so, and answers nothing.
        page.press("x")
        wait("a word", lambda: "key X" in page.text("#status"))
        self.assertEqual(self.standing("qc_labels", "anna"), said)

    def test_images_are_selected_and_gone_through(self):
        self.ask_about_everything()
        page = self.opened("corrected")
        for key in ("v", "d", "l"):
            page.press(key)
            page.settle()
        answered = page.js("Trapline.desk.source.select('anna', { state: 'mine' }).then(found => found.places)")
        self.assertEqual(len(answered), 2)

        def select(**fields):
            page.hold(Keys.SHIFT, "f")
            wait("the dialog", lambda: page.shown("#select"))
            for field, value in fields.items():
                page.js("document.querySelector(`#select-${arguments[0]}`)[typeof arguments[1] === 'boolean' ? 'checked' : 'value'] = arguments[1]", field, value)
            page.find("#select-form [type=submit]").click()
            wait("the selection", lambda: not page.shown("#select") and page.shown("#selected") and page.is_quiet())

        select(state="mine")
        self.assertIn("of 2 selected", page.text("#selected"))
        page.press(Keys.HOME)
        page.settle()
        self.assertEqual(page.js("Trapline.desk.at"), answered[0])
        page.press(Keys.ARROW_RIGHT)
        page.settle()
        self.assertEqual(page.js("Trapline.desk.at"), answered[1])
        select(state="", difficult=True)
        self.assertEqual(page.js("Trapline.desk.item.answer.class"), "lemming")
        # The third of the images of which the model is least sure.
        sure = page.js(
            "Trapline.desk.source.queue('anna', 0, 1000).then(part => part.items.map(item => item.predicted?.confidence).filter(Number))"
        )
        high = sorted(sure)[len(sure) // 3]
        select(difficult=False, low="0.01", high=str(high))
        places = page.js("Trapline.select.places")
        page.press(Keys.HOME)
        page.settle()
        for place in places[:3]:
            self.assertEqual(page.js("Trapline.desk.at"), place)
            self.assertTrue(0.01 <= page.js("Trapline.desk.item.predicted.confidence") <= high)
            page.press("s")
            page.settle()
        page.picture(PICTURES / "selected.png")
        page.find("#selected").click()
        wait("all images", lambda: not page.shown("#selected"))

    def test_an_event_is_answered_whole_and_a_second_species_in_it_is_said(self):
        # A review of every image, so that whole events are asked about.
        self.project.edit("    from: [qc_random, qc_strata]", "    from: [names]")
        page = self.opened("qc_labels")
        wait("frames", lambda: page.js("Trapline.desk.frames !== null"))
        while page.js("Trapline.desk.frames.event.length") < 2:
            image = page.image()
            page.hold(Keys.SHIFT, Keys.ARROW_RIGHT)
            wait("the next event", lambda: page.image() != image and page.js("Trapline.desk.frames !== null"))
        frames = page.js("Trapline.desk.frames.event.map(frame => frame.image)")
        self.assertEqual(len(page.all("#strip button[data-frame]")), len(frames))
        page.hold(Keys.SHIFT, "e")
        page.press("v")
        page.settle()
        self.assertEqual(self.standing("qc_labels", "anna"), {f"b3:{frame}": "vole" for frame in frames})
        page.hold(Keys.CONTROL, "z")
        page.settle()
        self.assertEqual(self.standing("qc_labels", "anna"), {})
        # One frame this, another that.
        page.hold(Keys.SHIFT, "e")
        page.press("v")
        page.settle()
        page.press("t")
        page.settle()
        wait("a warning", lambda: page.shown("#warning"))


class Seeing(Case):
    def test_a_zoom_stays_from_image_to_image_and_goes_to_the_pointer(self):
        page = self.opened("qc_labels")
        look = "getComputedStyle([...document.querySelectorAll('#view [data-image]')].at(-1)).transform"
        whole = page.js(look)
        origin = ScrollOrigin.from_element(page.find("#view"), -200, 100)
        ActionChains(page.driver, duration=0).scroll_from_origin(origin, 0, -300).perform()
        zoomed = wait("a zoom", lambda: page.js(look) if page.js(look) != whole else None)
        time.sleep(0.3)
        zoomed = page.js(look)
        numbers = [[float(number) for number in text[7:-1].split(",")] for text in (whole, zoomed)]
        self.assertGreater(numbers[1][0], numbers[0][0])
        # What was under the pointer is there still.
        box = page.js("(() => { const box = document.querySelector('#view').getBoundingClientRect(); return [box.width, box.height] })()")
        for at, offset in ((0, -200), (1, 100)):
            under = box[at] / 2 + offset
            before, after = [(under - matrix[4 + at]) / matrix[0] for matrix in numbers]
            self.assertAlmostEqual(before, after, delta=2)
        image = page.image()
        page.press("v")
        wait("the next image", lambda: page.image() != image and page.is_quiet())
        self.assertEqual(page.js(look), zoomed)
        page.press("0")
        wait("the whole image", lambda: page.js(look) == whole)

    def test_the_difference_to_the_image_before_shows_what_moved(self):
        page = self.opened("qc_labels")
        for _ in range(12):
            if page.js("Trapline.desk.frames?.previous ?? null"):
                break
            page.press(Keys.ARROW_RIGHT)
            page.settle()
        page.hold(Keys.SHIFT, "d")
        wait("a canvas", lambda: page.all("#view canvas[data-image]"))
        levels = page.js(
            """(() => { const canvas = [...document.querySelectorAll('#view canvas')].at(-1);
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            const seen = new Set(); for (let at = 0; at < data.length; at += 4) seen.add(data[at]); return seen.size; })()"""
        )
        self.assertGreater(levels, 3)
        page.picture(PICTURES / "difference.png")

    def test_every_look_fits_and_nothing_is_fetched_from_elsewhere(self):
        self.ask_about_everything()
        served = self.served("corrected")
        for name, looks in {
            "light": {},
            "dark": {"dark": True},
            "phone": {"width": 390, "height": 844},
            "phone_dark": {"width": 390, "height": 844, "dark": True},
        }.items():
            with self.subTest(name), Page(str(BROWSER), str(DRIVER), **looks) as page:
                page.open(served.url, "anna")
                page.settle()
                wait("the frames", lambda: page.js("[...document.querySelectorAll('#strip img')].every(one => one.complete)"))
                page.picture(PICTURES / f"review_{name}.png")
                self.assertLessEqual(page.js("document.documentElement.scrollWidth"), page.js("innerWidth"))
                page.find("#open-help").click()
                wait("help", lambda: page.shown("#help"))
                page.picture(PICTURES / f"help_{name}.png")
                page.press(Keys.ESCAPE)
                page.find("#open-progress").click()
                wait("progress", lambda: page.shown("#progress"))
                page.picture(PICTURES / f"progress_{name}.png")
                page.press(Keys.ESCAPE)
                page.find("#open-grid").click()
                wait("tiles", lambda: page.all("[data-tile] img"))
                page.settle()
                wait("tiles", lambda: page.js("[...document.querySelectorAll('[data-tile] img')].every(one => one.complete)"))
                page.picture(PICTURES / f"grid_{name}.png")
                self.assertLessEqual(page.js("document.documentElement.scrollWidth"), page.js("innerWidth"))
                self.assertEqual(page.complaints(), [])
                self.assertEqual({host.split(":")[0] for host in page.hosts()}, {"127.0.0.1"})

    def test_the_classes_stay_in_reach_in_a_low_window(self):
        self.ask_about_everything()
        served = self.served("corrected")
        # A window of 1280 x 800 at 200 %, and a phone on its side.
        for name, width, height in (("zoomed", 640, 400), ("landscape", 844, 390)):
            for dark in (False, True):
                with self.subTest(name, dark=dark), Page(str(BROWSER), str(DRIVER), width=width, height=height, dark=dark) as page:
                    page.open(served.url, "anna")
                    page.settle()
                    looks = "_dark" if dark else ""
                    page.picture(PICTURES / f"review_{name}{looks}.png")
                    self.assertLessEqual(page.js("document.documentElement.scrollWidth"), page.js("innerWidth"))
                    seen = """(one => { const box = one.getBoundingClientRect();
                        return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth; })"""
                    for button in page.js("[...document.querySelectorAll('#classes .class')].map(one => one.dataset.class)"):
                        page.js("document.querySelector(`#classes [data-class=${arguments[0]}]`).scrollIntoView({ block: 'nearest' })", button)
                        self.assertTrue(page.js(f"{seen}(document.querySelector(`#classes [data-class=${{arguments[0]}}]`))", button), button)
                        # The picture stays beside it.
                        self.assertTrue(page.js(f"{seen}(document.querySelector('#stage'))"), button)
                    self.assertGreater(page.js("document.querySelector('#stage').clientHeight"), height / 3)
                    page.find("#open-grid").click()
                    wait("tiles", lambda: page.all("[data-tile].seen"))
                    self.assertTrue(page.js(f"{seen}(document.querySelector('#grid-accept'))"))
                    page.picture(PICTURES / f"grid_{name}{looks}.png")

    def test_everything_has_a_name_for_who_does_not_see_it(self):
        self.ask_about_everything()
        page = self.opened("corrected")
        page.settle()
        page.driver.execute_cdp_cmd("Accessibility.enable", {})
        tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles = ("button", "textbox", "combobox", "slider", "radio", "image", "img", "progressbar")
        nameless = [
            node
            for node in tree
            if not node.get("ignored") and node["role"]["value"] in roles and not node.get("name", {}).get("value", "").strip()
        ]
        self.assertEqual(nameless, [])
        self.assertEqual(page.js("document.documentElement.lang"), "en")

    def test_it_speaks_norwegian(self):
        page = self.opened("qc_labels", "--language", "nb")
        self.assertEqual(page.js("document.documentElement.lang"), "nb")
        self.assertIn("Vanskelig", page.text("#difficult"))


class Blind(Case):
    def test_nothing_that_the_server_sends_tells_what_the_model_said(self):
        page = self.opened("qc_labels")
        page.press("vle")
        page.settle()
        page.find("#open-progress").click()
        wait("progress", lambda: page.shown("#progress"))
        page.press(Keys.ESCAPE)
        page.find("#open-grid").click()
        wait("tiles", lambda: page.all("[data-tile]"))
        replies = [(url, body) for url, body in page.replies() if "/api/" in url]
        kinds = {url.split("/api/")[1].split("?")[0].split("/")[0] for url, _ in replies}
        self.assertLessEqual({"session", "queue", "frames", "answers", "progress"}, kinds)
        for url, body in replies:
            for word in ('"predicted"', "confidence", "demo_mammals", "stratum"):
                self.assertFalse(word in body, f"{word} in {url}")
        self.assertFalse(page.shown("#accept"))

    def test_the_models_label_is_shown_and_accepted_where_the_review_is_not_blind(self):
        self.ask_about_everything()
        page = self.opened("corrected")
        predicted = page.js("Trapline.desk.item.predicted.class")
        page.press(Keys.ENTER)
        page.settle()
        [row] = self.project.rows("corrected", "anna")
        self.assertEqual((row["class"], row["shown"]), (predicted, "model"))
        self.assertTrue(any('"predicted"' in body for url, body in page.replies() if "/api/queue" in url))


class Together(Case):
    def look_at_all(self, page):
        """Scrolls until every tile of the grid was shown."""
        def all_seen():
            page.js("document.querySelector('.tile:not(.seen):not(.damaged)')?.scrollIntoView({ block: 'nearest' })")
            return not page.all(".tile:not(.seen):not(.damaged)")
        wait("all tiles were shown", all_seen)

    def blocked(self, page, *addresses):
        page.driver.execute_cdp_cmd("Network.enable", {})
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": list(addresses)})

    def test_a_grid_answers_only_what_was_shown(self):
        self.ask_about_everything()
        page = self.opened("corrected", width=1000, height=560)
        page.settle()
        # The server's disk is gone, or the network: tiles stay black.
        self.blocked(page, "*/api/image/*width=*")
        page.find("#open-grid").click()
        wait("tiles", lambda: len(page.all("[data-tile]")) > 20)
        wait("tiles that did not load", lambda: page.all(".tile.absent"))
        page.settle()
        self.assertFalse(page.find("#grid-accept").is_enabled())
        page.press("v", Keys.ENTER)
        page.settle()
        self.assertEqual(self.standing("corrected", "anna"), {})
        self.assertIn("None of these was shown", page.text("#grid-status"))
        # They come back by themselves; those below the edge of the window were still not shown.
        self.blocked(page)
        wait("the tiles in view", lambda: page.all(".tile.seen"))
        wait("no more tiles arrive", lambda: page.js("[...document.querySelectorAll('.tile')].every(one => one.matches('.loaded, .damaged'))"))
        inside = """[...document.querySelectorAll('.tile')].filter(one => { const box = one.getBoundingClientRect(), all = document.querySelector('#tiles').getBoundingClientRect();
            return (box.top + box.bottom) / 2 >= all.top && (box.top + box.bottom) / 2 <= all.bottom && !one.matches('.damaged'); }).map(one => one.dataset.tile)"""
        wait("all in view count", lambda: page.js(f"{inside}.length === document.querySelectorAll('.tile.seen').length"))
        in_view, tiles = page.js(inside), [tile.get_attribute("data-tile") for tile in page.all("[data-tile]")]
        self.assertLess(len(in_view), len(tiles))
        self.assertIn(f"Accept {len(in_view)} as", page.text("#grid-accept"))
        self.assertIn("not shown yet", page.text("#grid-hint"))
        page.picture(PICTURES / "grid_part.png")
        page.press(Keys.ENTER)
        page.settle()
        self.assertEqual(set(self.standing("corrected", "anna")), {f"b3:{tile}" for tile in in_view})
        # What was not shown comes next.
        wait("the others", lambda: page.all("[data-tile]")[0].get_attribute("data-tile") not in in_view)
        self.assertEqual(page.all("[data-tile]")[0].get_attribute("data-tile"), next(tile for tile in tiles if tile not in in_view))

    def test_a_damaged_file_is_said_to_be_damaged_in_every_view(self):
        self.ask_about_everything()
        page = self.opened("corrected")
        damaged = page.js(
            "Trapline.desk.queue.find(0, 1, item => false).then(async () => { for (let at = 0; at < Trapline.desk.queue.total; at += 1) {"
            " const item = await Trapline.desk.queue.item(at); const reply = await fetch(`/api/image/${item.image}`,"
            " { headers: { Authorization: `Bearer ${Trapline.desk.source.token}` } });"
            " if (reply.headers.get('trapline-damage')) return item.at; } return null; })"
        )
        self.assertIsNotNone(damaged, "the demo has a file that is cut off")
        page.js("Trapline.desk.goTo(() => arguments[0])", damaged)
        wait("the image", lambda: page.js("Trapline.desk.at") == damaged and page.is_quiet())
        wait("the note", lambda: "damaged" in page.text("#stage-note"))
        wait("the strip", lambda: page.all("#strip .damaged"))
        page.find("#open-grid").click()
        page.js("(document.querySelector('#grid-group').value = 'event', document.querySelector('#grid-group').dispatchEvent(new Event('change')))")
        wait("its tile", lambda: page.all(".tile.damaged"))
        page.settle()
        image = page.find(".tile.damaged").get_attribute("data-tile")
        page.press("v")
        page.settle()
        self.assertNotIn(f"b3:{image}", self.standing("corrected", "anna"))
        page.picture(PICTURES / "damaged.png")

    def test_a_picture_that_failed_comes_back_by_itself(self):
        page = self.opened("qc_labels")
        page.settle()
        self.blocked(page, "*/api/image/*")
        page.js("Trapline.desk.pictures.want([])")
        at = page.js("Trapline.desk.at")
        page.js("Trapline.desk.goTo(() => arguments[0])", at + 40)
        wait("a note", lambda: page.shown("#stage-note") and not page.image())
        page.press("v")
        page.settle()
        self.assertEqual(self.standing("qc_labels", "anna"), {})
        self.blocked(page)
        wait("the picture", page.image)
        image = page.image()
        wait("it may be answered", lambda: page.js("Trapline.desk.isSeen"))
        page.press("v")
        page.settle()
        self.assertEqual(self.standing("qc_labels", "anna"), {f"b3:{image}": "vole"})
    def test_a_grid_accepts_all_but_those_left_out_in_one_batch(self):
        self.ask_about_everything()
        page = self.opened("corrected")
        page.find("#open-grid").click()
        wait("tiles", lambda: len(page.all("[data-tile]")) > 1)
        page.settle()
        tiles = [tile.get_attribute("data-tile") for tile in page.all("[data-tile]")]
        self.look_at_all(page)
        out = page.all("[data-tile]")[1]
        out.click()
        self.assertEqual(out.get_attribute("aria-pressed"), "true")
        name = page.js("Trapline.grid.group").removeprefix("class:")
        self.assertIn(str(len(tiles) - 1), page.text("#grid-accept"))
        page.find("#grid-accept").click()
        page.settle()
        standing = self.standing("corrected", "anna")
        self.assertEqual(set(standing), {f"b3:{tile}" for at, tile in enumerate(tiles) if at != 1})
        self.assertEqual(set(standing.values()), {name})

    def test_two_reviewers_disagree_and_a_third_decides(self):
        self.project.edit("      blind: true ", "      reviewers_per_image: 2\n      blind: true ")
        served = self.served("qc_labels")
        pages = {name: self.page() for name in ("anna", "ben")}
        seen = {}
        for name, page in pages.items():
            page.open(served.url, name)
        # Each has an own queue; the first three images of anna's are answered by both, the first one differently.
        for number in range(3):
            seen[pages["anna"].image()] = "vole"
            image = pages["anna"].image()
            pages["anna"].press("v")
            wait("the next image", lambda: pages["anna"].image() != image and pages["anna"].is_quiet())
        ben = pages["ben"]
        for number, image in enumerate(seen):
            place = ben.js("Trapline.desk.source.queue('ben', 0, 1000).then(part => part.items.find(item => item.image === arguments[0]).at)", image)
            ben.js("Trapline.desk.queue.item(arguments[0]).then(item => Trapline.desk.show(item))", place)
            wait("the image", lambda: ben.image() == image)
            if number == 0:
                ben.hold(Keys.SHIFT, "n")
                ben.press("behind the stone", Keys.ENTER)
                ben.settle()
            ben.press("t" if number == 0 else "v")
            ben.settle()
        served.stop()
        status = self.project.json("labels", "status", "qc_labels")
        self.assertEqual(status["answered"], 2)
        self.assertEqual(status["missing_by_status"].get("disagreement"), 1)
        carla = self.opened("qc_labels", "--adjudicate", reviewer="carla")
        self.assertEqual(carla.image(), next(iter(seen)))
        for word in ("anna", "ben", "Vole", "Stoat", "behind the stone"):
            wait(f"{word} beside the image", lambda: word in carla.text("#side"))
        carla.picture(PICTURES / "deciding.png")
        # One key decides as one of them said.
        carla.press("2")
        wait("the end", lambda: carla.shown("#end"))
        self.assertEqual(self.project.json("labels", "status", "qc_labels")["answered"], 3)
        self.assertEqual([row["class"] for row in self.project.rows("qc_labels", "carla")], ["stoat"])

    def test_what_another_tab_or_an_editor_says_arrives(self):
        served = self.served("qc_labels")
        one, other = self.page(), self.page()
        one.open(served.url, "anna")
        other.open(served.url, "anna")
        one.press("v")
        one.settle()
        wait("the other tab knows", lambda: other.answered() == 1)
        path = self.project.folder / "labels" / "quality_check" / "anna.csv"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(",vole,", ",stoat,"), encoding="utf-8")
        wait("the edited class", lambda: one.js("Trapline.desk.queue.peek(0)?.answer?.class") == "stoat")
        one.press("l")
        one.settle()
        rows = self.project.rows("qc_labels", "anna")
        self.assertEqual([row["class"] for row in rows], ["stoat", "lemming"])

    def test_after_the_last_label_the_page_says_what_goes_on(self):
        # One image is left, a file that was cut off: that can be seen, and said.
        page = self.page()
        page.driver.get(self.served("corrected", "--reviewer", "anna").url)
        wait("the image", lambda: page.image() and page.is_quiet())
        page.press("q")
        wait("the end", lambda: page.shown("#end"))
        self.assertIn("trapline run", page.text("#end"))
        page.picture(PICTURES / "end.png")
        self.assertEqual(self.project.json("labels", "status", "corrected")["missing"], 0)

    def test_an_answer_that_cannot_be_saved_stays_on_the_screen_until_it_can(self):
        page = self.page()
        served = self.served("qc_labels")
        page.open(served.url, "anna")
        image = page.image()
        page.driver.execute_cdp_cmd("Network.enable", {})
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/api/answers*"]})
        page.press("v")
        wait("trouble", lambda: page.shown("#trouble"))
        self.assertEqual(page.image(), image)
        # It says which answer it is, of which image.
        for word in ("Vole", "image 1 ", page.js("Trapline.desk.item.file")):
            self.assertIn(word, page.text("#trouble"))
        # Another key asks, and a third one is not taken for an answer to that.
        wait("the answer is asked about", lambda: page.js("Trapline.trouble.open !== null"))
        page.press("l")
        wait("a question", lambda: page.shown("#replace"))
        self.assertIn("Lemming", page.text("#trouble"))
        page.press("t")
        self.assertIn("Stoat", page.text("#trouble"))
        page.picture(PICTURES / "pending.png")
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        page.find("#retry").click()
        wait("the next image", lambda: page.image() != image)
        page.settle()
        self.assertEqual(self.standing("qc_labels", "anna"), {f"b3:{image}": "vole"})
        self.assertFalse(page.shown("#trouble"))

    def test_an_answer_is_replaced_only_when_that_is_asked_for_twice(self):
        page = self.opened("qc_labels")
        image = page.image()
        self.blocked(page, "*/api/answers*")
        page.press("v")
        wait("trouble", lambda: page.js("Trapline.trouble.open !== null"))
        page.press("l")
        wait("a question", lambda: page.shown("#replace"))
        page.press("l")
        wait("the other answer", lambda: "Lemming for image 1" in page.text("#trouble"))
        self.blocked(page)
        wait("it is saved by itself", lambda: page.image() != image)
        page.settle()
        self.assertEqual(self.standing("qc_labels", "anna"), {f"b3:{image}": "lemming"})
        # Left unanswered, nothing of it comes back.
        image = page.image()
        self.blocked(page, "*/api/answers*")
        page.press("v")
        wait("trouble", lambda: page.js("Trapline.trouble.open !== null"))
        page.press(Keys.ESCAPE)
        page.settle()
        self.blocked(page)
        page.driver.refresh()
        wait("the page again", lambda: page.image() and page.is_quiet())
        self.assertEqual(len(self.standing("qc_labels", "anna")), 1)

    def test_an_answer_that_is_not_saved_survives_a_reload_a_restart_and_a_new_address(self):
        page = self.page()
        served = self.served("qc_labels")
        page.open(served.url, "anna")
        expected = {}
        # A reload.
        image = page.image()
        self.blocked(page, "*/api/answers*")
        page.press("v")
        wait("trouble", lambda: page.js("Trapline.trouble.open !== null"))
        self.blocked(page)
        page.driver.refresh()
        wait("it is saved", lambda: self.standing("qc_labels", "anna") == {f"b3:{image}": "vole"})
        expected[f"b3:{image}"] = "vole"
        wait("the next image", lambda: page.image() not in (None, image) and page.is_quiet())
        # The server dies and is started again where it was: the page goes on without a hand.
        image = page.image()
        served.stop()
        page.press("l")
        wait("trouble", lambda: page.js("Trapline.trouble.open !== null"))
        port = served.url.split(":")[2].split("/")[0]
        again = self.project.serve("qc_labels", port=port)
        self.addCleanup(again.stop)
        self.assertEqual(again.url, served.url)
        expected[f"b3:{image}"] = "lemming"
        wait("it is saved", lambda: self.standing("qc_labels", "anna") == expected)
        wait("the next image", lambda: page.image() not in (None, image) and page.is_quiet())
        # It dies again, and another one has another address and another token.
        image = page.image()
        again.stop()
        page.press("e")
        wait("trouble", lambda: page.js("Trapline.trouble.open !== null"))
        other = self.served("qc_labels", "--new-token")
        self.assertNotEqual(other.url.split("#")[0], served.url.split("#")[0])
        page.find("#moved-to").send_keys(other.url, Keys.ENTER)
        wait("the page asks for a name", lambda: page.shown("#reviewer"))
        self.assertEqual(page.js("document.querySelector('#reviewer-name').value"), "anna")
        page.press(Keys.ENTER)
        expected[f"b3:{image}"] = "empty"
        wait("it is saved", lambda: self.standing("qc_labels", "anna") == expected)
        page.settle()
        self.assertEqual(len(self.project.rows("qc_labels", "anna")), 3)
        self.assertEqual(page.js("Object.keys(localStorage).filter(key => key.includes('pending'))"), [])
        self.assertNotIn("pending", page.js("location.hash"))

    def test_without_its_token_the_page_says_where_to_get_it(self):
        page = self.page()
        page.driver.get(self.served("qc_labels").url.split("#")[0])
        wait("the gate", lambda: page.shown("#gate"))
        self.assertIn("trapline review", page.text("#gate"))


class Sent(Case):
    def test_a_folder_that_was_sent_is_answered_and_read_back(self):
        sent = self.project.folder.parent / "for ben"
        ran = self.project.run("review", "qc_labels", "--reviewer", "ben", "--export", str(sent))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        downloads = self.project.folder.parent / "downloads"
        downloads.mkdir()
        page = self.page(downloads=downloads)
        page.open((sent / "review.html").as_uri())
        expected = {}
        for key in "vlt":
            image = page.image()
            expected[f"b3:{image}"] = KEYS[key]
            page.press(key)
            wait("the next image", lambda: page.image() != image and page.is_quiet())
        # The last one was wrong.
        page.hold(Keys.CONTROL, "z")
        page.settle()
        expected.popitem()
        page.driver.refresh()
        wait("the page again", lambda: page.image() and page.answered() == 2)
        page.find("#save").click()
        [file] = wait("the CSV", lambda: [path for path in downloads.iterdir() if path.suffix == ".csv"])
        added = self.project.run("labels", "add", "qc_labels", "--reviewer", "ben", str(file))
        self.assertEqual(added.returncode, 0, added.stderr)
        self.assertEqual(self.standing("qc_labels", "ben"), expected)
        self.assertEqual({row["shown"] for row in self.project.rows("qc_labels", "ben")}, {"blind"})
        self.assertEqual(page.complaints(), [])
        page.picture(PICTURES / "sent.png")


class Speed(Case):
    def test_a_hundred_labels_by_script(self):
        page = self.opened("qc_labels")
        began = time.monotonic()
        for number in range(100):
            image = page.image()
            page.press("vlet"[number % 4])
            wait("the next image", lambda: page.image() != image and page.is_quiet())
        took = time.monotonic() - began
        self.assertEqual(len(self.standing("qc_labels", "anna")), 100)
        print(f"100 labels by script: {took:.1f} s; key to next picture, ms: {json.dumps(page.js('Trapline.latency()'))}", file=sys.stderr)


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    unittest.main(argv=[sys.argv[0], *sys.argv[6:]])
