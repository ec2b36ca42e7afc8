//! The geometry of the figures, their tables and their sizes.

use jiff::ToSpan;
use jiff::civil::date;
use roxmltree::{Document, Node};

use super::testing::{check, elements, number, shown, templates};
use super::*;

pub const EVIL: &str = "<script>alert(\"&'1'\")</script> åøæ\u{0}";

pub fn heading() -> Heading {
    Heading { id: "a b/c".into(), title: EVIL.into(), about: String::new() }
}

pub fn marks<'a, 'i>(document: &'a Document<'i>) -> Vec<Node<'a, 'i>> {
    document.descendants().filter(|node| node.attribute("class") == Some("mark")).collect()
}

fn inside<'a, 'i>(mark: Node<'a, 'i>, tag: &'static str) -> Node<'a, 'i> {
    mark.descendants().find(|node| node.has_tag_name(tag)).unwrap_or_else(|| panic!("{tag} in {mark:?}"))
}

fn told(mark: Node<'_, '_>) -> String {
    inside(mark, "title").text().unwrap().to_owned()
}

pub fn bars(values: &[Option<f64>], axis: Axis) -> Bars {
    let bar = |(number, value): (usize, &Option<f64>)| Bar {
        name: format!("class {number}"),
        colour: None,
        amounts: vec![value.map(|value| Amount::of(value).between(value * 0.5, value * 1.25).at(&format!("class={number}")))],
    };
    Bars {
        heading: heading(),
        category: "class".into(),
        axis,
        series: vec![],
        bars: values.iter().enumerate().map(bar).collect(),
    }
}

fn widths(bars: &Bars) -> Vec<f64> {
    let svg = bars.svg(&templates()).unwrap();
    marks(&check(&svg)).into_iter().map(|mark| number(inside(mark, "rect"), "width")).collect()
}

#[test]
fn bars_are_as_long_as_their_numbers() {
    let figure = bars(&[Some(10.0), Some(40.0), None, Some(0.0), Some(80.0), Some(f64::NAN)], Axis::counts("images"));
    let found = widths(&figure);
    assert!((found[1] / found[0] - 4.0).abs() < 0.01 && (found[4] / found[1] - 2.0).abs() < 0.01, "{found:?}");
    assert!(found[2] == 0.0 && found[3] == 0.0 && found[5] == 0.0, "{found:?}");
    let svg = figure.svg(&templates()).unwrap();
    let document = check(&svg);
    let marks = marks(&document);
    assert_eq!(told(marks[1]), "class 1: 40 (20 to 50)");
    assert_eq!((told(marks[2]), told(marks[5])), ("class 2: no value".into(), "class 5: no value".into()));
    assert_eq!((marks[1].attribute("data-where"), marks[2].attribute("data-where")), (Some("class=1"), None));
    assert_eq!(marks.iter().map(|mark| shown(inside(*mark, "text"))).collect::<Vec<_>>(), ["10", "40", "–", "0", "80", "–"]);
}

#[test]
fn on_a_logarithmic_axis_equal_ratios_are_equal_lengths() {
    let log = Axis { log: true, ..Axis::counts("images") };
    let found = widths(&bars(&[Some(10.0), Some(100.0), Some(1000.0), Some(0.0)], log.clone()));
    assert!((found[1] - 2.0 * found[0]).abs() < 0.02 && (found[2] - 3.0 * found[0]).abs() < 0.02, "{found:?}");
    assert!(found[3] == 0.0 && widths(&bars(&[Some(1.0), Some(100.0)], log))[0] > 5.0);
}

#[test]
fn ticks_rise_along_the_axis() {
    for (name, svg) in sheet::all() {
        let document = check(&svg);
        let axis = document.descendants().find(|node| node.attribute("class") == Some("axis"));
        let at: Vec<f64> = axis
            .into_iter()
            .flat_map(|axis| axis.descendants())
            .filter(|node| node.has_tag_name("path"))
            .map(|path| path.attribute("d").unwrap()[1..].split(' ').next().unwrap().parse().unwrap())
            .collect();
        assert!(at.windows(2).all(|pair| pair[0] < pair[1]), "{name}: {at:?}");
        assert!(!svg.contains("<script") && svg.matches("http").count() == 1, "{name} asks for something else than itself");
    }
}

#[test]
fn dots_stand_at_their_numbers_and_series_differ_in_shape() {
    let pair = |a: f64, b: f64| vec![Some(Amount::of(a).between(a - 0.1, a + 0.1)), Some(Amount::of(b))];
    let figure = Dots {
        heading: heading(),
        category: "class".into(),
        axis: Axis::unit("score", 2),
        series: vec![Series::named("corrected"), Series::named("raw")],
        categories: vec!["a".into(), "b".into(), "c".into()],
        panels: vec![Panel { name: "recall".into(), amounts: vec![pair(0.25, 0.5), pair(0.75, 1.0), vec![None, None]] }],
    };
    let svg = figure.svg(&templates()).unwrap();
    let document = check(&svg);
    let marks = marks(&document);
    let x: Vec<f64> = marks[..4].iter().map(|mark| number(inside(*mark, "circle"), "cx")).collect();
    assert!((x[1] - x[0] - (x[3] - x[2])).abs() < 0.02 && (x[3] - x[0] - 3.0 * (x[1] - x[0])).abs() < 0.04, "{x:?}");
    let fills: Vec<_> = marks[..2].iter().map(|mark| inside(*mark, "circle").attribute("fill").unwrap()).collect();
    assert_eq!(fills, ["var(--series-1,#0072b2)", "var(--paper,#fff)"]);
    assert_eq!(told(marks[0]), "a, recall, corrected: 0.25 (0.15 to 0.35)");
    assert_eq!((told(marks[5]), shown(inside(marks[5], "text"))), ("c, recall, raw: no value".into(), "–".into()));
}

pub fn tiles(values: &[&[Option<f64>]]) -> Tiles {
    let tile = |value: &Option<f64>| Tile { value: *value, place: Some("class=\"a\" & b".into()) };
    Tiles {
        heading: heading(),
        row_title: "manual".into(),
        column_title: "model".into(),
        row_names: (0..values.len()).map(|row| format!("row {row}")).collect(),
        column_names: (0..values[0].len()).map(|column| format!("{column}")).collect(),
        axis: Axis { label: "share".into(), decimals: 1, ..Axis::share("") },
        numbers: true,
        diagonal: true,
        tiles: values.iter().map(|row| row.iter().map(tile).collect()).collect(),
    }
}

#[test]
fn tiles_darken_with_their_numbers_and_missing_ones_are_hatched() {
    let values: Vec<Option<f64>> = (0..=20).map(|step| Some(f64::from(step) / 20.0)).chain([None, Some(f64::INFINITY)]).collect();
    let figure = tiles(&[&values]);
    let svg = figure.svg(&templates()).unwrap();
    let document = check(&svg);
    let fills: Vec<&str> = marks(&document).iter().map(|mark| inside(*mark, "rect").attribute("fill").unwrap()).collect();
    assert_eq!(
        (fills[0], fills[21], fills[22]),
        ("var(--tile-none,#f1f1f1)", "url(#figure-a-b-c-missing)", "url(#figure-a-b-c-missing)")
    );
    let steps: Vec<u32> = fills[1..21].iter().map(|fill| fill[11..12].parse().unwrap()).collect();
    assert!(steps.is_sorted() && steps[0] == 0 && steps[19] == 8, "{steps:?}");
    assert_eq!(elements(&document, "text").filter(|text| shown(*text) == "55.0").count(), 1);
    assert_eq!(marks(&document)[3].attribute("data-where"), Some("class=\"a\" & b"));
}

fn luminance(hex: &str) -> f64 {
    let long = if hex.len() == 4 { hex.chars().skip(1).flat_map(|c| [c, c]).collect() } else { hex[1..].to_owned() };
    let part = |at: usize| f64::from(u8::from_str_radix(&long[at..at + 2], 16).unwrap()) / 255.0;
    let linear = |part: f64| if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
    0.2126 * linear(part(0)) + 0.7152 * linear(part(2)) + 0.0722 * linear(part(4))
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_is_readable_on_every_step_in_light_and_dark() {
    let theme = templates().render("figures/theme.css", ()).unwrap();
    let dark = |name: &str| {
        let (_, rest) = theme.split_once(&format!("--{name}:")).unwrap_or_else(|| panic!("{name} is not in the theme"));
        rest.split(';').next().unwrap().to_owned()
    };
    let values: Vec<Option<f64>> = (0..=20).map(|step| Some(f64::from(step) / 20.0)).collect();
    let svg = tiles(&[&values]).svg(&templates()).unwrap();
    let document = check(&svg);
    let inks = elements(&document, "text").filter(|text| text.attribute("fill").unwrap().contains("--tile-ink"));
    for (mark, ink) in marks(&document).into_iter().zip(inks) {
        let fill = inside(mark, "rect").attribute("fill").unwrap();
        let (fill, ink) = (fill[4..].trim_end_matches(')'), ink.attribute("fill").unwrap()[4..].trim_end_matches(')'));
        let ((name, colour), (ink_name, ink)) = (fill.split_once(',').unwrap(), ink.split_once(',').unwrap());
        assert!(contrast(colour, ink) >= 4.5, "{fill} {ink}: {}", contrast(colour, ink));
        let night = contrast(&dark(&name[2..]), &dark(&ink_name[2..]));
        assert!(night >= 4.5, "{name}: {night}");
    }
    assert!(contrast("#595959", "#ffffff") >= 4.5 && contrast(&dark("soft"), &dark("paper")) >= 4.5);
    // Every colour of every figure has its counterpart in the dark.
    for (_, svg) in sheet::all() {
        for part in svg.split("var(--").skip(1) {
            dark(part.split(',').next().unwrap());
        }
    }
}

#[test]
fn a_histogram_is_as_high_as_its_counts_and_the_curve_rises_to_all() {
    let bin =
        |(number, count): (u32, u64)| Bin { from: f64::from(number) / 4.0, to: f64::from(number + 1) / 4.0, count, place: None };
    let figure = Histogram {
        heading: heading(),
        x: Axis::unit("confidence", 2),
        counts: Axis::counts("images"),
        bins: [10, 0, 30, 60].into_iter().enumerate().map(|(at, count)| bin((u32::try_from(at).unwrap(), count))).collect(),
        marks: vec![Mark { at: 0.5, label: "half".into() }, Mark { at: f64::NAN, label: "nowhere".into() }],
    };
    let svg = figure.svg(&templates()).unwrap();
    let document = check(&svg);
    let high: Vec<f64> = marks(&document).iter().map(|mark| number(*mark, "height")).collect();
    assert!((high[2] / high[0] - 3.0).abs() < 0.02 && (high[3] / high[2] - 2.0).abs() < 0.02 && high[1] == 0.0, "{high:?}");
    assert_eq!(told(marks(&document)[3]), "0.75 to 1.00: 60 (60.0\u{a0}%)");
    let line = document.descendants().find(|node| node.attribute("class") == Some("cumulative")).unwrap().attribute("d").unwrap();
    let y: Vec<f64> = line[1..].split('L').map(|point| point.split_once(' ').unwrap().1.parse().unwrap()).collect();
    assert!(y.windows(2).all(|pair| pair[1] <= pair[0]) && ((y[0] - y[1]) * 10.0 - (y[0] - y[4])).abs() < 0.2, "{y:?}");
    assert_eq!(elements(&document, "path").filter(|path| path.attribute("class") == Some("marked")).count(), 1);
}

#[test]
fn a_line_is_interrupted_where_it_is_not_known_and_names_stand_apart() {
    let point = |x: i32, y: f64| Point { x: f64::from(x), y, band: Some((y - 0.1, y + 0.1)), place: Some(format!("epoch={x}")) };
    let line = |name: &str, last: f64| Line {
        name: name.into(),
        colour: Some("#FF0000".into()),
        points: vec![point(0, 0.1), point(1, 0.2), point(2, f64::NAN), point(3, 0.3), point(4, last)],
    };
    let figure = Curve {
        heading: heading(),
        x: Axis::counts("epoch"),
        y: Axis::unit("accuracy", 3),
        lines: (0..30).map(|number| line(&format!("line {number}"), 0.8)).collect(),
        chosen: Some(Chosen { x: 3.0, y: Some(0.3), label: "best".into(), place: Some("epoch=3".into()) }),
    };
    let svg = figure.svg(&templates()).unwrap();
    let document = check(&svg);
    let path = document.descendants().find(|node| node.attribute("class") == Some("line")).unwrap();
    let drawn = inside(path, "path");
    assert_eq!(drawn.attribute("d").unwrap().matches('M').count(), 2);
    assert_eq!(drawn.attribute("stroke"), Some("#ff0000"));
    assert_eq!(document.descendants().filter(|node| node.attribute("class") == Some("band")).count(), 60);
    assert_eq!(marks(&document).len(), 30 * 4 + 1);
    let last = *marks(&document).last().unwrap();
    assert_eq!((told(last), last.attribute("data-where")), ("best: 3; 0.300".into(), Some("epoch=3")));

    let many = Line { points: (0..100_000).map(|x| point(x, 0.5)).collect(), ..line("many", 0.0) };
    let svg = Curve { lines: vec![many], ..figure }.svg(&templates()).unwrap();
    assert!(svg.len() < 150_000, "{}", svg.len());
    check(&svg);
}

/// The days of a site in a figure, back from its paths.
fn columns(row: Node<'_, '_>, wide: usize) -> String {
    let mut cells = vec!['.'; wide];
    for path in row.descendants().filter(|node| node.has_tag_name("path")) {
        let state = path.attribute("stroke").unwrap()["var(--".len()..].chars().next().unwrap();
        let steps = path.attribute("d").unwrap().split_once('m').unwrap().1;
        let mut at = 0;
        for step in steps.split('m') {
            let (gap, long) = step.split_once(" 0h").unwrap();
            at += gap.parse::<usize>().unwrap();
            let end = at + long.parse::<usize>().unwrap();
            cells[at..end].fill(state);
            at = end;
        }
    }
    cells.into_iter().collect()
}

#[test]
fn activity_says_of_each_day_what_it_was_and_the_worst_wins() {
    let run = |from: i8, to: i8, state: State| Run { from: date(2020, 3, from), to: date(2020, 3, to), state };
    let runs = vec![
        run(1, 3, State::Active { images: 6 }),
        run(4, 5, State::Gap),
        run(7, 7, State::BadQuality),
        run(8, 9, State::NoImages),
        run(9, 10, State::ClockConflict),
        run(12, 11, State::ClockConflict),
    ];
    let site = Site { name: EVIL.into(), runs, place: Some("site=\"x\"".into()) };
    let figure = Activity { heading: heading(), sites: vec![site], most: 0 };
    let svg = figure.svg(&templates()).unwrap();
    let document = check(&svg);
    let row = marks(&document)[0];
    assert_eq!(columns(row, 10), "aaagg.bqcc");
    assert_eq!(row.attribute("data-where"), Some("site=\"x\""));
    assert!(svg.contains("1 to 9 a day: 3 days, 6 images"), "{svg}");
}

#[test]
fn five_years_of_a_whole_programme_stay_small_whatever_the_days_are() {
    let first = date(2016, 1, 1);
    let states = [State::Active { images: 5 }, State::Gap, State::BadQuality, State::NoImages, State::Active { images: 500 }];
    let site = |number: usize| Site {
        name: format!("site {number}"),
        runs: (0..1825)
            .map(|day| {
                // Two days each, so that no state hides another.
                let state = states[(usize::try_from(day).unwrap() / 2 + number) % states.len()];
                Run { from: first + day.days(), to: first + day.days(), state }
            })
            .collect(),
        place: Some(format!("site={number}")),
    };
    let figure = Activity { heading: heading(), sites: (0..164).map(site).collect(), most: 0 };
    let svg = figure.svg(&templates()).unwrap();
    assert!(svg.len() < 1_500_000, "{}", svg.len());
    let document = check(&svg);
    assert_eq!(marks(&document).len(), 164);
    assert!(svg.contains("A column is 2 days."));

    let few = Activity { most: 100, ..figure };
    let svg = few.svg(&templates()).unwrap();
    let document = check(&svg);
    assert_eq!(marks(&document).len(), 100);
    let about = document.root_element().children().find(|node| node.has_tag_name("desc")).unwrap().text().unwrap();
    assert!(about.contains("64 of 164 sites are not drawn"), "{about}");
    // As long as a calendar goes.
    let long = Run { from: date(-9999, 1, 1), to: date(9999, 12, 31), state: State::Gap };
    let sites = vec![Site { name: "old".into(), runs: vec![long], place: None }];
    check(&Activity { sites, ..few }.svg(&templates()).unwrap());
}
