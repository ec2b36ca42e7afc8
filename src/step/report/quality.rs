//! How right the model is: accuracy, precision, recall and F1, who is taken for whom, and accuracy by confidence.

use super::draft::{Draft, heading, source};
use super::inputs::{Input, Named, condition, count, number};
use super::listing::listing;
use crate::report::figure::{Amount, Axis, Dots, Heading, Panel as DotPanel, Series, Tile, Tiles};
use crate::report::page::{Panel, Section, Sheet, Value};
use crate::step::StepError;
use crate::table::Table;

/// So many groups have figures of their own, the newest first; a table has all.
const DRAWN: usize = 40;
/// So many rows of that table are on the page; the download has all.
const LISTED: usize = 200;

/// Precision, recall and F1: name on the page, column, column without correction.
const FIGURES: [(&str, &str, &str); 3] =
    [("precision", "precision", "raw_precision"), ("recall", "recall", "raw_recall"), ("F1", "f1", "raw_f1")];

pub(super) fn section(draft: &Draft<'_>) -> Result<Option<Section>, StepError> {
    let mut panels = Vec::new();
    for (at, input) in draft.inputs.of_kind("evaluate", "overall").enumerate() {
        panels.push(overall(draft, input, at)?);
    }
    for (at, input) in draft.inputs.of_kind("evaluate", "classes").enumerate() {
        panels.extend(by_group(input, "class", |table, rows, name, place, latest| {
            classes(draft, input, &Part { table, rows, name, place, id: format!("quality-{}-", at + 1), latest })
        })?);
    }
    for (at, input) in draft.inputs.of_kind("evaluate", "confusion").enumerate() {
        panels.extend(by_group(input, "manual", |table, rows, name, place, latest| {
            confusion(draft, input, &Part { table, rows, name, place, id: format!("confusion-{}-", at + 1), latest })
        })?);
    }
    for (at, input) in draft.inputs.of_kind("evaluate", "bins").enumerate() {
        if !has_checked(input)? {
            continue;
        }
        panels.extend(by_group(input, "bin_from", |table, rows, name, place, latest| {
            bins(draft, input, &Part { table, rows, name, place, id: format!("bins-{}-", at + 1), latest })
        })?);
    }
    number_ids(&mut panels);
    let lead = "People looked at samples of images without seeing what the model says. Classes were not checked in proportion to how common \
                they are, so recall, F1 and accuracy are corrected: each checked image counts for as many as it was drawn from. Intervals are \
                of 95 % unless the pipeline says otherwise.";
    let section = Section { id: "quality".into(), title: "How right the model is".into(), lead: lead.into(), panels };
    Ok((!section.panels.is_empty()).then_some(section))
}

/// Says whether a checked image lies in any bin: a model without confidences has none.
fn has_checked(input: Input<'_>) -> Result<bool, StepError> {
    let table = input.read(&["checked"])?;
    Ok((0..table.rows).any(|row| count(&table, row, "checked") > 0))
}

/// Panels that share the beginning of their id are numbered.
fn number_ids(panels: &mut [Panel]) {
    let mut numbers = std::collections::BTreeMap::<String, usize>::new();
    for panel in panels.iter_mut().filter(|panel| panel.id.ends_with('-')) {
        let number = numbers.entry(panel.id.clone()).or_default();
        *number += 1;
        if *number > 1 {
            // Said once for all groups.
            panel.note.clear();
        }
        panel.id = format!("{}{number}", panel.id);
    }
}

/// The rows of one group of a table of results.
struct Part<'t> {
    table: &'t Table,
    rows: Vec<usize>,
    name: &'t str,
    place: &'t [String],
    /// Beginning of the panel's id.
    id: String,
    latest: bool,
}

impl Part<'_> {
    fn text(&self, row: usize, column: &str) -> String {
        self.table.column(column).and_then(|values| values.text(row)).unwrap_or_default().to_owned()
    }

    fn number(&self, row: usize, column: &str) -> Option<f64> {
        number(self.table, row, column)
    }

    /// Where a class or a bin of the group stands.
    fn at(&self, condition: String) -> Vec<String> {
        self.place.iter().cloned().chain([condition]).collect()
    }

    fn heading(&self, title: &str, about: &str) -> Heading {
        heading(&format!("{}{}", self.id, self.name), &format!("{title}: {}", self.name), about)
    }

    fn panel(&self, title: &str, note: &str, figure: String, sheet: Sheet, input: Input<'_>) -> Panel {
        Panel {
            id: self.id.clone(),
            title: format!("{title}: {}", self.name),
            note: note.to_owned(),
            folded: !self.latest,
            figure: Some(figure),
            sheet: Some(sheet),
            source: Some(source(input)),
            ..Panel::default()
        }
    }
}

/// A number with its interval.
fn amount(table: &Table, row: usize, column: &str, bounds: [&str; 2], place: &str) -> Option<Amount> {
    let amount = Amount::of(number(table, row, column)?).at(place);
    Some(match bounds.map(|bound| number(table, row, bound)) {
        [Some(lower), Some(upper)] => amount.between(lower, upper),
        _ => amount,
    })
}

/// A panel for each group of a table of results, whose groups stand before the column `first`; the last season comes first.
fn by_group(
    input: Input<'_>,
    first: &str,
    panel: impl Fn(&Table, Vec<usize>, &str, &[String], bool) -> Result<Panel, StepError>,
) -> Result<Vec<Panel>, StepError> {
    let table = input.table.read(None)?;
    let named = Named::of(&table, &input.groups(first))?;
    let latest = named.is_latest();
    let order = named.newest_first();
    let drawn = order.iter().take(DRAWN);
    let mut panels = drawn
        .map(|group| panel(&table, named.rows(*group), &named.names[*group], &named.places[*group], latest[*group]))
        .collect::<Result<Vec<_>, _>>()?;
    if order.len() > DRAWN {
        let id = format!("all-{}-{}-", input.origin.step, input.origin.output);
        let title = format!("All {} groups: {}.{}", order.len(), input.origin.step, input.origin.output);
        panels.push(Panel { folded: true, ..listing(input, &id, &title, LISTED)? });
    }
    Ok(panels)
}

fn overall(draft: &Draft<'_>, input: Input<'_>, at: usize) -> Result<Panel, StepError> {
    let table = input.table.read(None)?;
    let groups = input.groups("images");
    let named = Named::of(&table, &groups)?;
    let columns: Vec<&str> = groups.iter().map(String::as_str).collect();
    let mut sheet = Sheet::new(
        &[&columns[..], &["images", "checked", "accuracy", "from", "to", "uncorrected", "random", "from ", "to "]].concat(),
    );
    let (mut categories, mut amounts) = (Vec::new(), Vec::new());
    for row in 0..table.rows {
        let group = named.groups.of_row[row] as usize;
        let share = |column: &str| Value::share(number(&table, row, column), 1);
        let mut cells = named.cells(group);
        cells.extend([Value::count(count(&table, row, "images")), Value::count(count(&table, row, "checked"))]);
        cells.extend(["accuracy", "accuracy_lower", "accuracy_upper", "raw_accuracy"].map(share));
        cells.extend(["random_accuracy", "random_lower", "random_upper"].map(share));
        sheet.push(cells, named.places[group].clone());
        categories.push(named.names[group].clone());
        let place = named.places[group].join(" ");
        amounts.push(vec![
            amount(&table, row, "accuracy", ["accuracy_lower", "accuracy_upper"], &place),
            amount(&table, row, "random_accuracy", ["random_lower", "random_upper"], &place),
        ]);
    }
    let id = format!("accuracy-{}", at + 1);
    let figure = Dots {
        heading: heading(&id, "Accuracy", "Share of images whose label is right, with its interval, by group."),
        category: "group".into(),
        axis: Axis::unit("accuracy", 2),
        series: vec![Series::named("corrected"), Series::named("random sample alone")],
        categories,
        panels: vec![DotPanel { name: "accuracy".into(), amounts }],
    };
    Ok(Panel {
        id,
        title: "Accuracy".into(),
        note: "Share of all images whose label is right. The random sample alone says the same with fewer images, and without any correction."
            .into(),
        figure: Some(draft.drawn(|templates| figure.svg(templates))?),
        sheet: Some(sheet),
        table_first: true,
        source: Some(source(input)),
        ..Panel::default()
    })
}

fn classes(draft: &Draft<'_>, input: Input<'_>, part: &Part<'_>) -> Result<Panel, StepError> {
    let mut sheet = Sheet::new(&[
        "class",
        "called so",
        "checked",
        "precision",
        "from",
        "to",
        "recall",
        "from ",
        "to ",
        "F1",
        "from  ",
        "to  ",
        "raw precision",
        "raw recall",
        "raw F1",
        "abundance",
        "at least",
        "at most",
        "note",
    ]);
    let mut panels: Vec<DotPanel> =
        FIGURES.iter().map(|(name, ..)| DotPanel { name: (*name).to_owned(), amounts: Vec::new() }).collect();
    let mut categories = Vec::new();
    for row in part.rows.iter().copied() {
        let class = part.text(row, "class");
        let place = part.at(condition("class", &class));
        let value = |column: &str| Value::number(part.number(row, column), 2);
        let mut cells = vec![Value::text(&class)];
        cells.extend(["automatic", "checked"].map(|column| Value::count(count(part.table, row, column))));
        for (panel, (_, column, raw)) in panels.iter_mut().zip(FIGURES) {
            let bounds = [format!("{column}_lower"), format!("{column}_upper")];
            cells.push(value(column));
            cells.extend(bounds.iter().map(|bound| value(bound)));
            let place = place.join(" ");
            let raw = part.number(row, raw).map(|value| Amount::of(value).at(&place));
            panel.amounts.push(vec![amount(part.table, row, column, [&bounds[0], &bounds[1]], &place), raw]);
        }
        cells.extend(["raw_precision", "raw_recall", "raw_f1"].map(value));
        let images = |column: &str| Value::number(part.number(row, column), 0);
        cells.extend(["abundance", "abundance_lower", "abundance_upper"].map(images));
        cells.push(Value::Text(part.text(row, "warning")));
        sheet.push(cells, place);
        categories.push(class);
    }
    let title = "Precision, recall and F1";
    let figure = Dots {
        heading: part.heading(title, "By class, with intervals."),
        category: "class".into(),
        axis: Axis::unit("", 2),
        series: vec![Series::named("corrected"), Series::named("raw")],
        categories,
        panels,
    };
    let note = "Precision: of the images called so, the share that are so. Recall: of the images that are so, the share that was found. \
                Filled: corrected for how common each class is; open: as counted among the checked images.";
    Ok(part.panel(title, note, draft.drawn(|templates| figure.svg(templates))?, sheet, input))
}

fn confusion(draft: &Draft<'_>, input: Input<'_>, part: &Part<'_>) -> Result<Panel, StepError> {
    let mut manual: Vec<String> = Vec::new();
    let mut automatic: Vec<String> = Vec::new();
    for row in part.rows.iter().copied() {
        for (column, names) in [("manual", &mut manual), ("automatic", &mut automatic)] {
            let name = part.text(row, column);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let mut sheet = Sheet::new(&["what people see", "checked"]);
    sheet.column_places = vec![String::new(); 2];
    for name in &automatic {
        sheet.columns.push(name.clone());
        sheet.column_places.push(condition("automatic", name));
    }
    let mut tiles = Vec::new();
    for class in &manual {
        let cell = |name: &String| {
            part.rows.iter().copied().find(|row| part.text(*row, "manual") == *class && part.text(*row, "automatic") == *name)
        };
        let cells: Vec<Option<usize>> = automatic.iter().map(cell).collect();
        let seen: u64 = cells.iter().flatten().map(|row| count(part.table, *row, "count")).sum();
        let counts = cells.iter().map(|row| row.map_or(Value::Missing, |row| Value::count(count(part.table, row, "count"))));
        let place = part.at(condition("manual", class));
        let tile = |(row, name): (&Option<usize>, &String)| Tile {
            value: row.and_then(|row| part.number(row, "percent_of_manual")).map(|percent| percent / 100.0),
            place: Some(format!("{} {}", place.join(" "), condition("automatic", name))),
        };
        tiles.push(cells.iter().zip(&automatic).map(tile).collect());
        sheet.push([Value::text(class), Value::count(seen)].into_iter().chain(counts).collect(), place);
    }
    let title = "What is taken for what";
    let figure = Tiles {
        heading: part.heading(title, "Percent of the checked images of each manual class, by what the model calls them."),
        row_title: "what people see".into(),
        column_title: "what the model says".into(),
        row_names: manual,
        column_names: automatic,
        axis: Axis { decimals: 0, ..Axis::share("share of the manual class") },
        numbers: true,
        diagonal: true,
        tiles,
    };
    let note = "Of the checked images in which people see a class (a row), the percentage that the model calls so (a column). The table has the \
                numbers of images.";
    Ok(part.panel(title, note, draft.drawn(|templates| figure.svg(templates))?, sheet, input))
}

fn bins(draft: &Draft<'_>, input: Input<'_>, part: &Part<'_>) -> Result<Panel, StepError> {
    let mut sheet = Sheet::new(&["above", "up to", "images", "checked", "right", "accuracy", "from", "to"]);
    let (mut categories, mut amounts) = (Vec::new(), Vec::new());
    for row in part.rows.iter().copied() {
        let ends = ["bin_from", "bin_to"].map(|column| part.number(row, column).unwrap_or_default());
        let bin = ["bin_from", "bin_to"].iter().zip(ends).map(|(column, end)| condition(column, &end.to_string()));
        let place: Vec<String> = part.place.iter().cloned().chain(bin).collect();
        let mut cells: Vec<Value> = ends.map(|end| Value::Number(end, 2)).into();
        cells.extend(["images", "checked", "correct"].map(|column| Value::count(count(part.table, row, column))));
        cells.extend(["accuracy", "lower", "upper"].map(|column| Value::number(part.number(row, column), 2)));
        categories.push(format!("{:.1} to {:.1}", ends[0], ends[1]));
        amounts.push(vec![amount(part.table, row, "accuracy", ["lower", "upper"], &place.join(" "))]);
        sheet.push(cells, place);
    }
    let title = "Accuracy by confidence";
    let figure = Dots {
        heading: part.heading(title, "Share of right labels among the checked images of each bin of confidence, with intervals."),
        category: "confidence".into(),
        axis: Axis::unit("accuracy", 2),
        series: vec![Series::named("checked images")],
        categories,
        panels: vec![DotPanel { name: "accuracy".into(), amounts }],
    };
    let note = "A model whose confidence can be taken at its word has about this accuracy in each bin. Bins without a checked image have no dot.";
    Ok(part.panel(title, note, draft.drawn(|templates| figure.svg(templates))?, sheet, input))
}
