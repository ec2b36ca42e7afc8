//! All figures on one page, to be looked at: `TRAPLINE_PICTURES=FOLDER cargo test figure::sheet` writes `FOLDER/figures.html`.

use std::fmt::Write as _;

use jiff::ToSpan;
use jiff::civil::date;

use super::testing::{check, templates};
use super::*;

const CLASSES: [&str; 9] = [
    "empty",
    "bad_quality",
    "stoat",
    "least_weasel",
    "lemming",
    "vole",
    "shrew",
    "bird",
    "rødrev (Vulpes vulpes) ved fjellgården <ute>",
];
const COLOURS: [&str; 9] = ["#bdbdbd", "#7f7f7f", "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442"];

fn heading(id: &str) -> Heading {
    Heading { id: id.into(), title: format!("A figure of {id}"), about: "What is to be seen.".into() }
}

/// Numbers that look like chance and are none.
fn noise(seed: u32) -> f64 {
    f64::from(seed.wrapping_mul(2_654_435_761).rotate_left(11).wrapping_mul(1_597_334_677) >> 8) / f64::from(1 << 24)
}

pub fn all() -> Vec<(&'static str, String)> {
    let t = templates();
    let counts = [812_345.0, 23_456.0, 1843.0, 622.0, 12_034.0, 8311.0, 977.0, 412.0, 7.0];
    let bars = |log: bool, series: &[&str]| Bars {
        heading: heading(&format!("bars {log} {}", series.len())),
        category: "class".into(),
        axis: Axis { log, ..Axis::counts("images") },
        series: series.iter().map(|name| Series::named(name)).collect(),
        bars: (0..9)
            .map(|i| Bar {
                name: CLASSES[i].into(),
                colour: Some(COLOURS[i].into()),
                amounts: (0..series.len().max(1))
                    .map(|k| {
                        let value = (counts[i] * (1.0 + 0.3 * f64::from(u8::try_from(k).unwrap()))).round();
                        (i + k != 8).then(|| Amount::of(value).at(&format!("class={}", CLASSES[i])))
                    })
                    .collect(),
            })
            .collect(),
    };
    let scores = |seed: u32| {
        let amounts = (0..9u32).map(|i| {
            let at = |k: u32| 0.55 + 0.42 * noise(seed + i * 7 + k);
            let one = |k: u32| Amount::of(at(k)).between(at(k) - 0.08, (at(k) + 0.04).min(1.0)).at("class=stoat");
            vec![(i != 3).then(|| one(1)), Some(one(2))]
        });
        amounts.collect()
    };
    let dots = Dots {
        heading: heading("dots"),
        category: "class".into(),
        axis: Axis { label: "score with 95 % interval".into(), ..Axis::unit("", 2) },
        series: vec![Series::named("corrected"), Series::named("raw")],
        categories: CLASSES.map(str::to_owned).to_vec(),
        panels: ["Precision", "Recall", "F1"]
            .iter()
            .zip([1, 100, 200])
            .map(|(name, seed)| Panel { name: (*name).into(), amounts: scores(seed) })
            .collect(),
    };
    let bins = Dots {
        heading: heading("accuracy"),
        category: "confidence".into(),
        axis: Axis::share("accuracy with 95 % interval"),
        series: vec![],
        categories: (0..10).map(|i| format!("{:.1} to {:.1}", f64::from(i) / 10.0, f64::from(i + 1) / 10.0)).collect(),
        panels: vec![Panel {
            name: String::new(),
            amounts: (0..10u32)
                .map(|i| {
                    vec![Some(Amount::of(0.1 * f64::from(i) + 0.05).between(0.09 * f64::from(i), 0.1 + 0.09 * f64::from(i)))]
                })
                .collect(),
        }],
    };
    let months: Vec<String> = (1..=12).map(|m| format!("2020-{m:02}")).collect();
    let tiles = Tiles {
        heading: heading("days"),
        row_title: "class".into(),
        column_title: "month".into(),
        row_names: CLASSES.map(str::to_owned).to_vec(),
        column_names: months.clone(),
        axis: Axis::counts("days × sites"),
        tiles: (0..9u32)
            .map(|r| {
                (0..12u32)
                    .map(|c| Tile {
                        value: (c != 4).then(|| (noise(r * 31 + c).powi(3) * 600.0 - 20.0).max(0.0).round()),
                        place: Some(format!("class={} month={}", CLASSES[r as usize], months[c as usize])),
                    })
                    .collect()
            })
            .collect(),
        ..Tiles::default()
    };
    let confusion = Tiles {
        heading: heading("confusion"),
        row_title: "manual".into(),
        column_title: "class of the model".into(),
        column_names: CLASSES.map(str::to_owned).to_vec(),
        axis: Axis { percent: true, decimals: 1, range: Some((0.0, 1.0)), label: "share of the manual class".into(), log: false },
        numbers: true,
        diagonal: true,
        tiles: (0..9u32)
            .map(|r| {
                let value = |c| if r == c { 0.93 - 0.05 * f64::from(r) } else { (noise(r * 17 + c) * 0.1 - 0.04).max(0.0) };
                (0..9).map(|c| Tile { value: Some(value(c)), place: None }).collect()
            })
            .collect(),
        ..tiles.clone()
    };
    let histogram = |log: bool| Histogram {
        heading: heading(&format!("confidence {log}")),
        x: Axis::unit("confidence", 2),
        counts: Axis { log, ..Axis::counts("images") },
        bins: (0..20u32)
            .map(|i| Bin {
                from: f64::from(i) / 20.0,
                to: f64::from(i + 1) / 20.0,
                count: if i < 4 { 0 } else { u64::from(i * i * i) * if i == 19 { 20 } else { 2 } },
                place: Some(format!("confidence={i}")),
            })
            .collect(),
        marks: vec![Mark { at: 0.85, label: "accepted from 0.85".into() }, Mark { at: 0.5, label: "never below 0.50".into() }],
    };
    let coverage = Curve {
        heading: heading("coverage"),
        x: Axis { range: Some((0.0, 1.0)), percent: true, label: "share of images accepted".into(), decimals: 1, log: false },
        y: Axis { range: None, percent: true, label: "accuracy of accepted images".into(), decimals: 1, log: false },
        lines: vec![Line {
            name: "all classes".into(),
            colour: None,
            points: (1..=40)
                .map(|i| {
                    let x = f64::from(i) / 40.0;
                    let y = 0.995 - 0.12 * x.powi(3);
                    Point {
                        x,
                        y,
                        band: Some((y - 0.01 - 0.02 * (1.0 - x), (y + 0.008).min(1.0))),
                        place: Some("threshold=0.5".into()),
                    }
                })
                .collect(),
        }],
        chosen: Some(Chosen { x: 0.85, y: Some(0.995 - 0.12 * 0.85f64.powi(3)), label: "threshold 0.85".into(), place: None }),
    };
    let history = Curve {
        heading: heading("training"),
        x: Axis::counts("epoch"),
        y: Axis { decimals: 3, ..Axis::counts("loss") },
        lines: ["training", "validation", "frozen layers", "validation, other sites"]
            .iter()
            .zip([0.1, 0.28, 0.3, 0.9])
            .map(|(name, floor)| Line {
                name: (*name).into(),
                colour: None,
                points: (0..25)
                    .map(|i| Point {
                        x: f64::from(i),
                        y: if i == 9 { f64::NAN } else { floor + (-0.2 * f64::from(i)).exp() },
                        ..Point::default()
                    })
                    .collect(),
            })
            .collect(),
        chosen: Some(Chosen { x: 17.0, label: "best epoch: 17".into(), ..Chosen::default() }),
    };
    let mut all = vec![
        ("bars", bars(false, &[]).svg(&t)),
        ("bars, log", bars(true, &[]).svg(&t)),
        ("bars, series", bars(true, &["2019", "2020", "2021"]).svg(&t)),
        ("dots", dots.svg(&t)),
        ("accuracy", bins.svg(&t)),
        ("tiles", tiles.svg(&t)),
        ("confusion", confusion.svg(&t)),
        ("histogram", histogram(false).svg(&t)),
        ("histogram, log", histogram(true).svg(&t)),
        ("coverage", coverage.svg(&t)),
        ("training", history.svg(&t)),
        ("empty", Bars { heading: heading("nothing"), ..Bars::default() }.svg(&t)),
    ];
    all.push(("activity", activity(12, 366, 12).svg(&t)));
    all.push(("activity, many", activity(60, 1825, 50).svg(&t)));
    all.into_iter().map(|(name, svg)| (name, svg.unwrap())).collect()
}

/// Sites with runs of some weeks.
pub fn activity(sites: u32, days: i32, most: usize) -> Activity {
    let first = date(2016, 7, 15);
    let site = |number: u32| {
        let (mut day, mut runs, mut seed) = (0, Vec::new(), number * 1000);
        while day < days {
            seed += 1;
            #[expect(clippy::cast_possible_truncation, reason = "tests")]
            let long = (1 + (noise(seed) * 40.0) as i32).min(days - day);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests")]
            let state = match (noise(seed + 50_000) * 20.0) as u32 {
                0 => State::NoImages,
                1 => State::Gap,
                2 => State::BadQuality,
                3 if number.is_multiple_of(5) => State::ClockConflict,
                k => State::Active { images: u64::try_from(long).unwrap() * [3, 40, 40, 400][k as usize % 4] },
            };
            runs.push(Run { from: first + day.days(), to: first + (day + long - 1).days(), state });
            day += long;
        }
        Site { name: format!("vj_komag_s_ko_{number}"), runs, place: Some(format!("site=vj_komag_s_ko_{number}")) }
    };
    Activity { heading: heading(&format!("activity {sites}")), sites: (0..sites).map(site).collect(), most }
}

#[test]
fn all_figures_are_sound_and_the_same_every_time() {
    let figures = all();
    for (name, svg) in &figures {
        println!("{name}: {} bytes", svg.len());
        check(svg);
    }
    assert_eq!(figures, all());
}

/// No picture is written where nobody asked for one.
#[test]
fn a_sheet_to_look_at() {
    let Some(folder) = std::env::var_os("TRAPLINE_PICTURES") else { return };
    let theme = templates().render("figures/theme.css", ()).unwrap();
    for mode in ["light", "dark"] {
        let mut page = format!(
            "<!doctype html><html data-theme='{mode}'><meta charset=utf-8><meta name=viewport content='width=device-width'>\
             <style>{theme} body{{background:var(--paper,#fff);color:var(--ink,#1b1b1b);font:14px system-ui;margin:16px;\
             display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:28px}}\
             .wide{{grid-column:1/-1}} div{{overflow-x:auto}}</style>"
        );
        for (name, svg) in all() {
            let class = if name.starts_with("activity") { "wide" } else { "" };
            write!(page, "<section class='{class}'><h3>{name}</h3><div>{svg}</div></section>").unwrap();
        }
        std::fs::write(std::path::Path::new(&folder).join(format!("figures-{mode}.html")), page).unwrap();
    }
}
