//! Names of any kind, numbers of any size, nothing at all.

use super::testing::{check, elements, shown, templates};
use super::tests::{EVIL, bars, heading, marks, tiles};
use super::*;

#[test]
fn no_data_is_said() {
    let templates = templates();
    let nan = vec![Some(Amount::of(f64::NAN)), None];
    let figures = [
        Bars::default().svg(&templates),
        Bars { bars: vec![Bar { amounts: nan.clone(), ..Bar::default() }], ..Bars::default() }.svg(&templates),
        Tiles::default().svg(&templates),
        Histogram::default().svg(&templates),
        Histogram { bins: vec![Bin { to: 1.0, ..Bin::default() }], ..Histogram::default() }.svg(&templates),
        Dots::default().svg(&templates),
        Dots { panels: vec![Panel { amounts: vec![nan], ..Panel::default() }], ..Dots::default() }.svg(&templates),
        Curve::default().svg(&templates),
        Curve {
            lines: vec![Line { points: vec![Point { x: f64::NAN, ..Point::default() }], ..Line::default() }],
            ..Curve::default()
        }
        .svg(&templates),
        Activity::default().svg(&templates),
    ];
    for svg in figures {
        let svg = svg.unwrap();
        let document = check(&svg);
        assert_eq!(elements(&document, "text").map(shown).collect::<Vec<_>>(), ["no data"]);
    }
}

#[test]
fn names_of_any_kind_are_escaped_and_have_their_place() {
    let names =
        [EVIL, "", "一二三四五六七八九十一二三四五六七八九十", "🦊🦡 jerv", "a\nb", "Ångström é\u{301}", "W".repeat(300).leak()];
    let t = templates();
    for log in [false, true] {
        for percent in [false, true] {
            for values in [[0.0, 0.0], [1e-12, 1e12], [-5.0, 3.0], [1e300, f64::INFINITY], [1.0, 1.0]] {
                let axis = Axis { label: EVIL.repeat(9), log, percent, decimals: 2, range: None };
                let amount = |at: usize| Amount::of(values[at % 2]).between(values[0], values[1]).at(EVIL);
                let bar = |name: &str| Bar {
                    name: name.into(),
                    colour: Some("\"/><script>".into()),
                    amounts: (0..3).map(|at| Some(amount(at))).collect(),
                };
                let (heading, series) = (heading(), names[..3].iter().map(|name| Series::named(name)).collect::<Vec<_>>());
                let bars = names.iter().map(|name| bar(name)).collect();
                let figure =
                    Bars { heading: heading.clone(), category: EVIL.into(), axis: axis.clone(), series: series.clone(), bars };
                let svg = figure.svg(&t).unwrap();
                let document = check(&svg);
                let clean = EVIL.replace('\0', "\u{fffd}");
                assert_eq!(
                    document.root_element().children().find(|node| node.has_tag_name("title")).unwrap().text(),
                    Some(&*clean)
                );
                let mark = marks(&document).into_iter().next();
                assert!(mark.is_none_or(|mark| mark.attribute("data-where") == Some(&*clean)));
                assert!(!svg.contains("<script"));
                let amounts = |_| (0..3).map(|at| Some(amount(at))).collect();
                let panel = |name: &&str| Panel { name: (*name).into(), amounts: (0..names.len()).map(amounts).collect() };
                let dots = Dots {
                    heading: heading.clone(),
                    category: EVIL.into(),
                    axis: axis.clone(),
                    series,
                    categories: names.map(str::to_owned).to_vec(),
                    panels: names.iter().map(panel).collect(),
                };
                check(&dots.svg(&t).unwrap());
                let tile = |at: usize| Tile { value: Some(values[at % 2]), place: Some(EVIL.into()) };
                let tiles = Tiles {
                    heading: heading.clone(),
                    row_title: EVIL.into(),
                    column_title: EVIL.into(),
                    row_names: names.map(str::to_owned).to_vec(),
                    column_names: names.map(str::to_owned).to_vec(),
                    axis: axis.clone(),
                    numbers: true,
                    diagonal: true,
                    tiles: names.iter().map(|_| (0..5).map(tile).collect()).collect(),
                };
                check(&tiles.svg(&t).unwrap());
                let points = values.iter().map(|value| Point { x: *value, y: *value, band: Some((0.0, *value)), place: None });
                let line = |name: &&str| Line { name: (*name).into(), colour: None, points: points.clone().collect() };
                let chosen = Some(Chosen { x: values[0], y: Some(values[1]), label: EVIL.repeat(5), place: Some(EVIL.into()) });
                let lines = names.iter().map(line).collect();
                check(&Curve { heading: heading.clone(), x: axis.clone(), y: axis.clone(), lines, chosen }.svg(&t).unwrap());
                let mark = Mark { at: values[0], label: EVIL.repeat(4) };
                let bin = Bin { from: values[0], to: values[1], count: u64::MAX, place: Some(EVIL.into()) };
                let histogram =
                    Histogram { heading, x: axis.clone(), counts: axis, bins: vec![bin.clone(), bin], marks: vec![mark] };
                check(&histogram.svg(&t).unwrap());
            }
        }
    }
}

#[test]
fn large_figures_are_drawn() {
    let values: Vec<Option<f64>> = (0..60).map(|at| Some(f64::from(at))).collect();
    let rows: Vec<&[Option<f64>]> = (0..100).map(|_| &values[..]).collect();
    check(&Tiles { numbers: false, diagonal: false, axis: Axis::counts("days"), ..tiles(&rows) }.svg(&templates()).unwrap());
    check(&bars(&values.repeat(5), Axis::counts("images")).svg(&templates()).unwrap());
}
