//! Takes answers down: each is checked, completed with what is known of its image, and on the disk before anybody is told so.

use super::book::{Book, last_of};
use super::desk::Desk;
use super::pictures::{file_of, text_of};
use crate::labels::{Appender, Label, LabelError, Wrote, shown};
use crate::step::review::Given;

/// Takes down the answers of one reviewer.
#[derive(Debug)]
pub struct Clerk {
    reviewer: String,
    appender: Appender,
}

/// An answer on its way into a label file.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The image asked about.
    pub image: u32,
    /// What was answered; without a class it takes back what the reviewer said of the image. Site, season, file and question are
    /// filled in.
    pub label: Label<'static>,
    /// An empty comment says that there is none, not that nothing is said about it.
    pub whole: bool,
}

/// An answer that was taken.
#[derive(Debug)]
pub struct Taken {
    /// The image.
    pub image: u32,
    /// The row as written, or the one that stood already; `None` where there was nothing to take back.
    pub label: Option<Label<'static>>,
    /// False where it stood already.
    pub is_new: bool,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The answer itself; one sentence without a subject.
    #[error("{0}")]
    Row(String),
    /// Somebody else wrote to the file since the book was read: read it again, then take the answer.
    #[error("was given while another program wrote to the same label file: give it again")]
    Outdated,
    /// The file cannot be written: no later answer can either.
    #[error(transparent)]
    Disk(#[from] LabelError),
}

impl Refusal {
    /// How often an answer is given again after [`Refusal::Outdated`].
    pub const TRIES: u32 = 100;
}

/// Says whether a name can be that of a reviewer: it names a file, and `+` joins several.
///
/// # Errors
/// One sentence with the way out.
pub fn reviewer(name: &str) -> Result<&str, String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 60 || name.contains(|c: char| c.is_control() || "+/\\".contains(c)) {
        return Err("a reviewer's name has 1 to 60 characters, without `+`, `/`, `\\` and control characters".to_owned());
    }
    Ok(name)
}

impl Clerk {
    /// The clerk of `reviewer`.
    #[must_use]
    pub fn new(desk: &Desk, reviewer: &str) -> Self {
        Self { reviewer: reviewer.to_owned(), appender: Appender::new(&desk.folder(), reviewer) }
    }

    /// The file that the next answers go to.
    #[must_use]
    pub fn path(&self) -> std::path::PathBuf {
        self.appender.path()
    }

    /// What the last answers changed on the disk.
    #[must_use]
    pub fn wrote(&self) -> Option<&Wrote> {
        self.appender.last()
    }

    /// Takes answers down, all or none of them: they are on the disk and in `book` when this returns. `pixels` gives the hash of an
    /// image's pixels, `now` is the time of answers that bring none. No image may stand twice among the `entries`.
    ///
    /// # Errors
    /// [`Refusal`]; nothing was written.
    pub fn take(
        &mut self,
        desk: &Desk,
        book: &mut Book,
        entries: Vec<Entry>,
        now: &str,
        mut pixels: impl FnMut(u32) -> Option<String>,
    ) -> Result<Vec<Taken>, Refusal> {
        let mut taken = Vec::with_capacity(entries.len());
        let (mut places, mut rows) = (Vec::new(), Vec::new());
        for Entry { image, mut label, whole } in entries {
            self.check(desk, &label)?;
            match self.supersede(book, image, &mut label, whole) {
                Written::New => {
                    complete(desk, book, image as usize, &mut label);
                    if label.pixels.is_empty() {
                        label.pixels = pixels(image).unwrap_or_default().into();
                    }
                    if label.time.is_empty() {
                        label.time = now.to_owned().into();
                    }
                    label.id = label.identity().into();
                    places.push(image);
                    rows.push(label.clone());
                    taken.push(Taken { image, label: Some(label), is_new: true });
                }
                Written::Stands(label) => taken.push(Taken { image, label: label.map(|label| *label), is_new: false }),
            }
        }
        if !rows.is_empty() {
            let wrote = self.appender.last().map(|wrote| (wrote.path.clone(), wrote.after.length()));
            let is_known = |path: &std::path::Path, length: u64| {
                let is_own = wrote.as_ref().is_some_and(|(own, after)| own == path && *after == length);
                is_own || desk.length_of(path) == length
            };
            if !self.appender.append_to(&mut rows, is_known)? {
                return Err(Refusal::Outdated);
            }
        }
        for (image, label) in places.into_iter().zip(rows) {
            let class = (!label.class.is_empty()).then(|| label.class.to_string());
            let is_declared = desk.question.class(&desk.pipeline.classes, &label.class).is_ok();
            book.add(Given { image, class, is_declared, label });
        }
        Ok(taken)
    }

    fn check(&self, desk: &Desk, label: &Label<'_>) -> Result<(), Refusal> {
        if label.reviewer != self.reviewer {
            return Err(Refusal::Row(format!("is an answer of `{}`: add it under that name", label.reviewer)));
        }
        let question = &desk.question;
        if !label.question.is_empty() && label.question != question.question {
            return Err(Refusal::Row(format!("answers the question `{}`, not `{}`", label.question, question.question)));
        }
        if ![shown::BLIND, shown::MODEL].contains(&label.shown.as_ref()) {
            return Err(Refusal::Row(format!("`{}` in `shown` is neither `blind` nor `model`", label.shown)));
        }
        if question.blind && label.shown != shown::BLIND {
            return Err(Refusal::Row("was answered with the model's answer in sight, and this review is blind".to_owned()));
        }
        Ok(())
    }

    /// Names the rows that `label` takes the place of.
    fn supersede(&self, book: &Book, image: u32, label: &mut Label<'static>, whole: bool) -> Written {
        let own = book.own(image, &self.reviewer);
        let stands = |own: &&Given| {
            let said = &own.label;
            let comment = if label.comment.is_empty() && !whole { true } else { said.comment == label.comment };
            own.class.as_deref() == Some(label.class.as_ref()) && said.shown == label.shown && comment
        };
        let replaces = |own: &Label<'_>| label.superseded().all(|id| own.superseded().any(|known| known == id));
        let is_withdrawal = label.class.is_empty();
        match &own[..] {
            [] if is_withdrawal => return Written::Stands(None),
            [only] if stands(only) && replaces(&only.label) => return Written::Stands(Some(Box::new(only.label.clone()))),
            _ => {}
        }
        let mut ids: Vec<String> = label.superseded().map(str::to_owned).collect();
        if is_withdrawal {
            // A page that was sent as a file knows its rows by other names than those under which they were taken.
            ids.retain(|id| book.rows(image).iter().any(|given| given.label.id == *id));
        }
        let mut add = |id: &str| {
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        };
        // With what stands, all that it replaced is taken back.
        for given in &own {
            add(&given.label.id);
        }
        if !is_withdrawal {
            // The same answer once more is another row only if it names what went before.
            let last = last_of(book.rows(image), &self.reviewer);
            last.filter(|row| row.class.is_empty()).into_iter().for_each(|row| add(&row.id));
        }
        label.supersedes = ids.join(" ").into();
        Written::New
    }
}

/// What becomes of an answer.
enum Written {
    New,
    Stands(Option<Box<Label<'static>>>),
}

/// Fills in what is known of the image.
fn complete(desk: &Desk, book: &Book, image: usize, label: &mut Label<'static>) {
    let table = &book.asked.table;
    label.observation = table.column("content").and_then(|column| column.content(image));
    for (field, name) in [(&mut label.site, "site"), (&mut label.season, "season")] {
        if table.column(name).is_some() {
            *field = text_of(table, name, image).to_owned().into();
        }
    }
    label.file = file_of(&book.asked.key, table, image).into();
    label.question = desk.question.question.clone().into();
}
