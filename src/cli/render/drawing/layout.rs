//! Places boxes in layers: longest paths give the layers, barycentres the order, medians the places (after Sugiyama et al. 1981).

use std::collections::BTreeMap;

use petgraph::Direction::Incoming;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Drawing;

pub(super) const BOX_HEIGHT: f64 = 46.0;
const LAYER_STEP: f64 = 84.0;
const GAP: f64 = 26.0;
const BEND_WIDTH: f64 = 14.0;

/// Where everything stands, in pixels from the top left.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Centre and width of each box.
    pub(super) boxes: Vec<Place>,
    /// Points of each wire, from the lower side of a box to the upper side of another.
    pub(super) wires: Vec<Vec<(f64, f64)>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
}

/// A box, or a bend of a wire that crosses layers.
struct Item {
    width: f64,
    layer: usize,
    above: Vec<usize>,
    below: Vec<usize>,
}

/// Lays `drawing` out; `widths` are those of its boxes.
pub(super) fn layout(drawing: &Drawing, widths: &[f64]) -> Layout {
    let mut items: Vec<_> = layers(drawing)
        .into_iter()
        .zip(widths)
        .map(|(layer, width)| Item { width: *width, layer, above: Vec::new(), below: Vec::new() })
        .collect();
    let chains = bend(drawing, &mut items);
    let order = arrange(&items);
    let x = spread(&items, &order);
    let left = (0..items.len()).map(|i| x[i] - items[i].width / 2.0).fold(f64::INFINITY, f64::min);
    let left = if left.is_finite() { left } else { 0.0 };
    let at = |i: usize| (x[i] - left, y_of(items[i].layer));
    let boxes: Vec<_> = (0..drawing.nodes.len()).map(|i| Place { x: at(i).0, y: at(i).1, width: items[i].width }).collect();
    let wires = chains.iter().map(|chain| points(chain, &at)).collect();
    let width = (0..items.len()).map(|i| at(i).0 + items[i].width / 2.0).fold(0.0, f64::max);
    let height = items.iter().map(|item| y_of(item.layer)).fold(0.0, f64::max) + BOX_HEIGHT / 2.0;
    Layout { boxes, wires, width, height }
}

#[expect(clippy::cast_precision_loss, reason = "pipelines have few layers")]
fn y_of(layer: usize) -> f64 {
    BOX_HEIGHT / 2.0 + layer as f64 * LAYER_STEP
}

/// A wire leaves below its first item, passes its bends, and ends above its last.
fn points(chain: &[usize], at: &dyn Fn(usize) -> (f64, f64)) -> Vec<(f64, f64)> {
    let last = chain.len().saturating_sub(1);
    chain
        .iter()
        .enumerate()
        .map(|(place, item)| {
            let (x, y) = at(*item);
            let shift = if place == 0 {
                BOX_HEIGHT / 2.0
            } else if place == last {
                -BOX_HEIGHT / 2.0
            } else {
                0.0
            };
            (x, y + shift)
        })
        .collect()
}

/// The layer of each node: the length of the longest way to it. A cycle (which checking refuses) puts all into one layer.
fn layers(drawing: &Drawing) -> Vec<usize> {
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<NodeIndex> = drawing.nodes.iter().map(|_| graph.add_node(())).collect();
    for edge in &drawing.edges {
        graph.add_edge(nodes[edge.from], nodes[edge.to], ());
    }
    let mut layers = vec![0; nodes.len()];
    for node in toposort(&graph, None).unwrap_or_default() {
        let above = graph.neighbors_directed(node, Incoming).map(|before| layers[before.index()] + 1).max();
        layers[node.index()] = above.unwrap_or(0);
    }
    layers
}

/// Adds a bend in every layer that a wire crosses; gives the items along each wire.
fn bend(drawing: &Drawing, items: &mut Vec<Item>) -> Vec<Vec<usize>> {
    let mut chains = Vec::new();
    for edge in &drawing.edges {
        let mut chain = vec![edge.from];
        for layer in items[edge.from].layer + 1..items[edge.to].layer {
            items.push(Item { width: BEND_WIDTH, layer, above: Vec::new(), below: Vec::new() });
            chain.push(items.len() - 1);
        }
        chain.push(edge.to);
        for pair in chain.windows(2) {
            items[pair[0]].below.push(pair[1]);
            items[pair[1]].above.push(pair[0]);
        }
        chains.push(chain);
    }
    chains
}

/// Orders each layer so that wires cross little: sweeps down and up by the mean place of neighbours, the best order wins.
fn arrange(items: &[Item]) -> Vec<Vec<usize>> {
    const SWEEPS: usize = 12;
    let mut order: Vec<Vec<usize>> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        order.resize_with(order.len().max(item.layer + 1), Vec::new);
        order[item.layer].push(i);
    }
    let mut best = (crossings(items, &order), order.clone());
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let layers: Vec<_> = if down { (1..order.len()).collect() } else { (0..order.len().saturating_sub(1)).rev().collect() };
        for layer in layers {
            let beside = if down { layer - 1 } else { layer + 1 };
            let places: BTreeMap<usize, usize> = order[beside].iter().enumerate().map(|(place, item)| (*item, place)).collect();
            let mut keyed: Vec<_> = order[layer]
                .iter()
                .enumerate()
                .map(|(place, &i)| {
                    let neighbours = if down { &items[i].above } else { &items[i].below };
                    (
                        mean(neighbours.iter().filter_map(|n| places.get(n)).copied())
                            .unwrap_or_else(|| mean([place]).unwrap_or(0.0)),
                        i,
                    )
                })
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            order[layer] = keyed.into_iter().map(|(_, i)| i).collect();
        }
        let now = crossings(items, &order);
        if now < best.0 {
            best = (now, order.clone());
        }
    }
    best.1
}

#[expect(clippy::cast_precision_loss, reason = "places in a layer are few")]
fn mean(places: impl IntoIterator<Item = usize>) -> Option<f64> {
    let (sum, n) = places.into_iter().fold((0, 0), |(sum, n), place| (sum + place, n + 1));
    (n > 0).then(|| sum as f64 / f64::from(n))
}

fn crossings(items: &[Item], order: &[Vec<usize>]) -> usize {
    let mut place = vec![0; items.len()];
    for layer in order {
        for (at, item) in layer.iter().enumerate() {
            place[*item] = at;
        }
    }
    let mut count = 0;
    for layer in order {
        let wires: Vec<_> = layer.iter().flat_map(|&i| items[i].below.iter().map(move |&j| (i, j))).collect();
        for (n, a) in wires.iter().enumerate() {
            count += wires[n + 1..]
                .iter()
                .filter(|b| (place[a.0] < place[b.0]) != (place[a.1] < place[b.1]) && a.0 != b.0 && a.1 != b.1)
                .count();
        }
    }
    count
}

/// The horizontal centre of each item: drawn towards its neighbours, kept apart within its layer.
fn spread(items: &[Item], order: &[Vec<usize>]) -> Vec<f64> {
    const ROUNDS: usize = 24;
    let mut x = vec![0.0; items.len()];
    for layer in order {
        let mut at = 0.0;
        for &i in layer {
            x[i] = at + items[i].width / 2.0;
            at += items[i].width + GAP;
        }
    }
    for round in 0..ROUNDS {
        for (n, layer) in order.iter().enumerate() {
            // A layer looks at the one above on the way down, below on the way up, and at both in the end.
            let wish = |i: usize| {
                let sides: &[&Vec<usize>] = match round {
                    _ if round + 8 > ROUNDS => &[&items[i].above, &items[i].below],
                    _ if round % 2 == 0 && n > 0 => &[&items[i].above],
                    _ => &[&items[i].below],
                };
                let mut near: Vec<f64> = sides.iter().flat_map(|side| side.iter().map(|&j| x[j])).collect();
                near.sort_by(f64::total_cmp);
                match near.len() {
                    0 => x[i],
                    len => f64::midpoint(near[(len - 1) / 2], near[len / 2]),
                }
            };
            let wishes: Vec<_> = layer.iter().map(|&i| wish(i)).collect();
            for (&i, at) in layer.iter().zip(apart(items, layer, &wishes)) {
                x[i] = at;
            }
        }
    }
    x
}

/// The places nearest to the wishes that keep order and distance: pushed from the left, pushed from the right, and their middle.
fn apart(items: &[Item], layer: &[usize], wishes: &[f64]) -> Vec<f64> {
    let distance = |a: usize, b: usize| f64::midpoint(items[layer[a]].width, items[layer[b]].width) + GAP;
    let mut right = wishes.to_vec();
    for n in 1..right.len() {
        right[n] = right[n].max(right[n - 1] + distance(n - 1, n));
    }
    let mut left = wishes.to_vec();
    for n in (0..left.len().saturating_sub(1)).rev() {
        left[n] = left[n].min(left[n + 1] - distance(n, n + 1));
    }
    left.iter().zip(&right).map(|(l, r)| f64::midpoint(*l, *r)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out() -> (Drawing, Layout) {
        let drawing = super::super::tests::sample();
        let widths = vec![130.0; drawing.nodes.len()];
        let layout = layout(&drawing, &widths);
        (drawing, layout)
    }

    #[test]
    fn wires_go_down() {
        let (drawing, layout) = laid_out();
        for edge in &drawing.edges {
            assert!(layout.boxes[edge.from].y < layout.boxes[edge.to].y, "{edge:?}");
        }
        assert!(layout.wires.iter().all(|wire| wire.windows(2).all(|pair| pair[0].1 < pair[1].1)));
    }

    #[test]
    fn boxes_do_not_overlap_and_stay_inside() {
        let (_, layout) = laid_out();
        for (n, a) in layout.boxes.iter().enumerate() {
            assert!(a.x - a.width / 2.0 >= -1e-9 && a.x + a.width / 2.0 <= layout.width + 1e-9, "{a:?}");
            for b in &layout.boxes[n + 1..] {
                assert!((a.y - b.y).abs() > 1.0 || (a.x - b.x).abs() >= 130.0, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_plain_chain_is_straight() {
        let mut drawing = super::super::tests::sample();
        drawing.edges = (0..7).map(|from| super::super::Edge { from, to: from + 1, label: String::new() }).collect();
        let layout = layout(&drawing, &[100.0, 140.0, 90.0, 120.0, 100.0, 100.0, 80.0, 130.0]);
        assert!(layout.boxes.windows(2).all(|pair| (pair[0].x - pair[1].x).abs() < 0.01), "{:?}", layout.boxes);
    }
}
