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
        insta::assert_snapshot!(super::render(&super::super::tests::sample()), @r#"
        flowchart TD
          s0("<b>images</b><br/>images · reuse"):::source
          s1("<b>metadata</b><br/>metadata · run"):::map
          s2("<b>names</b><br/>rename · run"):::map
          s3("<b>predictions</b><br/>classify · run"):::map
          s4("<b>accepted</b><br/>threshold · unknown"):::table
          s5("<b>corrected</b><br/>review · wait"):::people
          s6("<b>final</b><br/>merge"):::table
          s7("<b>table[a]</b><br/>export"):::export
          s0 --> s1
          s1 --> s2
          s2 --> s3
          s2 --> s6
          s3 --> s4
          s3 --> s6
          s4 -->|to_review| s5
          s5 --> s6
          s6 --> s7
          classDef source fill:#d8eafc,stroke:#3a7ab8,color:#1c2024
          classDef map fill:#d9f2e1,stroke:#3b8f5c,color:#1c2024
          classDef table fill:#eceef1,stroke:#7a828c,color:#1c2024
          classDef people fill:#fdebc8,stroke:#c08a1e,color:#1c2024
          classDef export fill:#fbdcdc,stroke:#c0554f,color:#1c2024
        "#);
    }
}
