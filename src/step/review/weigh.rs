//! Rows of label files against the images asked about: which image, which class, which answer stands.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::agreement::{Agreed, agreed};
use super::asked::{Asked, Found};
use super::classes::{Classes, Named};
use super::findings::Findings;
use super::places;
use super::rows::{self, Row};
use super::tables;
use super::weighed::{Weighed, is_shown};
use crate::labels::{Answers, Label, Standing, Verdict, shown, standings};
use crate::moves::Moves;
use crate::stats::interval::number;
use crate::step::{Finding, MISSING_LABELS, Outputs, Params, StepError};
use crate::table::{ColumnBuilder, Schema, Table, Type};
use crate::taxonomy::Taxonomy;

/// What a review step asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The folder of label files, relative to the project.
    pub folder: String,
    /// The model's answer must not be in sight.
    pub blind: bool,
    /// How many people must answer about each image.
    pub reviewers: usize,
    /// Which rows are meant.
    pub question: String,
    /// Classes beside those of the programme.
    pub extra_classes: Vec<String>,
}

impl Question {
    /// The question of a step with these parameters; `None` where the folder is missing.
    #[must_use]
    pub fn of(params: &Params) -> Option<Self> {
        Some(Self {
            folder: params.text("labels")?.to_owned(),
            blind: params.bool("blind"),
            reviewers: params.int("reviewers_per_image").and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
            question: params.text("question").unwrap_or("class").to_owned(),
            extra_classes: params.texts("extra_classes").into_iter().map(|name| name.value).collect(),
        })
    }

    /// The class as declared that `written` names, or the way out.
    ///
    /// # Errors
    /// One sentence, where it names none.
    pub fn class(&self, taxonomy: &Taxonomy, written: &str) -> Result<String, String> {
        match Classes::new(taxonomy, &self.extra_classes).named(written) {
            Named::Class(name) | Named::Alike(name) => Ok(name.to_owned()),
            Named::Unknown(help) => Err(unknown(written, help)),
        }
    }
}

pub(super) fn unknown(written: &str, help: Option<String>) -> String {
    format!("`{written}` is no class{}", help.map(|help| format!("; {help}")).unwrap_or_default())
}

/// What a step yields, and the images that it asked about.
#[derive(Debug)]
pub struct Reviewed {
    /// The images asked about, answered or not.
    pub asked: Asked,
    /// Tables, findings and metrics of the step.
    pub outputs: Outputs,
    /// How far people agree; `None` where no image has answers of two.
    pub agreement: Option<Agreed>,
}

impl Reviewed {
    /// The output at `port`.
    ///
    /// # Errors
    /// When a review has no such port.
    pub fn output(&self, port: &str) -> Result<&Table, StepError> {
        let at = super::KIND.outputs.iter().position(|output| output.name == port);
        let table = at.and_then(|at| self.outputs.tables.get(at));
        table.ok_or_else(|| StepError::Data(format!("a review has no output `{port}`")))
    }
}

/// Weighs the answers in `files` (name, content) about `images` without those in `known`; `moves` says which images lay elsewhere once.
///
/// # Errors
/// When a file cannot be used at all, or the images cannot be told apart.
pub fn review(
    question: &Question,
    taxonomy: &Taxonomy,
    images: &[Table],
    known: &[Table],
    moves: &Moves,
    files: &[(&str, &[u8])],
) -> Result<Reviewed, StepError> {
    let mut findings = Findings::default();
    let asked = Asked::of(images, known, question.blind)?;
    let texts = rows::decode(&question.folder, files)?;
    let mut rows = rows::read(&texts, &question.question, &mut findings)?;
    places::follow(&asked, moves, &mut rows, &mut findings);
    let classes = Classes::new(taxonomy, &question.extra_classes);
    let (weighed, unblinded) = weigh(question, &classes, &asked, &rows, &mut findings)?;
    let tables = tables::make(&weighed, &unblinded, question.blind)?;
    let agreement = agreement(&weighed);
    let mut metrics = metrics(&weighed, &tables, &findings);
    metrics.extend(agreement_metrics(agreement.as_ref()));
    let outputs = Outputs { metrics, tables, findings: findings.finish(), ..Outputs::default() };
    Ok(Reviewed { asked, outputs, agreement })
}

/// Compares `rows` with the images `asked` about; beside them the images of which an answer does not count, because the model's was
/// in sight.
fn weigh<'a>(
    question: &Question,
    classes: &'a Classes,
    asked: &'a Asked,
    rows: &'a [Row<'a>],
    findings: &mut Findings,
) -> Result<(Weighed<'a>, HashSet<u32>), StepError> {
    for _ in 0..asked.nameless {
        findings.add("nameless", String::new);
    }
    let (observations, others) = match_rows(asked, rows, findings)?;
    let mut unblinded = HashSet::new();
    let replaced: HashSet<&str> = rows.iter().flat_map(|row| row.label.superseded().filter(|id| *id != row.label.id)).collect();
    let standing: Vec<Standing<'_>> = rows
        .iter()
        .zip(observations)
        .map(|(row, observation)| {
            // What was corrected or taken back needs nobody's attention any more.
            let is_replaced = replaced.contains(row.label.id.as_ref());
            let mut class = class_of(classes, row, |kind, words| {
                if !is_replaced {
                    findings.add(kind, || words);
                }
            });
            let is_asked = observation.is_some_and(|at| (at as usize) < asked.len());
            if question.blind && is_asked && class.is_some() && is_shown(row) {
                findings.add("not_blind", || format!("{}: {}", row.place(), row.label.class));
                unblinded.extend(observation);
                class = None;
            }
            Standing { label: &row.label, observation, class }
        })
        .collect();
    let wanted = |observation: u32| if (observation as usize) < asked.len() { question.reviewers } else { 1 };
    let standings = standings(&standing, wanted);
    let weighed = Weighed { rows, asked, standing, others, standings };
    say(&weighed, findings);
    Ok((weighed, unblinded))
}

/// A row of a label file about an image that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The image: a row of [`Asked::table`].
    pub image: u32,
    /// The class that it says, as declared where it is; `None` where it is no answer: a withdrawal, or the model was in sight.
    pub class: Option<String>,
    /// The class is one of the programme or of the step: `review` counts it.
    pub is_declared: bool,
    /// The row.
    pub label: Label<'static>,
}

/// The rows of `files` (name, content) about the images `asked` about, in the order in which they stand, and what a person should
/// know about them.
///
/// # Errors
/// When a file cannot be used at all.
pub fn given(
    question: &Question,
    taxonomy: &Taxonomy,
    asked: &Asked,
    moves: &Moves,
    files: &[(&str, &[u8])],
) -> Result<(Vec<Given>, Vec<Finding>), StepError> {
    let mut findings = Findings::default();
    let texts = rows::decode(&question.folder, files)?;
    let mut rows = rows::read(&texts, &question.question, &mut findings)?;
    places::follow(asked, moves, &mut rows, &mut findings);
    let classes = Classes::new(taxonomy, &question.extra_classes);
    let (weighed, _) = weigh(question, &classes, asked, &rows, &mut findings)?;
    let said: Vec<(Option<u32>, Option<String>)> =
        weighed.standing.iter().map(|one| (one.observation, one.class.map(str::to_owned))).collect();
    drop(weighed);
    let given = rows.into_iter().zip(said).filter_map(|(row, (observation, declared))| {
        let image = observation.filter(|at| (*at as usize) < asked.len())?;
        let is_none = row.label.class.is_empty() || question.blind && is_shown(&row);
        let is_declared = declared.is_some();
        let class = declared.or_else(|| Some(row.label.class.to_string())).filter(|_| !is_none);
        Some(Given { image, class, is_declared, label: row.label.into_owned() })
    });
    Ok((given.collect(), findings.finish()))
}

/// The class that a row counts for; `say` takes what a person should know, kind and words.
fn class_of<'a>(classes: &'a Classes, row: &'a Row<'_>, mut say: impl FnMut(&'static str, String)) -> Option<&'a str> {
    let written = row.label.class.as_ref();
    if written.is_empty() {
        return None;
    }
    if is_shown(row) && row.label.shown != shown::MODEL {
        say("unknown_shown", format!("{}: `{}`", row.place(), row.label.shown));
    }
    match classes.named(written) {
        Named::Class(class) => Some(class),
        Named::Alike(class) => {
            say("class_spelling", format!("{}: `{written}` is taken as `{class}`", row.place()));
            Some(class)
        }
        Named::Unknown(help) => {
            say("unknown_labels", format!("{}: {}", row.place(), unknown(written, help)));
            None
        }
    }
}

/// Finds the observation of each row: one that is asked about, else a number behind those.
fn match_rows(asked: &Asked, rows: &[Row<'_>], findings: &mut Findings) -> Result<(Vec<Option<u32>>, Vec<u32>), StepError> {
    let keys = label_keys(asked, rows)?;
    let mut found: Vec<Option<u32>> = keys.iter().map(|key| asked.row(*key)).collect();
    let lost = |row: &usize| found[*row].is_none();
    let unmatched: Vec<usize> = (0..rows.len()).filter(lost).collect();
    let files: HashSet<&str> =
        unmatched.iter().map(|row| rows[*row].label.file.as_ref()).filter(|file| !file.is_empty()).collect();
    let by_file = asked.files(Some(&files));
    let has_contents = asked.table.column("content").is_some();
    let mut others = Vec::new();
    let mut numbers: HashMap<(Option<u128>, [&str; 3]), u32> = HashMap::new();
    for at in unmatched {
        let row = &rows[at];
        let image = asked.find(&row.label, &by_file);
        // What takes an answer back names the same image as the answer: once is enough to say that nobody knows it.
        let mut say = |kind: &str| {
            if !row.label.class.is_empty() {
                findings.add(kind, || format!("{}: {}", row.place(), described(row)));
            }
        };
        match (image, row.label.observation) {
            (Found::Row(image), _) => found[at] = Some(image),
            (Found::Several, _) => say("ambiguous_images"),
            (Found::None, observation) => {
                if observation.is_none() || keys[at].is_none() {
                    say("unknown_images");
                } else if has_contents && matches!(asked.with_file(&row.label, &by_file), Found::Row(_)) {
                    say("changed_images");
                }
                // It may have been asked once: it is told by its name then, and the data set may know it.
                let label = &row.label;
                let named = [label.site.as_ref(), label.season.as_ref(), label.file.as_ref()];
                let other = if keys[at].is_some() { (keys[at], [""; 3]) } else { (None, named) };
                if other == (None, [""; 3]) {
                    continue;
                }
                let next = u32::try_from(asked.len() + others.len()).unwrap_or(u32::MAX);
                let number = *numbers.entry(other).or_insert(next);
                if number == next {
                    others.push(u32::try_from(at).unwrap_or(u32::MAX));
                }
                found[at] = Some(number);
            }
        }
    }
    Ok((found, others))
}

fn described(row: &Row<'_>) -> String {
    let label = &row.label;
    let content = label.observation.map(|id| id.to_string()).unwrap_or_default();
    let parts = [label.site.as_ref(), label.season.as_ref(), label.file.as_ref()];
    let words: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if words.is_empty() { content } else { words.join(" ") }
}

/// The keys of rows, as the images have them.
fn label_keys(asked: &Asked, rows: &[Row<'_>]) -> Result<Vec<Option<u128>>, StepError> {
    let mut schema = Schema::default();
    let mut builders = Vec::new();
    for name in &asked.key.columns {
        let ty = if *name == "content" { Type::Content } else { Type::Text };
        schema.set(name, ty);
        let mut builder = ColumnBuilder::with_capacity(ty, rows.len());
        for row in rows {
            tables::push_key(&mut builder, name, &row.label);
        }
        builders.push(builder);
    }
    Ok(asked.key.of(&Table::from_builders(schema, builders)?)?.rows)
}

/// Says what the answers came to where a person should know.
fn say(weighed: &Weighed<'_>, findings: &mut Findings) {
    let row = |at: u32| &weighed.rows[at as usize];
    let said = |at: u32| format!("{} ({})", row(at).place(), row(at).label.class);
    for Answers { observation, verdict, current, .. } in &weighed.standings.answers {
        let (kind, rows) = match verdict {
            Verdict::Conflict(rows) => ("conflicts", rows),
            Verdict::Disagreement => ("disagreements", current),
            _ => continue,
        };
        findings.add(kind, || {
            let places: Vec<_> = rows.iter().map(|at| said(*at)).collect();
            format!("{}: {}", weighed.words(*observation), places.join(", "))
        });
    }
    for names in alike_reviewers(weighed) {
        findings.add("alike_reviewers", || format!("`{}`", names.join("`, `")));
    }
    for (earlier, later) in &weighed.standings.changed_mind {
        findings.add("changed_mind", || format!("{}, then {}", said(*earlier), said(*later)));
    }
    for (at, id) in &weighed.standings.unknown_superseded {
        findings.add("unknown_superseded", || format!("{}: `{id}`", row(*at).place()));
    }
}

/// Names of reviewers that only a computer tells apart.
fn alike_reviewers<'a>(weighed: &'a Weighed<'_>) -> Vec<Vec<&'a str>> {
    let mut names: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for row in weighed.rows {
        let name = row.label.reviewer.as_ref();
        names.entry(name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")).or_default().insert(name);
    }
    names.into_values().filter(|names| names.len() > 1).map(|names| names.into_iter().collect()).collect()
}

/// How far people agree about the images asked about.
fn agreement(weighed: &Weighed<'_>) -> Option<Agreed> {
    let asked = weighed.standings.answers.iter().filter(|one| weighed.asked_row(one.observation).is_some());
    agreed(asked.filter(|one| one.first.len() > 1).map(|answers| {
        let said = answers.first.iter().map(|row| *row as usize);
        said.filter_map(|row| Some((weighed.rows[row].label.reviewer.as_ref(), weighed.standing[row].class?))).collect()
    }))
}

fn agreement_metrics(agreement: Option<&Agreed>) -> Vec<(String, f64)> {
    let images = agreement.map_or(0, |agreed| agreed.found.images);
    let percent = agreement.map(|agreed| agreed.found.percent);
    let kappa = agreement.and_then(|agreed| agreed.found.kappa).map(|kappa| kappa.estimate);
    let named = [
        ("agreement_images", Some(number(images))),
        ("agreement", percent.map(|found| found.value)),
        ("agreement_lower", percent.map(|found| found.lower)),
        ("kappa", kappa.map(|found| found.value)),
        ("kappa_lower", kappa.map(|found| found.lower)),
    ];
    named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
fn metrics(weighed: &Weighed<'_>, tables: &[Table], findings: &Findings) -> BTreeMap<String, f64> {
    let asked = weighed.asked.len();
    let missing = tables.get(1).map_or(asked, |table| table.rows);
    let reviewers: BTreeSet<&str> = (weighed.standings.answers.iter())
        .flat_map(|answers| &answers.current)
        .map(|row| weighed.rows[*row as usize].label.reviewer.as_ref())
        .collect();
    let not_asked =
        weighed.standings.answers.iter().filter(|one| weighed.asked_row(one.observation).is_none() && !one.current.is_empty());
    let counts = [
        (MISSING_LABELS, missing as u64),
        ("asked", asked as u64),
        ("answered", (asked - missing) as u64),
        ("reviewers", reviewers.len() as u64),
        ("disagreements", findings.count("disagreements")),
        ("conflicts", findings.count("conflicts")),
        ("unknown_labels", findings.count("unknown_labels")),
        ("unknown_images", findings.count("unknown_images") + findings.count("ambiguous_images")),
        ("not_asked", not_asked.count() as u64),
    ];
    counts.into_iter().map(|(name, count)| (name.to_owned(), count as f64)).collect()
}
