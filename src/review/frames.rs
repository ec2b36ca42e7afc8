//! The images around an image: what a person looks at to judge it. Those of its trigger event, and the one that the same camera took
//! just before.
//!
//! A review asks about few images of a burst, so the frames come from a table of all images ([`source`]), as index arrays: a million
//! images take some 20 MB beside their contents.

use std::collections::VecDeque;
use std::sync::Arc;

use super::names::NameOrder;
use crate::check::{CheckedStep, Pipeline};
use crate::event::{Events, GAP_S, NUMBER, SEQUENCE, TRIGGER, time_column};
use crate::id::ContentId;
use crate::observation::PLACE;
use crate::table::{Column, Groups, Schema, Table, TableError, Type};

/// Columns that are read of a table of all images, where it has them; [`Frames`] needs the first, the rest is shown to people.
pub const COLUMNS: &[&str] = &[
    "content",
    "root",
    "path",
    "name",
    "site",
    "season",
    "datetime_raw",
    "datetime",
    TRIGGER,
    NUMBER,
    SEQUENCE,
    "temperature_c",
];

/// No row.
const NONE: u32 = u32::MAX;

/// The order of all images: by content, by event, by camera.
#[derive(Debug)]
pub struct Frames {
    contents: Arc<Column>,
    /// The first row of each content, in the order of the contents.
    by_content: Vec<u32>,
    /// The event of each row.
    event_of: Vec<u32>,
    /// Where each event begins in `order`, and the end of the last.
    starts: Vec<u32>,
    /// Rows, event by event, in the order in which they were taken.
    order: Vec<u32>,
    /// By row: the row of the image that the same camera took before.
    previous: Vec<u32>,
}

impl Frames {
    /// Orders the rows of a table of images. A copy of an image within its event is the image itself.
    ///
    /// # Errors
    /// [`TableError::NoColumn`] without `content`.
    pub fn of(table: &Table) -> Result<Self, TableError> {
        let contents = Arc::clone(table.require("content")?);
        let by_content = by_content(&contents);
        let events = Events::of(table, GAP_S, &[])?;
        let is_copy = |row: u32| match first(&contents, &by_content, contents.content(row as usize)) {
            Some(first) => first != row && events.of_row[first as usize] == events.of_row[row as usize],
            None => true,
        };
        let names = NameOrder::of(table, &events);
        let (mut starts, mut order) = (Vec::with_capacity(events.list.len() + 1), Vec::with_capacity(table.rows));
        for event in 0..events.list.len() {
            starts.push(place(order.len()));
            let from = order.len();
            order.extend(events.rows(event).iter().copied().filter(|row| !is_copy(*row)));
            // Stable: within one name the order stays as it is, and all with a time have the same.
            order[from..].sort_by_key(|row| names.of_row(*row));
        }
        starts.push(place(order.len()));
        let previous = previous(table, &order)?;
        Ok(Self { contents, by_content, event_of: events.of_row, starts, order, previous })
    }

    /// The row of an image: the first, where the table holds copies of it.
    #[must_use]
    pub fn row(&self, content: ContentId) -> Option<u32> {
        first(&self.contents, &self.by_content, Some(content))
    }

    /// The rows of the trigger event of an image, itself among them, in the order in which they were taken.
    #[must_use]
    pub fn event(&self, content: ContentId) -> Option<&[u32]> {
        let event = self.event_of[self.row(content)? as usize] as usize;
        self.order.get(self.starts[event] as usize..self.starts[event + 1] as usize)
    }

    /// The number of the trigger event of an image: the same for all images of it, by place and time.
    #[must_use]
    pub fn event_number(&self, content: ContentId) -> Option<u32> {
        Some(self.event_of[self.row(content)? as usize])
    }

    /// The row of the image that the same camera (site and season) took just before, of whatever event; `None` for the first one, and
    /// for an image without a time.
    #[must_use]
    pub fn previous(&self, content: ContentId) -> Option<u32> {
        Some(self.previous[self.row(content)? as usize]).filter(|row| *row != NONE)
    }
}

fn place(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NONE)
}

/// The first row of each content, in the order of the contents.
fn by_content(contents: &Column) -> Vec<u32> {
    let content = |row: u32| contents.content(row as usize);
    let mut rows: Vec<u32> = (0..place(contents.len())).filter(|row| content(*row).is_some()).collect();
    rows.sort_unstable_by_key(|row| (content(*row), *row));
    rows.dedup_by_key(|row| content(*row));
    rows
}

fn first(contents: &Column, by_content: &[u32], content: Option<ContentId>) -> Option<u32> {
    let wanted = content?;
    let at = by_content.binary_search_by(|row| contents.content(*row as usize).cmp(&Some(wanted))).ok()?;
    Some(by_content[at])
}

/// By row: the row before it among those of its camera in `order`, by their times.
fn previous(table: &Table, order: &[u32]) -> Result<Vec<u32>, TableError> {
    let mut previous = vec![NONE; table.rows];
    let Some(times) = time_column(&table.schema).and_then(|name| table.column(name)) else { return Ok(previous) };
    let places: Vec<&str> = PLACE.iter().copied().filter(|name| table.column(name).is_some()).collect();
    let cameras = Groups::of(table, &places)?.of_row;
    let time = |row: u32| times.datetime(row as usize);
    let mut rows: Vec<u32> = order.iter().copied().filter(|row| time(*row).is_some()).collect();
    // Stable: images of the same second keep their order within the event.
    rows.sort_by_key(|row| (cameras[*row as usize], time(*row)));
    for pair in rows.windows(2) {
        let [before, row] = pair else { continue };
        if cameras[*before as usize] == cameras[*row as usize] {
            previous[*row as usize] = *before;
        }
    }
    Ok(previous)
}

/// The table that holds all images from which the review at `step` of a pipeline asks some: step and output. Among those with content,
/// root and path the one that knows most of times and events, nearest to where the images come from. Where images of several sources
/// are asked about, the source of the first.
#[must_use]
pub fn source(pipeline: &Pipeline, step: usize) -> Option<(usize, usize)> {
    // What is asked about comes through the first input; only a table from elsewhere makes the others worth a look.
    [true, false].into_iter().find_map(|first_input| {
        let ancestors = ancestors(&pipeline.steps, step, first_input);
        let rank = |at: &usize| Some((richness(&pipeline.steps[*at])?, distance(&pipeline.steps, *at)?));
        let ranked = ancestors.iter().filter_map(|at| Some((*at, rank(at)?)));
        // The first of equals is the nearest to the review.
        let best = ranked.reduce(|best, one| {
            let ((rich, far), (best_rich, best_far)) = (one.1, best.1);
            if rich > best_rich || rich == best_rich && far < best_far { one } else { best }
        });
        best.map(|(at, _)| (at, 0))
    })
}

/// The steps before `step`, the nearest first.
fn ancestors(steps: &[CheckedStep], step: usize, first_input: bool) -> Vec<usize> {
    let (mut found, mut next) = (Vec::new(), VecDeque::from([step]));
    while let Some(at) = next.pop_front() {
        let ports = &steps[at].inputs;
        let ports = if first_input { &ports[..ports.len().min(1)] } else { &ports[..] };
        for wire in ports.iter().flatten() {
            if !found.contains(&wire.step) {
                found.push(wire.step);
                next.push_back(wire.step);
            }
        }
    }
    found
}

/// How many steps lie between a table of all images and its source; `None` where a step in between lets only some rows through.
fn distance(steps: &[CheckedStep], at: usize) -> Option<usize> {
    let step = &steps[at];
    if step.step.source().is_some() {
        return Some(0);
    }
    let before = step.inputs.first().filter(|_| step.kind.keeps_rows)?.first()?;
    Some(distance(steps, before.step)? + 1)
}

/// How much the first output says of times and events; `None` where it does not say which file an image is.
fn richness(step: &CheckedStep) -> Option<(bool, usize)> {
    let schema: &Schema = step.outputs.first()?;
    let has = |name: &str, ty: Type| schema.field(name).is_some_and(|field| field.ty == ty);
    if !has("content", Type::Content) || !has("root", Type::Text) || !has("path", Type::Text) {
        return None;
    }
    let more = [(NUMBER, Type::Int), (SEQUENCE, Type::Int), (TRIGGER, Type::Text)];
    Some((time_column(schema).is_some(), more.iter().filter(|(name, ty)| has(name, *ty)).count()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::testing::{content, table, text};
    use crate::table::Cell;

    /// An image: seed of its content, site, event number, time.
    type Shot<'a> = (&'a str, &'a str, Option<i64>, Option<i64>);

    fn shots(rows: &[Shot<'_>]) -> Table {
        let fields = [
            ("content", Type::Content),
            ("site", Type::Text),
            ("season", Type::Text),
            (NUMBER, Type::Int),
            ("datetime_raw", Type::DateTime),
        ];
        let row = |(seed, site, number, time): &Shot<'_>| {
            let number = number.map_or(Cell::Null, Cell::Int);
            let shot = if seed.is_empty() { Cell::Null } else { content(seed) };
            vec![shot, text(site), text("2024"), number, time.map_or(Cell::Null, Cell::DateTime)]
        };
        table(&fields, &rows.iter().map(row).collect::<Vec<_>>())
    }

    fn id(seed: &str) -> ContentId {
        ContentId::of(seed.as_bytes())
    }

    #[test]
    fn an_image_has_those_of_its_event_and_the_one_before_it_whatever_its_event() {
        let table = shots(&[
            ("late", "a", Some(2), Some(500)),
            ("2", "a", Some(1), Some(101)),
            ("elsewhere", "b", Some(1), Some(100)),
            ("1", "a", Some(1), Some(100)),
            ("timeless", "a", None, None),
        ]);
        let frames = Frames::of(&table).unwrap();
        assert_eq!(frames.event(id("2")), Some(&[3, 1][..]));
        assert_eq!(frames.event(id("late")), Some(&[0][..]));
        assert_eq!(frames.event_number(id("1")), frames.event_number(id("2")));
        assert_ne!(frames.event_number(id("1")), frames.event_number(id("elsewhere")));
        let previous = ["late", "2", "1", "elsewhere", "timeless"].map(|seed| frames.previous(id(seed)));
        assert_eq!(previous, [Some(1), Some(3), None, None, None]);
        assert_eq!((frames.row(id("1")), frames.row(id("nowhere")), frames.event(id("nowhere"))), (Some(3), None, None));
        assert_eq!(frames.event(id("timeless")), Some(&[4][..]));
    }

    #[test]
    fn a_copy_is_the_image_itself_and_a_row_without_content_is_no_frame() {
        let table = shots(&[
            ("1", "a", Some(1), Some(100)),
            ("1", "a", Some(1), Some(100)),
            ("", "a", Some(1), Some(100)),
            ("2", "a", Some(1), Some(101)),
            // The same bytes at another site: another image, with frames of the first.
            ("1", "b", Some(1), Some(900)),
            ("3", "b", Some(1), Some(901)),
        ]);
        let frames = Frames::of(&table).unwrap();
        assert_eq!((frames.row(id("1")), frames.event(id("1"))), (Some(0), Some(&[0, 3][..])));
        assert_eq!((frames.previous(id("2")), frames.previous(id("3"))), (Some(0), Some(4)));
    }

    #[test]
    fn without_times_and_sites_each_image_stands_alone() {
        let bare = table(&[("content", Type::Content)], &[vec![content("1")], vec![content("2")]]);
        let frames = Frames::of(&bare).unwrap();
        assert_eq!((frames.event(id("2")), frames.previous(id("2"))), (Some(&[1][..]), None));
        assert!(Frames::of(&table(&[("path", Type::Text)], &[])).is_err());
        assert_eq!(Frames::of(&table(&[("content", Type::Content)], &[])).unwrap().row(id("1")), None);
    }
    /// The name of the step whose table `source` takes for a review.
    fn found(steps: &str, review: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("raw")).unwrap();
        let file = folder.path().join("p.yaml");
        std::fs::write(&file, format!("trapline: 1\nclasses: [vole]\nsteps:\n{steps}")).unwrap();
        let loaded = crate::check::load(&file, &crate::check::Overrides::default());
        let Some(pipeline) = loaded.pipeline else { panic!("{:?}", loaded.report.diagnostics) };
        let (step, output) = source(&pipeline, pipeline.step(review).unwrap())?;
        assert_eq!(output, 0);
        Some(pipeline.steps[step].name.value.clone())
    }

    const IMAGES: &str = "  images: { uses: images, with: { root: raw, path: '{site}/{season}/*.jpg' } }\n";

    #[test]
    fn all_images_with_their_times_come_from_the_step_nearest_to_their_source() {
        let chain = format!(
            "{IMAGES}  metadata: {{ uses: metadata, from: images }}
  names: {{ uses: rename, from: metadata, with: {{ name: '{{{{ site }}}}_{{{{ counter(4) }}}}', manifest: names.csv }} }}
  drawn: {{ uses: sample, from: names, with: {{ by: [season], random_per_group: 5, seed: 1 }} }}
  qc: {{ uses: review, from: drawn, with: {{ labels: labels/qc }} }}
  again: {{ uses: review, from: {{ images: drawn, known: qc }}, with: {{ labels: labels/again }} }}\n"
        );
        assert_eq!(found(&chain, "qc").as_deref(), Some("metadata"));
        assert_eq!(found(&chain, "again").as_deref(), Some("metadata"));
        let bare = format!("{IMAGES}  qc: {{ uses: review, from: images, with: {{ labels: labels/qc }} }}\n");
        assert_eq!(found(&bare, "qc").as_deref(), Some("images"));
    }

    #[test]
    fn a_step_that_lets_only_some_rows_through_holds_not_all_images() {
        let steps = format!(
            "{IMAGES}  drawn: {{ uses: sample, from: images, with: {{ by: [season], random_per_group: 5, seed: 1 }} }}
  metadata: {{ uses: metadata, from: drawn }}
  qc: {{ uses: review, from: metadata, with: {{ labels: labels/qc }} }}\n"
        );
        assert_eq!(found(&steps, "qc").as_deref(), Some("images"));
    }
}
