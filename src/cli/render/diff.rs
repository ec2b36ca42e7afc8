//! A difference of two locks, for people.

use super::columns::visible;
use super::style::{FAINT, GOOD, STRONG, WARNING, paint};
use super::words::{count, counted, list, reason, short};
use crate::run::difference::{Change, Difference, OutputDifference, StepDifference, TableDifference, Transition};
use crate::run::lockfile::{LockedLabels, LockedModel, LockedSeason};

/// How many changed columns are told one by one.
const COLUMNS: usize = 8;

/// The page of `diff`; `with_store` says whether tables could be looked at.
pub(in crate::cli) fn render(found: &Difference, with_store: bool) -> String {
    if found.is_empty() {
        return format!("{}: {} with the same recipes, inputs and outputs\n", paint(GOOD, "no difference"), steps(&found.same));
    }
    let mut page = String::new();
    let mut line = |what: &str, name: &str, words: &str| {
        let name = if name.is_empty() { String::new() } else { format!("{}: ", visible(name)) };
        page.push_str(&format!("{} {name}{words}\n", paint(STRONG, what)));
    };
    for fact in &found.facts {
        line(&fact.name, "", &plain(fact, |text| visible(text)));
    }
    for model in &found.models {
        line("model", &model.name, &plain(model, model_words));
    }
    for labels in &found.labels {
        line("labels", &labels.name, &label_words(labels));
    }
    for season in &found.seasons {
        line("season", &season.name, &season_words(season));
    }
    for step in &found.steps {
        page.push_str(&step_words(step));
    }
    if !found.same.is_empty() {
        page.push_str(&format!("\nthe same: {} ({})\n", steps(&found.same), paint(FAINT, &list(&found.same))));
    }
    if !with_store {
        page.push_str("Without a store only identities could be compared: `--store DIR` names one.\n");
    }
    page
}

fn steps(names: &[String]) -> String {
    counted(names.len() as u64, "step")
}

/// `OLD -> NEW`, `new, NEW`, `gone, was OLD`.
fn plain<T>(change: &Change<T>, words: impl Fn(&T) -> String) -> String {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => format!("{} -> {}", words(old), words(new)),
        (None, Some(new)) => format!("new, {}", words(new)),
        (Some(old), None) => format!("gone, was {}", words(old)),
        (None, None) => String::new(),
    }
}

fn model_words(model: &LockedModel) -> String {
    let training = model.training.as_ref().map(|id| format!(" (trained: {})", visible(id))).unwrap_or_default();
    format!("{}{training}", short(&model.id.to_string()))
}

fn label_words(change: &Change<LockedLabels>) -> String {
    let lines = |labels: &LockedLabels| counted(labels.lines, "line");
    match (&change.old, &change.new) {
        (Some(old), Some(new)) if old.lines == new.lines => format!("other lines ({})", count(new.lines)),
        _ => plain(change, lines),
    }
}

fn season_words(change: &Change<LockedSeason>) -> String {
    let words = |season: &LockedSeason| {
        let pins = if season.pins > 0 { format!(", sealed with {}", counted(season.pins, "row")) } else { String::new() };
        format!("{}{pins}", counted(season.files, "file"))
    };
    match (&change.old, &change.new) {
        (Some(old), Some(new)) if (old.files, old.pins) == (new.files, new.pins) => format!("other content in {}", words(new)),
        _ => plain(change, words),
    }
}

fn step_words(step: &StepDifference) -> String {
    let mut page = format!("\n{}", paint(STRONG, &visible(&step.step)));
    match (step.in_old, step.in_new) {
        (false, _) => page.push_str(&format!(" {}", paint(GOOD, "new"))),
        (_, false) => page.push_str(&format!(" {}", paint(WARNING, "gone"))),
        _ => {}
    }
    page.push('\n');
    for why in &step.reasons {
        page.push_str(&format!("  recipe: {}\n", visible(&reason(why))));
    }
    if step.recipe_changed && step.reasons.is_empty() {
        page.push_str("  recipe: another one (what changed in it is not in the store)\n");
    }
    for input in &step.inputs {
        page.push_str(&format!("  {}: {}\n", visible(&input.name), plain(input, |ids| shortened(ids))));
    }
    for metric in &step.metrics {
        page.push_str(&format!("  metric {}: {}\n", metric.name, plain(metric, |number| digits(*number))));
    }
    for output in &step.outputs {
        page.push_str(&output_words(output));
    }
    page
}

fn output_words(output: &OutputDifference) -> String {
    let change = &output.change;
    let rows = match (&change.old, &change.new) {
        (Some(old), Some(new)) if old.rows == new.rows => counted(new.rows, "row"),
        _ => plain(change, |output| counted(output.rows, "row")),
    };
    let mut page = format!("  output {}: {rows}", change.name);
    let Some(table) = &output.table else {
        if change.old.is_some() && change.new.is_some() {
            page.push_str(", other content");
        }
        return page + "\n";
    };
    let parts: Vec<_> = [(table.only_old, "only in the old"), (table.only_new, "only in the new"), (table.changed, "changed")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, words)| format!("{} {words}", count(n)))
        .collect();
    page.push_str(&format!("; {}\n", if parts.is_empty() { "the same rows".to_owned() } else { list(&parts) }));
    page + &table_words(table)
}

fn table_words(table: &TableDifference) -> String {
    let mut page = String::new();
    let mut say = |words: String| page.push_str(&format!("    {words}\n"));
    for (what, columns) in [("columns gone", &table.columns_gone), ("new columns", &table.columns_new)] {
        if !columns.is_empty() {
            say(format!("{what}: {}", list(columns)));
        }
    }
    for column in table.columns.iter().take(COLUMNS) {
        let transitions: Vec<_> = column.transitions.iter().map(transition).collect();
        let shown = if transitions.is_empty() { String::new() } else { format!(": {}", transitions.join(", ")) };
        say(format!("{} in {}{}", column.column, counted(column.rows, "row"), visible(&shown)));
    }
    if table.columns.len() > COLUMNS {
        let others: Vec<_> = table.columns[COLUMNS..].iter().map(|column| column.column.clone()).collect();
        say(format!("also {}", list(&others)));
    }
    let examples = [
        ("only in the old", &table.old_examples, table.only_old),
        ("only in the new", &table.new_examples, table.only_new),
        ("changed", &table.changed_examples, table.changed),
    ];
    for (what, examples, all) in examples {
        if !examples.is_empty() {
            let hidden = all.saturating_sub(examples.len() as u64);
            let more = if hidden > 0 { format!("; and {} more", count(hidden)) } else { String::new() };
            let words: Vec<_> = examples.iter().map(|example| shortened(&visible(example))).collect();
            say(paint(FAINT, &format!("{what}: {}{more}", words.join("; "))));
        }
    }
    page
}

/// A text with its identities cut short.
pub(in crate::cli) fn shortened(text: &str) -> String {
    const WHOLE: usize = "b3:".len() + 64;
    let mut words = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("b3:") {
        let (before, id) = rest.split_at(at);
        words.push_str(before);
        let length = id.char_indices().nth(WHOLE).map_or(id.len(), |(end, _)| end);
        words.push_str(&short(&id[..length]));
        rest = &id[length..];
    }
    words + rest
}

/// A number with six decimals at most.
fn digits(number: f64) -> String {
    let text = format!("{number:.6}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn transition(one: &Transition) -> String {
    let words = |value: &Option<String>| value.clone().unwrap_or_else(|| "missing".into());
    format!("{} -> {} ({})", words(&one.old), words(&one.new), count(one.rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ContentId;
    use crate::plan::decision::Reason;
    use crate::run::difference::ColumnDifference;
    use crate::run::lockfile::LockedOutput;

    fn plain_page(found: &Difference, with_store: bool) -> String {
        anstream::adapter::strip_str(&render(found, with_store)).to_string()
    }

    fn change<T>(name: &str, old: Option<T>, new: Option<T>) -> Change<T> {
        Change { name: name.into(), old, new }
    }

    fn found() -> Difference {
        let output = |id, rows| Some(LockedOutput { port: "predictions".into(), id: ContentId([id; 32]), rows });
        let transition =
            |old: Option<&str>, new: &str, rows| Transition { old: old.map(Into::into), new: Some(new.into()), rows };
        let table = TableDifference {
            key: vec!["content".into()],
            only_old: 2,
            only_new: 10,
            changed: 1_400,
            same: 118,
            columns_new: vec!["p_lemming".into()],
            columns: vec![
                ColumnDifference {
                    column: "label".into(),
                    rows: 12,
                    transitions: vec![transition(Some("vole"), "stoat", 8), transition(None, "empty", 4)],
                },
                ColumnDifference { column: "confidence".into(), rows: 1_400, transitions: vec![] },
            ],
            old_examples: vec!["a 2024 1.jpg".into(), "a 2024 2.jpg".into()],
            changed_examples: vec!["a 2024 3.jpg: label vole -> stoat".into()],
            ..TableDifference::default()
        };
        let step = StepDifference {
            step: "predictions".into(),
            in_old: true,
            in_new: true,
            recipe_changed: true,
            reasons: vec![Reason::Model { old: Some("b3:11".into()), new: Some("b3:22".into()) }],
            inputs: vec![change("input images", Some("b3:33".into()), Some("b3:44".into()))],
            outputs: vec![OutputDifference { change: change("predictions", output(1, 120), output(2, 128)), table: Some(table) }],
            metrics: vec![change("accuracy", Some(0.93), Some(0.94))],
        };
        let model =
            |id, training: Option<&str>| Some(LockedModel { id: ContentId([id; 32]), training: training.map(Into::into) });
        let season = |id, files, pins| Some(LockedSeason { manifest: ContentId([id; 32]), files, pins });
        let labels = |id, lines| Some(LockedLabels { head: ContentId([id; 32]), lines });
        Difference {
            facts: vec![change("tool", Some("trapline 0.1.0".into()), Some("trapline 0.2.0".into()))],
            models: vec![change("demo@1", model(1, None), None), change("demo@2", None, model(2, Some("2026-01")))],
            labels: vec![change("labels/a.csv", labels(1, 3), labels(2, 4)), change("labels/b.csv", labels(1, 3), labels(2, 3))],
            seasons: vec![change("2023", season(1, 9, 0), season(2, 9, 40)), change("2024", season(1, 9, 0), season(2, 9, 0))],
            steps: vec![step],
            same: vec!["images".into(), "metadata".into()],
        }
    }

    #[test]
    fn a_difference_is_told_from_the_large_to_the_small() {
        insta::assert_snapshot!(plain_page(&found(), true), @"
        tool trapline 0.1.0 -> trapline 0.2.0
        model demo@1: gone, was b3:010101010101
        model demo@2: new, b3:020202020202 (trained: 2026-01)
        labels labels/a.csv: 3 lines -> 4 lines
        labels labels/b.csv: other lines (3)
        season 2023: 9 files -> 9 files, sealed with 40 rows
        season 2024: other content in 9 files

        predictions
          recipe: model: b3:11 -> b3:22
          input images: b3:33 -> b3:44
          metric accuracy: 0.93 -> 0.94
          output predictions: 120 rows -> 128 rows; 2 only in the old, 10 only in the new and 1 400 changed
            new columns: p_lemming
            label in 12 rows: vole -> stoat (8), missing -> empty (4)
            confidence in 1 400 rows
            only in the old: a 2024 1.jpg; a 2024 2.jpg
            changed: a 2024 3.jpg: label vole -> stoat; and 1 399 more

        the same: 2 steps (images and metadata)
        ");
    }

    #[test]
    fn identities_and_numbers_are_cut_short() {
        let id = ContentId([0xab; 32]);
        assert_eq!(shortened(&format!("{id} {id}: vole")), "b3:abababababab b3:abababababab: vole");
        assert_eq!([shortened("absent"), shortened("b3:\u{e9}")], ["absent", "b3:\u{e9}"]);
        assert_eq!([0.979_591_836_7, 4.0, -0.5, 1e-9].map(digits), ["0.979592", "4", "-0.5", "0"]);
    }

    #[test]
    fn what_cannot_be_looked_at_is_said() {
        let mut found = found();
        found.steps[0].reasons.clear();
        found.steps[0].outputs[0].table = None;
        found.steps[0].metrics.clear();
        let bare = Difference { steps: found.steps, ..Difference::default() };
        insta::assert_snapshot!(plain_page(&bare, false), @"
        predictions
          recipe: another one (what changed in it is not in the store)
          input images: b3:33 -> b3:44
          output predictions: 120 rows -> 128 rows, other content
        Without a store only identities could be compared: `--store DIR` names one.
        ");
        let none = Difference { same: vec!["images".into()], ..Difference::default() };
        assert_eq!(plain_page(&none, true), "no difference: 1 step with the same recipes, inputs and outputs\n");
    }
}
