//! A pipeline as a picture: what flows where, coloured by what a step does, with the decisions of a plan where there is one.

use crate::check::Pipeline;
use crate::plan::decision::{Decision, Plan};
use crate::step::{PortType, StepKind};

mod dot;
mod layout;
mod mermaid;
mod svg;

pub(in crate::cli) use dot::render as dot;
pub(in crate::cli) use mermaid::render as mermaid;
pub(in crate::cli) use svg::render as svg;

/// What a step does, as far as a picture shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Finds data.
    Source,
    /// Works image by image.
    Map,
    /// Works on tables.
    Table,
    /// Asks people.
    People,
    /// Makes a model.
    Model,
    /// Writes for the world.
    Export,
}

impl Role {
    const ALL: [Self; 6] = [Self::Source, Self::Map, Self::Table, Self::People, Self::Model, Self::Export];

    fn of(kind: &StepKind) -> Self {
        let yields = |ty| kind.outputs.iter().any(|port| port.ty == ty);
        match kind.name {
            "review" => Self::People,
            "export" | "report" => Self::Export,
            _ if kind.inputs.iter().all(|port| port.optional) => Self::Source,
            _ if yields(PortType::Model) => Self::Model,
            _ if kind.outputs.is_empty() || yields(PortType::Files) || yields(PortType::Report) => Self::Export,
            _ if kind.keeps_rows => Self::Map,
            _ => Self::Table,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Map => "map",
            Self::Table => "table",
            Self::People => "people",
            Self::Model => "model",
            Self::Export => "export",
        }
    }

    /// Fill and border on a light page; both stay readable under dark text.
    fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Source => ("#d8eafc", "#3a7ab8"),
            Self::Map => ("#d9f2e1", "#3b8f5c"),
            Self::Table => ("#eceef1", "#7a828c"),
            Self::People => ("#fdebc8", "#c08a1e"),
            Self::Model => ("#e8e0fa", "#7b5cc4"),
            Self::Export => ("#fbdcdc", "#c0554f"),
        }
    }

    /// Fill and border on a dark page, under light text.
    fn dark_colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Source => ("#163350", "#5b9bd8"),
            Self::Map => ("#143824", "#57b07b"),
            Self::Table => ("#2b3036", "#8b949e"),
            Self::People => ("#46330c", "#d9a53a"),
            Self::Model => ("#31254f", "#a08be0"),
            Self::Export => ("#4a1f1d", "#e07f79"),
        }
    }
}

/// A step in a picture.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    name: String,
    uses: String,
    role: Role,
    decision: Option<Decision>,
}

impl Node {
    /// The second line of a box.
    fn subtitle(&self) -> String {
        match &self.decision {
            Some(decision) => format!("{} · {}", self.uses, decision.word()),
            None => self.uses.clone(),
        }
    }
}

/// A wire: indices of nodes, and the names of ports where they say something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: usize,
    to: usize,
    label: String,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli) struct Drawing {
    title: String,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

impl Drawing {
    /// Draws `pipeline`, with the decisions of `plan`.
    pub(in crate::cli) fn of(pipeline: &Pipeline, plan: Option<&Plan>) -> Self {
        let decision = |name: &str| plan?.steps.iter().find(|step| step.name == name).map(|step| step.decision.clone());
        let nodes = pipeline.steps.iter().map(|step| Node {
            name: step.name.value.clone(),
            uses: step.kind.name.to_owned(),
            role: Role::of(step.kind),
            decision: decision(&step.name.value),
        });
        let mut edges: Vec<Edge> = Vec::new();
        for (to, step) in pipeline.steps.iter().enumerate() {
            for (port, wires) in step.kind.inputs.iter().zip(&step.inputs) {
                // A whole step is one wire, however many tables it has.
                let whole = port.ty == PortType::Step;
                for (at, wire) in wires.iter().enumerate() {
                    if whole && wires[..at].iter().any(|before| before.step == wire.step) {
                        continue;
                    }
                    let outputs = pipeline.steps[wire.step].kind.outputs;
                    let named = outputs.get(wire.output).filter(|_| wire.output > 0 && !whole);
                    edges.push(Edge { from: wire.step, to, label: named.map_or("", |port| port.name).to_owned() });
                }
            }
        }
        edges.sort();
        edges.dedup();
        Self { title: pipeline.name.clone(), nodes: nodes.collect(), edges }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape of the main pipeline: a chain, side branches, one long wire.
    pub(super) fn sample() -> Drawing {
        let node = |name: &str, uses: &str, role, decision| Node { name: name.into(), uses: uses.into(), role, decision };
        let run = || Some(Decision::Run(Vec::new()));
        let edge = |from, to, label: &str| Edge { from, to, label: label.into() };
        Drawing {
            title: "voles & \"friends\"".into(),
            nodes: vec![
                node("images", "images", Role::Source, Some(Decision::Reuse)),
                node("metadata", "metadata", Role::Map, run()),
                node("names", "rename", Role::Map, run()),
                node("predictions", "classify", Role::Map, run()),
                node("accepted", "threshold", Role::Table, Some(Decision::Unknown { upstream: "predictions".into() })),
                node("corrected", "review", Role::People, Some(Decision::Wait { labels: 3 })),
                node("final", "merge", Role::Table, None),
                node("table[a]", "export", Role::Export, None),
            ],
            edges: vec![
                edge(0, 1, ""),
                edge(1, 2, ""),
                edge(2, 3, ""),
                edge(2, 6, ""),
                edge(3, 4, ""),
                edge(3, 6, ""),
                edge(4, 5, "to_review"),
                edge(5, 6, ""),
                edge(6, 7, ""),
            ],
        }
    }
}
