//! The review page: what the browser gets, as texts inside the binary. No build step: the scripts are joined as they stand.

/// The page itself.
pub const HTML: &str = include_str!("index.html");
/// Its style sheet.
pub const STYLE: &str = include_str!("style.css");
/// Its scripts in the order of `order.txt`, with the texts of each language before the script that reads them.
pub const SCRIPT: &str = concat!(
    include_str!("base.js"),
    "Trapline.languages[\"en\"] = ",
    include_str!("lang/en.json"),
    ";\nTrapline.languages[\"nb\"] = ",
    include_str!("lang/nb.json"),
    ";\n",
    include_str!("words.js"),
    include_str!("server.js"),
    include_str!("file.js"),
    include_str!("queue.js"),
    include_str!("pictures.js"),
    include_str!("stage.js"),
    include_str!("seeing.js"),
    include_str!("trouble.js"),
    include_str!("undo.js"),
    include_str!("pending.js"),
    include_str!("desk.js"),
    include_str!("show.js"),
    include_str!("saving.js"),
    include_str!("select.js"),
    include_str!("strip.js"),
    include_str!("classes.js"),
    include_str!("facts.js"),
    include_str!("finder.js"),
    include_str!("goto.js"),
    include_str!("grid.js"),
    include_str!("progress.js"),
    include_str!("frame.js"),
    include_str!("keys.js"),
    include_str!("main.js"),
);

/// The languages that the page speaks.
pub const LANGUAGES: [&str; 2] = ["en", "nb"];

/// What lets the page run from a disk, and reach nothing else.
const POLICY: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; \
                      style-src 'unsafe-inline'; img-src 'self' file: data: blob:\">";
const STYLE_LINK: &str = "<link rel=\"stylesheet\" href=\"style.css\">";
const SCRIPT_LINK: &str = "<script src=\"app.js\" defer></script>\n";

/// The page as one file that needs no server: style, script and `data` (JSON) inline.
#[must_use]
pub fn standalone(data: &str) -> String {
    // JSON has `<` in strings only, where the escape means the same: no text of a user ends the element.
    let data = data.replace('<', "\\u003c");
    let tail =
        format!("<script type=\"application/json\" id=\"trapline-data\">{data}</script>\n<script>\n{SCRIPT}</script>\n</body>");
    let style = format!("{POLICY}\n<style>\n{STYLE}</style>");
    HTML.replacen(STYLE_LINK, &style, 1).replacen(SCRIPT_LINK, "", 1).replacen("</body>", &tail, 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Texts = BTreeMap<String, String>;

    fn texts(json: &str) -> Texts {
        serde_json::from_str(json).unwrap()
    }

    /// The words in braces, which the page fills in, and whether there is a form for one and one for many.
    fn places(text: &str) -> (Vec<&str>, bool) {
        let form = text.rsplit(" || ").next().unwrap_or(text);
        let mut places: Vec<&str> = form.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect();
        places.sort_unstable();
        (places, text.contains(" || "))
    }

    #[test]
    fn each_language_says_everything() {
        let english = texts(include_str!("lang/en.json"));
        let norwegian = texts(include_str!("lang/nb.json"));
        assert_eq!(english.keys().collect::<Vec<_>>(), norwegian.keys().collect::<Vec<_>>());
        for (key, text) in &english {
            assert!(!text.is_empty() && !norwegian[key].is_empty(), "{key} says nothing");
            assert_eq!(places(text), places(&norwegian[key]), "{key} has other places");
        }
    }

    fn is_key(text: &str) -> bool {
        text.starts_with(char::is_alphabetic)
            && text.contains('.')
            && text.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c))
    }

    #[test]
    fn every_text_of_the_page_is_known() {
        let english = texts(include_str!("lang/en.json"));
        let marked = ["data-t=\"", "data-t-label=\""].into_iter().flat_map(|mark| HTML.split(mark).skip(1));
        let called = SCRIPT.split("t(\"").skip(1).filter(|rest| rest.contains("\")") || rest.contains("\","));
        let mut seen = 0;
        for key in marked.filter_map(|rest| Some(rest.split_once('"')?.0)) {
            assert!(english.contains_key(key), "`{key}` has no text");
            seen += 1;
        }
        for key in called.filter_map(|rest| Some(rest.split_once('"')?.0)).filter(|key| is_key(key)) {
            assert!(english.contains_key(key), "`{key}` has no text");
            seen += 1;
        }
        assert!(seen > 100, "only {seen} texts found: the test looks for the wrong marks");
    }

    #[test]
    fn the_scripts_stand_in_the_order_that_is_written_down() {
        let mut from = 0;
        for line in include_str!("order.txt").lines().filter(|line| !line.starts_with("lang/")) {
            let first = std::fs::read_to_string(format!("{}/src/review/page/{line}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            from += SCRIPT[from..].find(&first).unwrap_or_else(|| panic!("{line} is missing or in another place")) + first.len();
        }
        assert!(SCRIPT[from..].is_empty(), "something follows the last script");
    }

    #[test]
    fn nothing_needs_what_the_content_policy_forbids() {
        assert!(!HTML.contains(" style=") && !HTML.contains(" onclick=") && !HTML.contains("<style"));
        assert_eq!(HTML.matches("<script").count(), 1);
        for forbidden in ["http://", "https://", "eval(", "innerHTML", "</script"] {
            let found = SCRIPT.replace("http://www.w3.org/2000/svg", "").contains(forbidden);
            assert!(!found, "the script contains `{forbidden}`");
        }
    }

    #[test]
    fn a_file_of_its_own_holds_everything_and_no_text_ends_it() {
        let page = standalone(r#"{"items":[{"file":"</script><b>"}]}"#);
        assert!(page.contains(r#"{"items":[{"file":"\u003c/script>\u003cb>"}]}"#));
        assert!(page.contains("Content-Security-Policy"));
        assert!(!page.contains(STYLE_LINK) && !page.contains("app.js\" defer"));
        assert_eq!(page.matches("</script>").count(), 2);
    }
}
