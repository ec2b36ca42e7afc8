//! Places, mistakes and budgets.

use super::*;
use crate::diagnostic::{Sources, plain};
use std::fmt::Write as _;
use std::path::Path;

fn run(text: &str) -> (Option<Document>, String) {
    let mut sources = Sources::default();
    let file = sources.add(Path::new("p.yaml"), text);
    let mut report = Report::default();
    let document = read(file, text, &mut report);
    (document, report.sorted().iter().map(|d| plain(&sources, d)).collect())
}

fn findings(text: &str) -> String {
    run(text).1
}

fn slices<'a>(node: &Node, text: &'a str, out: &mut Vec<&'a str>) {
    out.push(&text[node.span.start as usize..node.span.end as usize]);
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| slices(item, text, out)),
        Value::Map(entries) => {
            for entry in entries {
                out.push(&text[entry.key.span.start as usize..entry.key.span.end as usize]);
                slices(&entry.value, text, out);
            }
        }
        _ => {}
    }
}

#[test]
fn every_value_knows_its_place() {
    let text = "a: 1 # one\nb:\n  - x y\n  - \"q\"\nc: {d: [1, 2]}\ne:\n";
    let (document, findings) = run(text);
    assert_eq!(findings, "");
    let mut out = Vec::new();
    slices(&document.unwrap().root, text, &mut out);
    assert_eq!(
        out[1..],
        ["a", "1", "b", "- x y\n  - \"q\"", "x y", "\"q\"", "c", "{d: [1, 2]}", "d", "[1, 2]", "1", "2", "e", ""]
    );
    assert!(out[0].starts_with("a: 1"));
}

#[test]
fn byte_order_mark_and_crlf_are_fine() {
    let (document, findings) = run("\u{feff}a: 1\r\nb: x\r\n");
    assert_eq!(findings, "");
    let root = document.unwrap().root;
    assert_eq!(root.get("b").unwrap().text(), Some("x"));
}

#[test]
fn mistakes_are_said_with_their_place() {
    insta::assert_snapshot!(findings("a: 1\nb: 2\na: 3\n<<: {x: 1}\n? [1]\n: 2\nc: {{ params.x }}\nd: *nope\ne: !foo 1\nf: .inf"), @r#"
    TL0111 p.yaml:3:1-3:2 error: the key `a` is given twice
      at p.yaml:1:1-1:2: first given here
      help: remove one of the two
    TL0113 p.yaml:4:1-4:3 error: the merge key `<<` is not part of YAML 1.2
      help: repeat the keys, or share steps with `for_each:` or `include:`
    TL0112 p.yaml:5:3-5:6 error: a list cannot be a key
      help: a key is a text or a number
    TL0112 p.yaml:7:5-7:17 error: a mapping cannot be a key
      help: if this is a template, put it in quotes: `"{{ ... }}"`
    TL0110 p.yaml:8:4-8:9 error: no anchor `&nope` stands before this alias
      help: a text that starts with `*` needs quotes: `"*nope"`
    TL0114 p.yaml:9:9-9:10 error: the tag `!foo` is unknown or does not fit its value
      help: leave the tag out
    TL0116 p.yaml:10:4-10:8 error: `.inf` is not a usable number: numbers must be finite
      help: write it in quotes
    "#);
    insta::assert_snapshot!(findings("a: 'open\nb: 2\n"), @r"
    TL0106 p.yaml:1:4-1:5 error: this quote is not closed on its line
      at p.yaml:2:1-2:2: the text runs on to here
      help: end the text with the quote that starts it
    ");
    insta::assert_snapshot!(findings("a: [1, 2\nb: 2\n"), @r"
    TL0107 p.yaml:1:4-1:5 error: the bracket `[` is not closed before the next key
      at p.yaml:2:2-2:3: the text makes no sense from here
      help: close it
    ");
    insta::assert_snapshot!(findings("a:\n\t- 1\n"), @r"
    TL0105 p.yaml:2:2-2:3 error: a tab stands where YAML wants spaces
      help: replace it by spaces
    ");
    insta::assert_snapshot!(findings("a: b: c\n"), @r"
    TL0104 p.yaml:1:5-1:6 error: a `:` is not possible here
      help: put a text that holds `: ` in quotes, and check the indentation
    ");
    insta::assert_snapshot!(findings("a: 1\n---\nb: 2\n"), @r"
    TL0115 p.yaml:2:1-2:4 error: a second document starts here
      help: keep one document per file
    ");
    insta::assert_snapshot!(findings("a: &x [*x]\n"), @r"
    TL0110 p.yaml:1:8-1:10 error: this alias stands inside its own anchor
      help: a value cannot hold itself
    ");
    insta::assert_snapshot!(findings("a:\n    b: 1\n  c: 2\n"), @r"
    TL0104 p.yaml:3:3-3:4 error: this line does not fit the lines above
      help: indent the entries of one mapping or list alike
    ");
    insta::assert_snapshot!(findings("a: @home\n"), @r"
    TL0104 p.yaml:1:4-1:5 error: a text cannot start with `@`
      help: put the text in quotes
    ");
    insta::assert_snapshot!(findings("a: 1\nsteps\nb: 2\n"), @r"
    TL0104 p.yaml:2:1-2:6 error: this key has no `:`
      help: write `key: value`, with a space behind the colon
    ");
}

#[test]
fn budgets_end_bombs() {
    let deep = "[".repeat(100_000);
    insta::assert_snapshot!(findings(&deep), @r"
    TL0108 p.yaml:1:65-1:66 error: nested deeper than 64 levels
      help: a pipeline needs about six
    ");
    let block: String = (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).take(1_000).collect();
    assert!(findings(&block).contains("TL0108"));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let alias = format!("*a{}", level - 1);
        let _ = writeln!(bomb, "a{level}: &a{level} [{}]", vec![alias; 10].join(", "));
    }
    assert!(findings(&bomb).contains("TL0109"));
    let many = format!("a: &a 1\nb: [{}]\n", vec!["*a"; 1_001].join(", "));
    assert!(findings(&many).contains("TL0109"));
    assert!(findings(&"x".repeat(MAX_BYTES + 1)).contains("TL0102"));
    let mut tower = "a0: &a0 [1]\n".to_owned();
    for level in 1..70 {
        let _ = writeln!(tower, "a{level}: &a{level} [*a{}]", level - 1);
    }
    assert!(findings(&tower).contains("TL0108"));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[ \\-:\\[\\]{}&*!|>'\"%@`#,?\t\r\na-c0\u{feff}\u{e9}]{0,80}") {
        let _ = run(&text);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = run(&String::from_utf8_lossy(&bytes));
    }
}
