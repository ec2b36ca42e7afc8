//! A drawing in Mermaid, which many forges show in Markdown.

use super::{Drawing, Role};

/// Renders `drawing` as a flowchart.
pub(in crate::cli) fn render(drawing: &Drawing) -> String {
    let mut page = String::from("flowchart TD\n");
    for (place, node) in drawing.nodes.iter().enumerate() {
        let (name, subtitle) = (escaped(&node.name), escaped(&node.subtitle()));
        page.push_str(&format!("  s{place}(\"<b>{name}</b><br/>{subtitle}\"):::{}\n", node.role.word()));
    }
    for edge in &drawing.edges {
        let label = if edge.label.is_empty() { String::new() } else { format!("|{}|", escaped(&edge.label)) };
        page.push_str(&format!("  s{} -->{label} s{}\n", edge.from, edge.to));
    }
    for role in Role::ALL.into_iter().filter(|role| drawing.nodes.iter().any(|node| node.role == *role)) {
        let (fill, border) = role.colours();
        page.push_str(&format!("  classDef {} fill:{fill},stroke:{border},color:#1c2024\n", role.word()));
    }
    page
}

fn escaped(text: &str) -> String {
    text.replace('#', "#35;").replace('&', "#amp;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn steps_become_boxes_with_classes() {
        insta::assert_snapshot!(super::render(&super::super::tests::sample()), @"");
    }
}
