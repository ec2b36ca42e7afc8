//! What is wrong with names, gathered before anything is written.

use std::collections::BTreeMap;

use super::EXAMPLES;
use super::manifest::Manifest;
use crate::step::portable::{check_name, fold};
use crate::step::{Finding, StepError};

/// Fails where two images share a name, upper and lower case being one.
pub fn check_distinct(manifest: &Manifest<'_>, file: &str) -> Result<(), StepError> {
    let mut hashes: Vec<(u64, u32)> = (0..).zip(&manifest.entries).map(|(at, entry)| (folded_hash(&entry.name), at)).collect();
    hashes.sort_unstable();
    let mut faults = Faults::default();
    for pair in hashes.windows(2) {
        let (a, b) = (&manifest.entries[pair[0].1 as usize], &manifest.entries[pair[1].1 as usize]);
        if pair[0].0 == pair[1].0 && fold(&a.name) == fold(&b.name) {
            faults.add(format!("`{}` in `{file}` names both `{}` and `{}`", a.name, a.path, b.path));
        }
    }
    faults.into_result()
}

/// A hash that ignores case, without copying names.
fn folded_hash(name: &str) -> u64 {
    const START: u64 = 0xCBF2_9CE4_8422_2325;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    if name.is_ascii() {
        name.bytes().map(|byte| byte.to_ascii_lowercase()).fold(START, step)
    } else {
        fold(name).bytes().fold(START, step)
    }
}

/// What is wrong with the names, all of it before anything is written.
#[derive(Default)]
pub struct Faults {
    first: Vec<String>,
    count: usize,
}

impl Faults {
    /// Notes a fault.
    pub fn add(&mut self, fault: String) {
        self.count += 1;
        if self.first.len() < EXAMPLES {
            self.first.push(fault);
        }
    }

    /// Notes what is wrong with `name`, if anything.
    pub fn check(&mut self, name: &str, path: &str) {
        if let Err(fault) = check_name(name) {
            self.add(format!("`{}` for `{path}`: {fault}", name.escape_debug()));
        }
    }

    /// Fails with all that was noted.
    pub fn into_result(self) -> Result<(), StepError> {
        if self.count == 0 {
            return Ok(());
        }
        let names = if self.count == 1 { "1 name".to_owned() } else { format!("{} names", self.count) };
        let more = self.count - self.first.len();
        let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        Err(StepError::Data(format!("{names} cannot be used, nothing was written:\n  {}{more}", self.first.join("\n  "))))
    }
}

/// Images without a name, by the column that is missing.
#[derive(Default)]
pub struct Unnameable(BTreeMap<String, (u64, Vec<String>)>);

impl Unnameable {
    /// Notes an image whose `column` is missing.
    pub fn add(&mut self, column: &str, path: &str) {
        let (count, examples) = self.0.entry(column.to_owned()).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(path.to_owned());
        }
    }

    /// What a person should know.
    pub fn findings(self) -> impl Iterator<Item = Finding> {
        self.0.into_iter().map(|(column, (count, examples))| Finding {
            kind: "unnamed".into(),
            message: format!(
                "{count} {} since `{column}` is missing; `{{{{ {column} | default('none') }}}}` in the template names {} all the same",
                if count == 1 { "image has no name" } else { "images have no name" },
                if count == 1 { "it" } else { "them" },
            ),
            count,
            examples,
        })
    }
}
