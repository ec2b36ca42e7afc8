//! The review page: a document, its script and its style sheet, all within the program. Sources in `page/`.

/// The document.
pub const DOCUMENT: &str = include_str!("page/index.html");

/// All scripts and languages, in the order of `order.txt`, in which they build on each other.
pub const SCRIPT: &str = concat!(
    include_str!("page/base.js"),
    "Trapline.languages[\"en\"] = ",
    include_str!("page/lang/en.json"),
    ";\n",
    "Trapline.languages[\"nb\"] = ",
    include_str!("page/lang/nb.json"),
    ";\n",
    include_str!("page/words.js"),
    include_str!("page/server.js"),
    include_str!("page/file.js"),
    include_str!("page/queue.js"),
    include_str!("page/pictures.js"),
    include_str!("page/stage.js"),
    include_str!("page/seeing.js"),
    include_str!("page/trouble.js"),
    include_str!("page/undo.js"),
    include_str!("page/desk.js"),
    include_str!("page/strip.js"),
    include_str!("page/classes.js"),
    include_str!("page/facts.js"),
    include_str!("page/finder.js"),
    include_str!("page/grid.js"),
    include_str!("page/progress.js"),
    include_str!("page/frame.js"),
    include_str!("page/keys.js"),
    include_str!("page/main.js"),
);

/// The style sheet.
pub const STYLE: &str = include_str!("page/style.css");

/// The languages that the page speaks, by their codes.
pub const LANGUAGES: [(&str, &str); 2] = [("en", include_str!("page/lang/en.json")), ("nb", include_str!("page/lang/nb.json"))];

/// Where the document names its style sheet.
pub const STYLE_PLACE: &str = "<link rel=\"stylesheet\" href=\"style.css\">";
/// Where the document names its script.
pub const SCRIPT_PLACE: &str = "<script src=\"app.js\" defer></script>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_holds_every_file_of_the_page_in_its_order() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/review/page");
        assert!(DOCUMENT.contains(STYLE_PLACE) && DOCUMENT.contains(SCRIPT_PLACE) && DOCUMENT.contains("</body>"));
        let mut before = 0;
        for name in std::fs::read_to_string(folder.join("order.txt")).unwrap().lines() {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            let at = SCRIPT.find(&text).unwrap_or_else(|| panic!("{name} is not in the script"));
            assert!(at >= before, "{name} comes too early");
            before = at;
        }
        let scripts = std::fs::read_dir(&folder)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "js"));
        let listed = std::fs::read_to_string(folder.join("order.txt")).unwrap();
        assert_eq!(scripts.count(), listed.lines().filter(|name| name.ends_with(".js")).count());
    }

    #[test]
    fn the_languages_say_the_same_things_with_the_same_places() {
        let words = LANGUAGES.map(|(_, text)| serde_json::from_str::<std::collections::BTreeMap<String, String>>(text).unwrap());
        let places = |text: &str| {
            text.split('{')
                .skip(1)
                .filter_map(|part| part.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .collect::<std::collections::BTreeSet<_>>()
        };
        let [english, others @ ..] = &words;
        for other in others {
            assert_eq!(english.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
            for (key, text) in english {
                assert_eq!(places(text), places(&other[key]), "{key}");
            }
        }
    }
}
