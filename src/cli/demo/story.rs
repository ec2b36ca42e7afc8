//! What the demo found: what the model saw, how good it is, what was left to people, and how far all that is true.

use std::collections::{BTreeMap, BTreeSet};

use super::Truth;
use crate::check::Pipeline;
use crate::cli::render::columns::{Align, Text, columns};
use crate::cli::render::style::STRONG;
use crate::cli::render::words::{count, counted};
use crate::cli::stored;
use crate::run::RunOptions;
use crate::store::{ResultManifest, Store};
use crate::table::Table;

/// Tells it, as tables.
pub(super) fn tell(pipeline: &Pipeline, options: &RunOptions, truth: &Truth) -> anyhow::Result<String> {
    let store = stored::open(&options.store)?;
    let read = |step: &str, port: Option<&str>, names: &[&str]| read(pipeline, &store, step, port, names);
    let predictions = read("predictions", None, &["root", "path", "season", "locality", "label"])?;
    let overall = ["season", "locality", "images", "checked", "accuracy", "accuracy_lower", "accuracy_upper"];
    let overall = read("quality", Some("overall"), &overall)?;
    let finals = read("final", None, &["root", "path", "season", "locality", "final"])?;
    Ok(format!(
        "\n{}\n{}\n{}\n{}\n",
        saw(&predictions),
        quality(&overall, &shares(&predictions, "label", truth)),
        left_to_people(pipeline, &store)?,
        end(&finals, truth)
    ))
}

/// Tells what retraining brought, as tables.
pub(super) fn retold(pipeline: &Pipeline, options: &RunOptions, truth: &Truth) -> anyhow::Result<String> {
    let store = stored::open(&options.store)?;
    let read = |step: &str, port: Option<&str>, names: &[&str]| read(pipeline, &store, step, port, names);
    let names = ["scope", "season", "compared", "accuracy_current", "accuracy_candidate", "gain", "gain_lower", "gain_upper"];
    let compared = read("verdict", None, &names)?;
    let labels = ["root", "path", "season", "locality", "label"];
    let right = |step: &str| -> anyhow::Result<Share> {
        let shares = shares(&read(step, None, &labels)?, "label", truth);
        Ok(shares.values().fold((0, 0), |(right, all), share| (right + share.0, all + share.1)))
    };
    let (current, candidate) = (right("predictions")?, right("candidate")?);
    let header = [
        ("on the random sample", Align::Left),
        ("images", Align::Right),
        ("in use", Align::Right),
        ("retrained", Align::Right),
        ("gain", Align::Right),
        ("interval (95 %)", Align::Right),
    ];
    let rows: Vec<Vec<Text>> = (0..compared.rows)
        .map(|row| {
            let share = |name: &str| compared.column(name).and_then(|column| column.float64(row));
            let group = text(&compared, "season", row).filter(|_| text(&compared, "scope", row) == Some("group"));
            let points = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{:+.1}", 100.0 * value));
            let bounds = format!("{} to {}", points(share("gain_lower")), points(share("gain_upper")));
            vec![
                group.map_or("all".to_owned(), |season| format!("season {season}")).into(),
                compared.cell(row, "compared").to_string().into(),
                share("accuracy_current").map_or("-".to_owned(), percent).into(),
                share("accuracy_candidate").map_or("-".to_owned(), percent).into(),
                points(share("gain")).into(),
                bounds.into(),
            ]
        })
        .collect();
    Ok(format!(
        "\n{}\nOf all images, {} are labelled right by the model in use and {} by the retrained one: the generator knows.\n",
        columns(&header, &rows, STRONG),
        percent(ratio(current)),
        percent(ratio(candidate)),
    ))
}

/// Some columns of the table that a step yielded last.
fn read(pipeline: &Pipeline, store: &Store, step: &str, port: Option<&str>, names: &[&str]) -> anyhow::Result<Table> {
    let result = stored::result(pipeline, store, step)?;
    stored::table(store, &result, port)?.read(Some(names)).map_err(stored::store_error)
}

/// Images of each label by locality.
fn saw(predictions: &Table) -> String {
    let mut tally = BTreeMap::<&str, BTreeMap<&str, u64>>::new();
    for row in 0..predictions.rows {
        let label = text(predictions, "label", row).unwrap_or("(not readable)");
        *tally.entry(label).or_default().entry(text(predictions, "locality", row).unwrap_or_default()).or_default() += 1;
    }
    let localities: BTreeSet<&str> = tally.values().flat_map(BTreeMap::keys).copied().collect();
    let mut header = vec![("what the model saw", Align::Left)];
    header.extend(localities.iter().map(|name| (*name, Align::Right)));
    let rows: Vec<Vec<Text>> = tally
        .iter()
        .map(|(label, by)| {
            let cells = localities.iter().map(|name| by.get(name).map_or("-".to_owned(), |n| count(*n)).into());
            std::iter::once(Text::from(*label)).chain(cells).collect()
        })
        .collect();
    columns(&header, &rows, STRONG)
}

/// Right and known labels.
type Share = (u64, u64);

/// How many labels are right, by season and locality: the generator knows the truth.
fn shares(table: &Table, column: &str, truth: &Truth) -> BTreeMap<(String, String), Share> {
    let mut shares = BTreeMap::<(String, String), Share>::new();
    for row in 0..table.rows {
        let place = text(table, "root", row).zip(text(table, "path", row)).map(|(root, path)| format!("{root}/{path}"));
        let known = place.and_then(|place| truth.get(&place));
        if let (Some(known), Some(label)) = (known, text(table, column, row)) {
            let of = |name: &str| text(table, name, row).unwrap_or_default().to_owned();
            let share = shares.entry((of("season"), of("locality"))).or_default();
            share.0 += u64::from(known == label);
            share.1 += 1;
        }
    }
    shares
}

/// What the checked images say of the model, beside the truth.
fn quality(overall: &Table, truth: &BTreeMap<(String, String), Share>) -> String {
    let header = [
        ("how right the model is", Align::Left),
        ("images", Align::Right),
        ("checked", Align::Right),
        ("estimate", Align::Right),
        ("95 % interval", Align::Right),
        ("in truth", Align::Right),
    ];
    let rows: Vec<Vec<Text>> = (0..overall.rows)
        .map(|row| {
            let (season, locality) = (overall.cell(row, "season").to_string(), overall.cell(row, "locality").to_string());
            let number = |name: &str| overall.column(name).and_then(|column| column.float64(row));
            let whole = |name: &str| overall.cell(row, name).to_string();
            let interval = match (number("accuracy_lower"), number("accuracy_upper")) {
                (Some(lower), Some(upper)) => format!("{} to {}", percent(lower), percent(upper)),
                _ => "-".to_owned(),
            };
            let known = truth.get(&(season.clone(), locality.clone()));
            vec![
                Text::from(format!("{locality} {season}")),
                whole("images").into(),
                whole("checked").into(),
                number("accuracy").map_or("-".to_owned(), percent).into(),
                interval.into(),
                known.map_or("-".to_owned(), |share| percent(ratio(*share))).into(),
            ]
        })
        .collect();
    columns(&header, &rows, STRONG)
}

/// How much the threshold leaves to people.
fn left_to_people(pipeline: &Pipeline, store: &Store) -> anyhow::Result<String> {
    let metric = |result: &ResultManifest, name: &str| result.metrics.get(name).copied().unwrap_or(0.0);
    let accepted = stored::result(pipeline, store, "accepted")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of images")]
    let review = metric(&accepted, "to_review") as u64;
    Ok(format!(
        "{} of all labels are accepted as they are; people look at {}, which takes them {:.1} hours.\n",
        percent(metric(&accepted, "coverage")),
        counted(review, "image"),
        metric(&accepted, "hours_to_review"),
    ))
}

/// How right the data set is.
fn end(finals: &Table, truth: &Truth) -> String {
    let share = shares(finals, "final", truth).values().fold((0, 0), |sum, share| (sum.0 + share.0, sum.1 + share.1));
    let (right, known) = share;
    format!("The data set: {} of {} images are right ({}).", count(right), count(known), percent(ratio(share)))
}

#[expect(clippy::cast_precision_loss, reason = "a demo has some thousand images")]
fn ratio((right, known): Share) -> f64 {
    if known == 0 { 0.0 } else { right as f64 / known as f64 }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn text<'a>(table: &'a Table, name: &str, row: usize) -> Option<&'a str> {
    table.column(name).and_then(|column| column.text(row))
}
