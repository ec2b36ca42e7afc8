//! A drawing as SVG: text stays text, colours follow a light or dark page.

use super::layout::{BOX_HEIGHT, layout};
use super::{Drawing, Node, Role};
use crate::plan::decision::Decision;

const MARGIN: f64 = 16.0;
const LEGEND_HEIGHT: f64 = 34.0;
const LEGEND_STEP: f64 = 84.0;

/// Renders `drawing`.
pub(in crate::cli) fn render(drawing: &Drawing) -> String {
    let widths: Vec<_> = drawing.nodes.iter().map(width).collect();
    let layout = layout(drawing, &widths);
    let roles: Vec<_> = Role::ALL.into_iter().filter(|role| drawing.nodes.iter().any(|node| node.role == *role)).collect();
    let width = layout.width.max(length(roles.len()) * LEGEND_STEP) + 2.0 * MARGIN;
    let left = (width - layout.width) / 2.0;
    let height = layout.height + 2.0 * MARGIN + LEGEND_HEIGHT;
    let title = escaped(&drawing.title);
    let mut page = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>{title}</title>\n{}",
        style_sheet(&roles)
    );
    page.push_str("<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n");
    page.push_str(&format!("<g transform=\"translate({left:.1} {MARGIN})\">\n"));
    for (edge, wire) in drawing.edges.iter().zip(&layout.wires) {
        page.push_str(&format!("<path class=\"wire\" d=\"{}\"/>\n", curve(wire)));
        if let (false, Some(((x, y), next))) = (edge.label.is_empty(), wire.first().zip(wire.get(1))) {
            // Beside the middle of its own wire, on the side to which it turns: others leave the same box.
            let (middle, height) = ((x + next.0) / 2.0, (y + next.1) / 2.0);
            let (x, y, end) = match next.0 - x {
                turn if turn > 1.0 => (middle + 6.0, height - 5.0, ""),
                turn if turn < -1.0 => (middle - 6.0, height - 5.0, " end"),
                _ => (x + 6.0, height, ""),
            };
            page.push_str(&format!("<text class=\"port{end}\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>\n", y, escaped(&edge.label)));
        }
    }
    for (node, place) in drawing.nodes.iter().zip(&layout.boxes) {
        page.push_str(&boxed(node, place.x, place.y, place.width));
    }
    page.push_str("</g>\n");
    for (n, role) in roles.iter().enumerate() {
        let (x, y) = (MARGIN + length(n) * LEGEND_STEP, height - MARGIN - 10.0);
        page.push_str(&format!("<rect class=\"{0}\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"14\" height=\"14\" rx=\"4\"/><text class=\"kind\" x=\"{1:.0}\" y=\"{2:.0}\">{0}</text>\n", role.word(), x + 20.0, y + 11.0));
    }
    page + "</svg>\n"
}

#[expect(clippy::cast_precision_loss, reason = "names are short")]
fn length(n: usize) -> f64 {
    n as f64
}

/// No font is measured: a generous width per character serves every sans-serif face.
fn width(node: &Node) -> f64 {
    let name = length(node.name.chars().count()) * 8.2;
    let subtitle = length(node.subtitle().chars().count()) * 6.6;
    name.max(subtitle).max(76.0) + 36.0
}

fn boxed(node: &Node, x: f64, y: f64, width: f64) -> String {
    let (left, top) = (x - width / 2.0, y - BOX_HEIGHT / 2.0);
    let unknown = if matches!(node.decision, Some(Decision::Unknown { .. })) { " open" } else { "" };
    let mut text = format!(
        "<g><rect class=\"{}{unknown}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BOX_HEIGHT}\" rx=\"9\"/>",
        node.role.word()
    );
    text.push_str(&format!("<text class=\"name\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>", y - 2.0, escaped(&node.name)));
    text.push_str(&format!("<text class=\"kind mid\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>", y + 14.0, escaped(&node.subtitle())));
    if let Some(decision) = &node.decision {
        text.push_str(&format!(
            "<circle class=\"{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4.5\"/>",
            decision.word(),
            left + width - 11.0,
            top + 11.0
        ));
    }
    text + "</g>\n"
}

/// A smooth way through the points: vertical at each of them.
fn curve(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (n, (x, y)) in points.iter().enumerate() {
        match n.checked_sub(1).map(|before| points[before]) {
            None => d.push_str(&format!("M{x:.1} {y:.1}")),
            Some((px, py)) => {
                let middle = f64::midpoint(py, *y);
                d.push_str(&format!("C{px:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {y:.1}"));
            }
        }
    }
    d
}

fn style_sheet(roles: &[Role]) -> String {
    let colouring = |dark: bool| {
        let colours = |role: Role| if dark { role.dark_colours() } else { role.colours() };
        let rule = |role: &Role| {
            let (fill, border) = colours(*role);
            format!(".{}{{fill:{fill};stroke:{border}}}", role.word())
        };
        roles.iter().map(rule).collect::<String>()
    };
    format!(
        "<style>\n\
         text{{font-family:ui-sans-serif,system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1c2024}}\n\
         .name{{font-size:14px;font-weight:600;text-anchor:middle}}.kind{{font-size:11.5px;fill:#59626d}}.mid{{text-anchor:middle}}.port{{font-size:11px;fill:#59626d}}.end{{text-anchor:end}}\n\
         .wire{{fill:none;stroke:#8a939d;stroke-width:1.4;marker-end:url(#tip)}}.tip{{fill:#8a939d}}rect{{stroke-width:1.4}}.open{{stroke-dasharray:5 4}}\n\
         .reuse{{fill:#3b8f5c}}.run{{fill:#2f80d0}}.wait{{fill:#d9a11e}}.blocked{{fill:#c9403a}}.unknown{{fill:#a3abb4}}\n\
         {}\n\
         @media (prefers-color-scheme:dark){{text{{fill:#e8ebee}}.kind,.port{{fill:#a9b2bc}}.wire{{stroke:#77808a}}.tip{{fill:#77808a}}{}}}\n\
         </style>\n",
        colouring(false),
        colouring(true)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_text_in_a_box() {
        let drawing = super::super::tests::sample();
        let picture = render(&drawing);
        for node in &drawing.nodes {
            assert!(picture.contains(&format!(">{}</text>", node.name)), "{}", node.name);
        }
        assert_eq!(picture.matches("class=\"wire\"").count(), drawing.edges.len());
        assert!(picture.contains("<title>voles &amp; &quot;friends&quot;</title>") && picture.contains("to_review</text>"));
        assert!(picture.contains("class=\"wait\"") && picture.contains("table open"));
    }

    #[test]
    fn curves_start_and_end_at_the_boxes() {
        insta::assert_snapshot!(curve(&[(10.0, 0.0), (20.0, 40.0)]), @"M10.0 0.0C10.0 20.0 20.0 20.0 20.0 40.0");
    }
}
