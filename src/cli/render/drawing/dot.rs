//! A drawing in the language of Graphviz.

use super::Drawing;

/// Renders `drawing` for `dot -Tpng`.
pub(in crate::cli) fn render(drawing: &Drawing) -> String {
    let mut page = format!("digraph {} {{\n", quoted(&drawing.title));
    page.push_str("  rankdir=TB;\n  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\"];\n  edge [fontname=\"Helvetica\", fontsize=10];\n");
    for node in &drawing.nodes {
        let (fill, border) = node.role.colours();
        let label = format!("{}\n{}", node.name, node.subtitle());
        page.push_str(&format!("  {} [label={}, fillcolor=\"{fill}\", color=\"{border}\"];\n", quoted(&node.name), quoted(&label)));
    }
    for edge in &drawing.edges {
        let label = if edge.label.is_empty() { String::new() } else { format!(" [label={}]", quoted(&edge.label)) };
        page.push_str(&format!("  {} -> {}{label};\n", quoted(&drawing.nodes[edge.from].name), quoted(&drawing.nodes[edge.to].name)));
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
        insta::assert_snapshot!(super::render(&super::super::tests::sample()), @"");
    }
}
