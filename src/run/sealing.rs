//! Sealing: a season is closed from its files and from the samples and labels that stand now.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::gone::Past;
use super::history::History;
use super::planning::scan_all;
use super::scan::Scan;
use super::seasons::{self, Pin, Seal, Sealed, SealedFile};
use super::{RunError, RunOptions, pins};
use crate::check::Pipeline;
use crate::plan::decision::Decision;
use crate::plan::planner::{Planner, State};
use crate::step::StepError;
use crate::store::{Access, Store};

/// What a season was sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSeason {
    /// The seal.
    pub path: PathBuf,
    /// How many files.
    pub files: u64,
    /// How many rows of each step that samples or labels.
    pub pinned: BTreeMap<String, u64>,
    /// What a person should know: labels that are missing, steps left out.
    pub notes: Vec<String>,
}

/// Seals a season of `pipeline`: writes `seasons/SEASON.csv` from what lies under its roots and from what its samples and labels
/// hold now.
///
/// # Errors
/// When a root is absent, a file of the season was never hashed, a sample or its labels are not up to date, or the seal cannot be
/// written.
pub fn seal_season(pipeline: &Pipeline, options: &RunOptions, season: &str) -> Result<SealedSeason, RunError> {
    let store = Store::open(&options.store, Access::Read)?;
    let order: Vec<usize> = (0..pipeline.steps.len()).collect();
    let mut scans = scan_all(pipeline, &order, &Sealed::new(), &store)?;
    let mut files: Vec<SealedFile> = Vec::new();
    let (sealed, history) = (seasons::read(&pipeline.project)?, History::of(&store, &pipeline.name, &pipeline.project));
    let past = Past { pipeline, store: &store, history: &history, sealed: &sealed };
    for (index, scan) in &mut scans {
        scan.look_again()?;
        past.settle(*index, scan)?;
        if let Some(gone) = &scan.gone {
            let words = format!(
                "{} images that are known are gone from root `{}` (`trapline plan` names their folders): bring them back, or let them go \
                 (`trapline images forget`), then seal",
                gone.images, scan.root
            );
            return Err(StepError::Data(words).into());
        }
        files.extend(files_of(scan, season)?);
    }
    files.sort_by(|a, b| (&a.root, &a.path).cmp(&(&b.root, &b.path)));
    // Two sources may list the same files.
    files.dedup();
    let mut notes = Vec::new();
    let pins = pins_now(pipeline, &store, &scans, season, &mut notes)?;
    let pinned = pins.iter().map(|(step, pins)| (step.clone(), pins.len() as u64)).collect();
    let count = files.len() as u64;
    let path = seasons::seal(&pipeline.project, season, Seal { files, pins })?;
    Ok(SealedSeason { path, files: count, pinned, notes })
}

fn files_of(scan: &Scan, season: &str) -> Result<Vec<SealedFile>, StepError> {
    if scan.folder.is_none() {
        let words = format!("root `{}` is not connected: a season is sealed from the files themselves", scan.root);
        return Err(StepError::Data(words));
    }
    let unread = scan.unread().len();
    if unread > 0 {
        let words = format!("{unread} files under root `{}` are new or changed: run the pipeline first, then seal", scan.root);
        return Err(StepError::Data(words));
    }
    Ok(scan.seasons().remove(season).unwrap_or_default())
}

/// The rows of the season in every step that samples or labels: as they are now, not as they were at some earlier run.
fn pins_now(
    pipeline: &Pipeline,
    store: &Store,
    scans: &BTreeMap<usize, Scan>,
    season: &str,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<String, Vec<Pin>>, RunError> {
    let history = History::of(store, &pipeline.name, &pipeline.project);
    let mut planner = Planner::new(pipeline, &history).without_counts();
    let mut found = BTreeMap::new();
    for (index, step) in pipeline.steps.iter().enumerate() {
        if let Some(scan) = scans.get(&index) {
            planner.set_source(index, scan.state());
        }
        let plan = planner.decide(index, false)?;
        let Some(column) = step.kind.pins else { continue };
        let name = &step.name.value;
        let ready = match plan.decision {
            Decision::Reuse => planner.state(index),
            _ if step.stage.is_some() => {
                notes.push(format!("step `{name}` of another stage is not up to date: its rows are not sealed"));
                continue;
            }
            Decision::Wait { labels } => {
                let words = format!("step `{name}` waits for {labels} labels: give them and run the pipeline, then seal");
                return Err(StepError::Data(words).into());
            }
            _ => {
                let words = format!("step `{name}` is not up to date: run the pipeline first, then seal");
                return Err(StepError::Data(words).into());
            }
        };
        if plan.missing_labels > 0 {
            let labels = plan.missing_labels;
            notes.push(format!(
                "step `{name}` lacks {labels} labels: those of season {season} cannot be given while it is sealed"
            ));
        }
        let Some(State::Ready(outputs)) = ready else { continue };
        let Some(output) = outputs.first() else { continue };
        if let Some(table) = pins::read(&store.open_table(output.id)?, column)? {
            found.insert(name.clone(), pins::pins_of(&table, season, column));
        }
    }
    // A season that no step has a row of is sealed as its files alone.
    if found.values().all(Vec::is_empty) {
        found.clear();
    }
    Ok(found)
}
