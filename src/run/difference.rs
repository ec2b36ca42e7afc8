//! Difference: what two locks say of the same pipeline, and, where a store has them, what became of its tables.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::lockfile::{LockFile, LockedLabels, LockedModel, LockedOutput, LockedSeason, LockedStep};
use super::record::other_inputs;
use crate::id::RecipeKey;
use crate::plan::decision::Reason;
use crate::plan::reason::changes;
use crate::recipe::Ingredient;
use crate::store::{ResultManifest, Store};

mod tables;

pub use tables::{ColumnDifference, TableDifference, Transition, difference as table_difference};

/// Something as it was and as it is; missing where it was not or is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    /// What: a name.
    pub name: String,
    /// In the old lock.
    pub old: Option<T>,
    /// In the new lock.
    pub new: Option<T>,
}

/// A step whose work or outputs differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepDifference {
    /// Its name.
    pub step: String,
    /// The old lock has it.
    pub in_old: bool,
    /// The new lock has it.
    pub in_new: bool,
    /// The recipe is another one.
    pub recipe_changed: bool,
    /// What is another in the recipe; empty where the results are not in the store.
    pub reasons: Vec<Reason>,
    /// Inputs and files that are others.
    pub inputs: Vec<Change<String>>,
    /// Outputs that are others, by port.
    pub outputs: Vec<OutputDifference>,
    /// Numbers that are others, where the results are in the store.
    pub metrics: Vec<Change<f64>>,
}

/// An output that is another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputDifference {
    /// Its identities.
    #[serde(flatten)]
    pub change: Change<LockedOutput>,
    /// How the tables differ, where the store has both.
    pub table: Option<TableDifference>,
}

/// All that differs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Difference {
    /// Name of the pipeline and version of the program.
    pub facts: Vec<Change<String>>,
    /// Models.
    pub models: Vec<Change<LockedModel>>,
    /// Label files.
    pub labels: Vec<Change<LockedLabels>>,
    /// Seasons.
    pub seasons: Vec<Change<LockedSeason>>,
    /// Steps that differ, by name.
    pub steps: Vec<StepDifference>,
    /// Steps that do not.
    pub same: Vec<String>,
}

impl Difference {
    /// Says whether both locks say the same.
    pub fn is_empty(&self) -> bool {
        let Self { facts, models, labels, seasons, steps, same: _ } = self;
        facts.is_empty() && models.is_empty() && labels.is_empty() && seasons.is_empty() && steps.is_empty()
    }
}

/// What differs between two locks. Tables and recipes are compared where `store` has them; without one, identities alone.
#[must_use]
pub fn difference(old: &LockFile, new: &LockFile, store: Option<&Store>) -> Difference {
    let fact = |name: &str, old: &str, new: &str| {
        (old != new).then(|| Change { name: name.to_owned(), old: Some(old.to_owned()), new: Some(new.to_owned()) })
    };
    let mut facts: Vec<_> = fact("pipeline", &old.pipeline, &new.pipeline).into_iter().collect();
    facts.extend(fact("tool", &old.tool, &new.tool));
    facts.extend(old.numerics.difference(&new.numerics).map(|gone| Change {
        name: "numerics".into(),
        old: Some(gone.clone()),
        new: None,
    }));
    facts.extend(new.numerics.difference(&old.numerics).map(|added| Change {
        name: "numerics".into(),
        old: None,
        new: Some(added.clone()),
    }));
    let results = store.map(|store| Results::of(store, [old, new])).unwrap_or_default();
    let mut found = Difference {
        facts,
        models: differing(&old.models, &new.models),
        labels: differing(&old.labels, &new.labels),
        seasons: differing(&old.seasons, &new.seasons),
        ..Difference::default()
    };
    let names: BTreeSet<_> = old.steps.keys().chain(new.steps.keys()).collect();
    for name in names {
        let (then, now) = (old.steps.get(name), new.steps.get(name));
        if then == now {
            found.same.push(name.clone());
        } else {
            found.steps.push(step(name, then, now, &results, store));
        }
    }
    found
}

/// The entries that differ, by name.
fn differing<T: Clone + PartialEq>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> Vec<Change<T>> {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let change = |name: &String| Change { name: name.clone(), old: old.get(name).cloned(), new: new.get(name).cloned() };
    names.into_iter().map(change).filter(|change| change.old != change.new).collect()
}

fn step(
    name: &str,
    then: Option<&LockedStep>,
    now: Option<&LockedStep>,
    results: &Results,
    store: Option<&Store>,
) -> StepDifference {
    let manifest = |step: Option<&LockedStep>| step.and_then(|step| results.find(step));
    let (before, after) = (manifest(then), manifest(now));
    let recipe_changed = matches!((then, now), (Some(then), Some(now)) if then.recipe != now.recipe);
    let reasons = match (before, after) {
        (Some(before), Some(after)) if recipe_changed => changes(&before.recipe, &after.recipe),
        _ => Vec::new(),
    };
    let inputs = match (then, now) {
        (Some(then), Some(now)) => other_inputs(&then.inputs, &now.inputs)
            .into_iter()
            .map(|(name, old, new)| Change { name, old: Some(old), new: Some(new) })
            .collect(),
        _ => Vec::new(),
    };
    let metrics = match (before, after) {
        (Some(before), Some(after)) => differing(&before.metrics, &after.metrics),
        _ => Vec::new(),
    };
    let outputs = outputs(then, now, store);
    StepDifference {
        step: name.to_owned(),
        in_old: then.is_some(),
        in_new: now.is_some(),
        recipe_changed,
        reasons,
        inputs,
        outputs,
        metrics,
    }
}

/// The outputs that differ, in the order of the ports.
fn outputs(then: Option<&LockedStep>, now: Option<&LockedStep>, store: Option<&Store>) -> Vec<OutputDifference> {
    let all = |step: Option<&LockedStep>| step.map_or(&[][..], |step| &step.outputs).to_vec();
    let (old, new) = (all(then), all(now));
    let mut ports: Vec<&str> = Vec::new();
    for output in new.iter().chain(&old) {
        if !ports.contains(&output.port.as_str()) {
            ports.push(&output.port);
        }
    }
    let find = |list: &[LockedOutput], port: &str| list.iter().find(|output| output.port == port).cloned();
    let mut found = Vec::new();
    for port in ports {
        let change = Change { name: port.to_owned(), old: find(&old, port), new: find(&new, port) };
        if change.old == change.new {
            continue;
        }
        let table = match (&change.old, &change.new, store) {
            (Some(old), Some(new), Some(store)) => {
                let read = |output: &LockedOutput| store.open_table(output.id).and_then(|table| table.read(None)).ok();
                read(old).zip(read(new)).and_then(|(old, new)| table_difference(&old, &new).ok())
            }
            _ => None,
        };
        found.push(OutputDifference { change, table });
    }
    found
}

/// The results in a store that some locks name, by what they were made of.
#[derive(Default)]
struct Results(BTreeMap<(RecipeKey, Vec<Ingredient>), ResultManifest>);

impl Results {
    fn of(store: &Store, locks: [&LockFile; 2]) -> Self {
        let recipes: BTreeSet<_> = locks.iter().flat_map(|lock| lock.steps.values().map(|step| step.recipe)).collect();
        let keys = store.results().unwrap_or_default();
        let manifests = keys.into_iter().filter_map(|key| store.get_result(key).ok().flatten());
        let named = manifests.filter(|manifest| recipes.contains(&manifest.recipe_key));
        Self(named.map(|manifest| ((manifest.recipe_key, manifest.inputs.clone()), manifest)).collect())
    }

    fn find(&self, step: &LockedStep) -> Option<&ResultManifest> {
        self.0.get(&(step.recipe, step.inputs.clone()))
    }
}
