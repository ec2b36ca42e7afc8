//! Which class an answer names.

use std::collections::HashMap;

use crate::diagnostic::did_you_mean;
use crate::taxonomy::{Taxonomy, UNKNOWN};

/// The classes that people may answer.
pub(super) struct Classes {
    names: Vec<String>,
    /// Spelled alike, with the only class of that spelling.
    alike: HashMap<String, Option<usize>>,
    places: HashMap<String, usize>,
}

/// What a written class comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// A class as declared.
    Class(&'a str),
    /// A class, spelled in another way.
    Alike(&'a str),
    /// None; the way out.
    Unknown(Option<String>),
}

impl Classes {
    pub fn new(taxonomy: &Taxonomy, extra: &[String]) -> Self {
        let own = taxonomy.classes.iter().map(|class| class.name.value.clone());
        let mut names: Vec<String> = own.chain(extra.iter().cloned()).collect();
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if taxonomy.classes.is_empty() {
            names.clear();
        } else if names.iter().all(|name| fold(name) != UNKNOWN) {
            // Whoever cannot tell what there is must be able to say so.
            names.push(UNKNOWN.to_owned());
        }
        let mut alike: HashMap<String, Option<usize>> = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            alike.entry(fold(name)).and_modify(|one| *one = None).or_insert(Some(at));
        }
        let places = names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect();
        Self { names, alike, places }
    }

    /// The class that `written` names. A programme that declares no classes takes every word.
    pub fn named<'a>(&'a self, written: &'a str) -> Named<'a> {
        if self.names.is_empty() {
            return Named::Class(written);
        }
        if let Some(at) = self.places.get(written) {
            return Named::Class(&self.names[*at]);
        }
        match self.alike.get(&fold(written)) {
            Some(Some(at)) => Named::Alike(&self.names[*at]),
            _ => Named::Unknown(did_you_mean(written, &self.names.iter().map(String::as_str).collect::<Vec<_>>())),
        }
    }
}

/// Spaces, hyphens and upper case are what people and spreadsheets make of `bad_quality`.
fn fold(name: &str) -> String {
    let words: Vec<_> = name.split(|c: char| c.is_whitespace() || c == '_' || c == '-').filter(|word| !word.is_empty()).collect();
    words.join("_").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taxonomy(names: &[&str]) -> Taxonomy {
        let class = |name: &&str| crate::taxonomy::Class {
            name: crate::diagnostic::Spanned { value: (*name).to_owned(), span: crate::step::testing::NOWHERE },
            role: crate::taxonomy::Role::of_name(name),
            key: None,
            colour: None,
            display: None,
            species_id: None,
            taxon: None,
        };
        Taxonomy { classes: names.iter().map(class).collect() }
    }

    #[test]
    fn unknown_is_always_an_answer_and_means_the_programme_s_own_where_it_has_one() {
        let implied = Classes::new(&taxonomy(&["vole"]), &[]);
        assert_eq!((implied.named("unknown"), implied.named("Unknown")), (Named::Class("unknown"), Named::Alike("unknown")));
        let own = Classes::new(&taxonomy(&["vole", "Unknown"]), &[]);
        assert_eq!((own.named("Unknown"), own.named("unknown")), (Named::Class("Unknown"), Named::Alike("Unknown")));
        let extra = Classes::new(&taxonomy(&["vole"]), &["UNKNOWN".to_owned()]);
        assert_eq!(extra.named("unknown"), Named::Alike("UNKNOWN"));
        assert_eq!(Classes::new(&taxonomy(&[]), &[]).named("anything"), Named::Class("anything"));
        assert!(matches!(implied.named("mink"), Named::Unknown(_)));
    }
}
