//! Reads figures as XML and checks what holds for all of them.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};

use super::text::width;
use crate::report::Templates;

pub fn templates() -> Templates {
    Templates::new(&BTreeMap::new()).unwrap()
}

pub fn number(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).unwrap_or_else(|| panic!("{name} of {node:?}")).parse().unwrap()
}

pub fn elements<'a, 'i>(document: &'a Document<'i>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    document.descendants().filter(move |node| node.has_tag_name(tag) && !node.ancestors().any(|up| up.has_tag_name("defs")))
}

/// The text that is shown.
pub fn shown(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

/// Left, top, right, bottom of a text.
fn edges(node: Node<'_, '_>) -> [f64; 4] {
    let (x, y, size) = (number(node, "x"), number(node, "y"), number(node, "font-size"));
    let wide = width(&shown(node), size);
    let before = match node.attribute("text-anchor") {
        Some("middle") => wide / 2.0,
        Some("end") => wide,
        _ => 0.0,
    };
    if node.attribute("transform").is_some() {
        return [x - size * 0.75, y + before - wide, x + size * 0.2, y + before];
    }
    [x - before, y - size * 0.75, x - before + wide, y + size * 0.2]
}

/// Checks a figure: XML, title and description, unique ids, texts that neither overlap nor leave the picture, marks inside of it.
pub fn check(svg: &str) -> Document<'_> {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    let root = document.root_element();
    assert_eq!((root.tag_name().name(), root.attribute("role"), root.attribute("width")), ("svg", Some("img"), Some("100%")));
    let children: Vec<&str> = root.children().filter(Node::is_element).map(|node| node.tag_name().name()).take(2).collect();
    assert_eq!(children, ["title", "desc"]);
    let view: Vec<f64> = root.attribute("viewBox").unwrap().split(' ').map(|text| text.parse().unwrap()).collect();
    let inside = |[left, top, right, bottom]: [f64; 4], what: &str| {
        let fits = left >= -0.01 && top >= -0.01 && right <= view[2] + 0.01 && bottom <= view[3] + 0.01;
        assert!(fits, "{what} leaves {view:?}: {left} {top} {right} {bottom}");
    };
    let mut ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id twice");
    for word in ["NaN", "inf", "none\"none"] {
        assert!(!svg.contains(&format!("\"{word}")) && !svg.contains(&format!(" {word} ")), "{word} in {svg}");
    }
    let texts: Vec<([f64; 4], String)> = elements(&document, "text").map(|node| (edges(node), shown(node))).collect();
    for (number, (a, text)) in texts.iter().enumerate() {
        inside(*a, text);
        for (b, other) in &texts[number + 1..] {
            let apart = a[2] <= b[0] + 0.01 || b[2] <= a[0] + 0.01 || a[3] <= b[1] + 0.01 || b[3] <= a[1] + 0.01;
            assert!(apart, "`{text}` {a:?} and `{other}` {b:?} overlap");
        }
    }
    for node in elements(&document, "rect").filter(|node| !node.ancestors().any(|up| up.attribute("transform").is_some())) {
        let (x, y, wide, high) = (number(node, "x"), number(node, "y"), number(node, "width"), number(node, "height"));
        assert!(wide >= 0.0 && high >= 0.0);
        inside([x, y, x + wide, y + high], "a rectangle");
    }
    for node in elements(&document, "circle") {
        let (x, y, r) = (number(node, "cx"), number(node, "cy"), number(node, "r"));
        inside([x - r, y - r, x + r, y + r], "a circle");
    }
    for node in elements(&document, "path").filter(|node| !node.ancestors().any(|up| up.attribute("transform").is_some())) {
        for point in node.attribute("d").unwrap().split(['M', 'L']).filter(|part| !part.is_empty()) {
            let numbers: Vec<f64> = point
                .split([' ', 'h', 'H', 'v', 'V', 'm', 'l', 'z'])
                .filter(|part| !part.is_empty())
                .take(2)
                .map(|text| text.parse().unwrap_or_else(|_| panic!("{point}")))
                .collect();
            inside([numbers[0], numbers[1], numbers[0], numbers[1]], "a path");
        }
    }
    document
}
