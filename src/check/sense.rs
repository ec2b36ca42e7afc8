//! What can be read, fits together, and still makes no sense.

use super::Wire;
use super::wiring::Wired;
use crate::diagnostic::{Diagnostic, Report, codes};
use crate::spec::StepSpec;

/// Kinds that choose among their images those that `exclude` does not name. Of others it may name more, such as those trained on.
const DRAWS: [&str; 2] = ["sample", "select"];

/// A step that leaves out what it takes its rows from has none left.
pub(super) fn excludes_itself(steps: &[StepSpec], wired: &[Wired], report: &mut Report) {
    for (step, wires) in steps.iter().zip(wired).filter(|(_, wires)| !wires.broken) {
        let Some(port) = step.kind.inputs.iter().position(|port| port.name == "exclude" && DRAWS.contains(&step.kind.name))
        else {
            continue;
        };
        let Some((images, _)) = wires.inputs.first().and_then(|sources| sources.first()) else { continue };
        let above = rows_from(*images, wired);
        for (source, span) in wires.inputs.get(port).into_iter().flatten().filter(|(source, _)| above.contains(source)) {
            let (name, input) = (&step.name.value, step.kind.inputs[0].name);
            let source = &steps[source.step].name.value;
            let message =
                format!("`{name}` leaves out all its images: those of `{input}` come from `{source}`, which `exclude` names");
            report.push(
                Diagnostic::new(codes::EXCLUDES_ITSELF, *span, message)
                    .help("name what was chosen before, such as another sample"),
            );
        }
    }
}

/// An output and those from which its rows come: all of its rows are rows of each of them.
fn rows_from(start: Wire, wired: &[Wired]) -> Vec<Wire> {
    let mut found = vec![start];
    let mut at = start;
    // A port that takes several tables has rows that are not of each.
    while let Some([(next, _)]) = wired[at.step].inputs.first().map(Vec::as_slice) {
        if found.contains(next) {
            break;
        }
        found.push(*next);
        at = *next;
    }
    found
}
