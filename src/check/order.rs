//! The order of steps: sources first, ties as written; steps that wait for each other are drawn as a loop.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::diagnostic::{Diagnostic, Report, Span, codes};
use crate::spec::StepSpec;

use super::wiring::{Wired, sources};

/// The steps in an order in which they can run. Steps on or behind a cycle are left out, and the cycle is reported.
pub(super) fn order(steps: &[StepSpec], wired: &[Wired], report: &mut Report) -> Vec<usize> {
    let mut graph: DiGraph<(), Span> = DiGraph::new();
    let nodes: Vec<NodeIndex> = steps.iter().map(|_| graph.add_node(())).collect();
    for (at, wires) in wired.iter().enumerate() {
        for (source, span) in sources(wires) {
            graph.update_edge(nodes[source], nodes[at], span);
        }
    }
    let mut components = tarjan_scc(&graph);
    for component in &mut components {
        component.sort_unstable();
    }
    components.sort();
    for component in components {
        let start = component[0];
        if component.len() > 1 || graph.contains_edge(start, start) {
            report.push(drawn(&cycle(&graph, start, &component), &graph, steps));
        }
    }
    sorted(&graph)
}

/// A shortest way from `start` back to itself within `component`.
fn cycle(graph: &DiGraph<(), Span>, start: NodeIndex, component: &[NodeIndex]) -> Vec<NodeIndex> {
    let inside: BTreeSet<NodeIndex> = component.iter().copied().collect();
    let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        let mut next: Vec<NodeIndex> = graph.neighbors(node).filter(|next| inside.contains(next)).collect();
        next.sort_unstable();
        for next in next {
            if next == start {
                let mut way = vec![start, node];
                let mut at = node;
                while at != start {
                    at = came_from[&at];
                    way.push(at);
                }
                way.reverse();
                return way;
            }
            if let Entry::Vacant(free) = came_from.entry(next) {
                free.insert(node);
                queue.push_back(next);
            }
        }
    }
    vec![start, start]
}

fn drawn(way: &[NodeIndex], graph: &DiGraph<(), Span>, steps: &[StepSpec]) -> Diagnostic {
    let name = |node: NodeIndex| steps[node.index()].name.value.as_str();
    let names: Vec<&str> = way.iter().map(|node| name(*node)).collect();
    let edge = |from: NodeIndex, to: NodeIndex| graph.find_edge(from, to).map_or(steps[to.index()].name.span, |edge| graph[edge]);
    let message = if way.len() == 2 {
        format!("`{}` needs its own result", names[0])
    } else {
        format!("these steps wait for each other: `{}`", names.join(" -> "))
    };
    // The first wire of the loop carries the finding, the others belong to it.
    let mut finding =
        Diagnostic::new(codes::CYCLE, edge(way[way.len() - 2], way[0]), message).help("take one of these wires out");
    for pair in way.windows(2).take(way.len() - 2) {
        finding = finding.related(edge(pair[0], pair[1]), format!("`{}` needs `{}`", name(pair[1]), name(pair[0])));
    }
    finding
}

/// Kahn's algorithm with the lowest index first, so that ties stay as written.
fn sorted(graph: &DiGraph<(), Span>) -> Vec<usize> {
    let mut waiting: Vec<usize> =
        graph.node_indices().map(|node| graph.neighbors_directed(node, Direction::Incoming).count()).collect();
    let mut ready: BTreeSet<NodeIndex> = graph.node_indices().filter(|node| waiting[node.index()] == 0).collect();
    let mut order = Vec::new();
    while let Some(node) = ready.pop_first() {
        order.push(node.index());
        for next in graph.neighbors(node) {
            waiting[next.index()] -= 1;
            if waiting[next.index()] == 0 {
                ready.insert(next);
            }
        }
    }
    order
}
