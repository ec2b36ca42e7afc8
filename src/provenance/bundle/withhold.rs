//! Which images show what must not be passed on, by everything that the results and the labels say of them.

use std::collections::BTreeSet;

use super::super::ProvenanceError;
use crate::check::Pipeline;
use crate::id::ContentId;
use crate::labels;
use crate::store::Store;
use crate::table::{Table, Type};
use crate::taxonomy::{Role, normal};

/// A model that gives such a class this much is believed enough to withhold the image.
const SUSPECTED: f32 = 0.1;
/// Lower ranks name almost every class for almost every image; their confidence counts instead.
const LOWER_RANKS: &str = "label_";
/// Tables with a row for every class of every image: a class that stands there need not be in the image.
const EVERY_CLASS: [&str; 2] = ["presence_automatic", "presence_manual"];
/// What the columns of class confidences start with.
const CONFIDENCE: &str = "p_";

/// The classes of the project that stand for people, by their role; a class that only a model knows goes by its name.
#[must_use]
pub fn people(pipeline: &Pipeline) -> Vec<String> {
    let named =
        pipeline.classes.names().chain(pipeline.models.values().flat_map(|model| model.classes.iter().map(String::as_str)));
    let found: BTreeSet<_> = named.filter(|name| pipeline.classes.role(name) == Role::Person).map(str::to_owned).collect();
    found.into_iter().collect()
}

/// Collects the images of some classes.
pub(super) struct Withheld {
    classes: BTreeSet<String>,
    contents: Vec<ContentId>,
}

impl Withheld {
    pub fn of(classes: &[String]) -> Self {
        Self { classes: classes.iter().map(|class| normal(class)).collect(), contents: Vec::new() }
    }

    /// Looks through a table with a row per image: whatever column names one of the classes, alone or among others (`a+b`).
    pub fn table(&mut self, store: &Store, id: ContentId) -> Result<(), ProvenanceError> {
        if self.classes.is_empty() {
            return Ok(());
        }
        // A model is no table.
        let Ok(stored) = store.open_table(id) else { return Ok(()) };
        let schema = stored.schema();
        let is_image_table = schema.field("content").is_some_and(|field| field.ty == Type::Content);
        if !is_image_table || EVERY_CLASS.iter().any(|name| schema.field(name).is_some()) {
            return Ok(());
        }
        let names: Vec<String> =
            schema.fields.iter().filter(|field| self.speaks(&field.name, field.ty)).map(|field| field.name.clone()).collect();
        for name in names {
            // Column by column: a table of a million images with all its columns is not held at once.
            self.column(&stored.read(Some(&["content", &name]))?, &name);
        }
        Ok(())
    }

    fn speaks(&self, name: &str, ty: Type) -> bool {
        match ty {
            Type::Text => !name.starts_with(LOWER_RANKS),
            Type::Float32 => name.strip_prefix(CONFIDENCE).is_some_and(|class| self.classes.contains(&normal(class))),
            _ => false,
        }
    }

    fn column(&mut self, table: &Table, name: &str) {
        let (Some(contents), Some(column)) = (table.column("content"), table.column(name)) else { return };
        let shown: Vec<bool> = column.texts().map(|text| self.names(text)).collect();
        let is_confidence = column.ty() == Type::Float32;
        let shows = |row: &usize| match column.code(*row) {
            Some(code) => shown[code as usize],
            None => is_confidence && column.float32(*row).is_some_and(|confidence| confidence >= SUSPECTED),
        };
        if is_confidence || shown.contains(&true) {
            self.contents.extend((0..table.rows).filter(shows).filter_map(|row| contents.content(row)));
        }
    }

    fn names(&self, text: &str) -> bool {
        text.split('+').any(|class| self.classes.contains(&normal(class)))
    }

    /// Looks through a label file: also what was taken back or replaced counts.
    pub fn labels(&mut self, name: &str, bytes: &[u8]) {
        let Ok(text) = labels::decode(name, bytes) else { return };
        let Ok(file) = labels::read(name, name, &text) else { return };
        let shown = file.labels.iter().filter(|label| self.names(&label.class)).filter_map(|label| label.observation);
        let shown: Vec<ContentId> = shown.collect();
        self.contents.extend(shown);
    }

    /// The images, sorted.
    pub fn contents(mut self) -> Vec<ContentId> {
        self.contents.sort_unstable();
        self.contents.dedup();
        self.contents
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::testing::{content, table, text};
    use crate::store::Access;
    use crate::table::Cell;

    fn held(fields: &[(&str, Type)], rows: &[Vec<Cell>]) -> Vec<ContentId> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Access::Write).unwrap();
        let _lock = store.lock(&holder(), crate::store::Wait::No).unwrap();
        let id = store.put_table(&table(fields, rows)).unwrap();
        let mut withheld = Withheld::of(&["person".into()]);
        withheld.table(&store, id).unwrap();
        withheld.contents()
    }

    fn holder() -> crate::store::Holder {
        crate::store::Holder { host: "test".into(), pid: 1, since: String::new() }
    }

    fn id(seed: &str) -> ContentId {
        let Cell::Content(id) = content(seed) else { unreachable!() };
        id
    }

    #[test]
    fn whatever_column_names_the_class_withholds_the_image_and_lower_ranks_do_not() {
        let fields = [("content", Type::Content), ("label", Type::Text), ("label_2", Type::Text), ("seen", Type::Text)];
        let rows = [
            vec![content("a"), text("vole"), text("person"), text("vole")],
            vec![content("b"), text("Person"), text("vole"), text("vole")],
            vec![content("c"), text("vole"), text("vole"), text("stoat+person")],
            vec![content("d"), text("vole"), text("vole"), Cell::Null],
        ];
        let mut expected = vec![id("b"), id("c")];
        expected.sort();
        assert_eq!(held(&fields, &rows), expected);
    }

    #[test]
    fn a_tenth_of_confidence_is_enough() {
        let fields = [("content", Type::Content), ("p_person", Type::Float32), ("p_vole", Type::Float32)];
        let rows = [
            vec![content("a"), Cell::Float32(0.1), Cell::Float32(0.9)],
            vec![content("b"), Cell::Float32(0.09), Cell::Float32(0.91)],
            vec![content("c"), Cell::Null, Cell::Null],
        ];
        assert_eq!(held(&fields, &rows), [id("a")]);
    }

    #[test]
    fn a_row_for_every_class_says_nothing_of_the_image() {
        let fields = [("content", Type::Content), ("class", Type::Text), ("presence_manual", Type::Int)];
        assert_eq!(held(&fields, &[vec![content("a"), text("person"), Cell::Int(0)]]), []);
    }

    #[test]
    fn a_label_that_was_replaced_counts_too() {
        let mut withheld = Withheld::of(&["person".into()]);
        let (first, second) = (id("a"), id("b"));
        let csv = format!(
            "label,observation,class,reviewer,supersedes\nl1,{first},person,anna,\nl2,{first},vole,anna,l1\nl3,{second},vole,anna,\n"
        );
        withheld.labels("anna", csv.as_bytes());
        assert_eq!(withheld.contents(), [first]);
    }
}
