//! A drawing in the language of Graphviz.

use super::Drawing;

/// Renders `drawing` for `dot -Tpng`.
pub(in crate::cli) fn render(drawing: &Drawing) -> String {
    let mut page = format!("digraph {} {{\n", quoted(&drawing.title));
    page.push_str("  rankdir=TB;\n  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\"];\n  edge [fontname=\"Helvetica\", fontsize=10];\n");
    for node in &drawing.nodes {
        let (fill, border) = node.role.colours();
        let label = format!("{}\n{}", node.name, node.subtitle());
        page.push_str(&format!(
            "  {} [label={}, fillcolor=\"{fill}\", color=\"{border}\"];\n",
            quoted(&node.name),
            quoted(&label)
        ));
    }
    for edge in &drawing.edges {
        let label = if edge.label.is_empty() { String::new() } else { format!(" [label={}]", quoted(&edge.label)) };
        page.push_str(&format!(
            "  {} -> {}{label};\n",
            quoted(&drawing.nodes[edge.from].name),
            quoted(&drawing.nodes[edge.to].name)
        ));
    }
    page + "}\n"
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_quoted_and_ports_named() {
        insta::assert_snapshot!(super::render(&super::super::tests::sample()), @r##"
        digraph "voles & \"friends\"" {
          rankdir=TB;
          node [shape=box, style="rounded,filled", fontname="Helvetica"];
          edge [fontname="Helvetica", fontsize=10];
          "images" [label="images\nimages · reuse", fillcolor="#d8eafc", color="#3a7ab8"];
          "metadata" [label="metadata\nmetadata · run", fillcolor="#d9f2e1", color="#3b8f5c"];
          "names" [label="names\nrename · run", fillcolor="#d9f2e1", color="#3b8f5c"];
          "predictions" [label="predictions\nclassify · run", fillcolor="#d9f2e1", color="#3b8f5c"];
          "accepted" [label="accepted\nthreshold · unknown", fillcolor="#eceef1", color="#7a828c"];
          "corrected" [label="corrected\nreview · wait", fillcolor="#fdebc8", color="#c08a1e"];
          "final" [label="final\nmerge", fillcolor="#eceef1", color="#7a828c"];
          "table[a]" [label="table[a]\nexport", fillcolor="#fbdcdc", color="#c0554f"];
          "images" -> "metadata";
          "metadata" -> "names";
          "names" -> "predictions";
          "names" -> "final";
          "predictions" -> "accepted";
          "predictions" -> "final";
          "accepted" -> "corrected" [label="to_review"];
          "corrected" -> "final";
          "final" -> "table[a]";
        }
        "##);
    }
}
