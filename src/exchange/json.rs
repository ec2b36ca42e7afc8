//! JSON files that are one long list in an object: read item by item, so that a million images need no more memory than one.

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::table::{Faults, TableError, excerpt};

/// The members of an object.
pub type Object = Map<String, Value>;

/// A file of one object that holds a long list.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    file: &'a str,
    bytes: &'a [u8],
    list: &'static str,
}

/// A field that is not what it should be, by its path within the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// `detections[0].conf`; empty for the item itself.
    pub path: String,
    /// What is wrong and the way out.
    pub message: String,
}

impl Wrong {
    /// At a field.
    #[must_use]
    pub fn at(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into() }
    }

    /// The same, seen from the item that holds `outer`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        let between = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{outer}{between}{}", self.path);
        self
    }
}

impl<'a> Document<'a> {
    /// A file whose object has the list called `list`; `file` is named in errors.
    ///
    /// # Errors
    /// For UTF-16.
    pub fn new(file: &'a str, bytes: &'a [u8], list: &'static str) -> Result<Self, TableError> {
        let document = Self { file, bytes: bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes), list };
        if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            return Err(document.fault(None, None, "the file is UTF-16; save it as UTF-8".to_owned()));
        }
        Ok(document)
    }

    /// An error about a field of the head.
    #[must_use]
    pub fn error(&self, wrong: Wrong) -> TableError {
        self.fault(None, Some(wrong.path).filter(|path| !path.is_empty()), wrong.message)
    }

    fn fault(&self, line: Option<u64>, column: Option<String>, message: String) -> TableError {
        TableError::Text { file: self.file.to_owned(), line, column, message }
    }

    /// The parser's complaint, with the item in which it came up.
    fn damaged(&self, error: &serde_json::Error, item: Option<usize>) -> TableError {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = text.strip_suffix(&place).unwrap_or(&text);
        let message = match error.classify() {
            serde_json::error::Category::Eof => "the file ends in the middle; fetch it again".to_owned(),
            _ => format!("{}; the file is not the JSON that it should be", short(message)),
        };
        let line = Some(error.line() as u64).filter(|line| *line > 0);
        self.fault(line, item.map(|at| format!("{}[{at}]", self.list)), message)
    }

    /// All members but the list.
    ///
    /// # Errors
    /// [`TableError::Text`] with the line where the file is no JSON.
    pub fn head(&self) -> Result<Object, TableError> {
        let mut state = Skipped { list: self.list, next: None };
        let mut input = serde_json::Deserializer::from_slice(self.bytes);
        let head = input.deserialize_map(Head(&mut state)).and_then(|head| input.end().map(|()| head));
        head.map_err(|error| self.damaged(&error, state.next))
    }

    /// Hands the items of the list to `each`, one after another. What is wrong goes to `faults`, with the item's place: what `each`
    /// finds, and where the file is not JSON or has no such list.
    ///
    /// # Errors
    /// What `check`, asked now and then, says.
    pub fn items<E>(
        &self,
        each: &mut dyn FnMut(Value) -> Result<(), Wrong>,
        faults: &mut Faults,
        check: &dyn Fn() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut found = |wrong: Wrong, at: usize| faults.push(|| self.error(wrong.within(&format!("{}[{at}]", self.list))));
        let wrong: &mut dyn FnMut(Wrong, usize) = &mut found;
        let mut state = State { list: self.list, next: 0, there: false, inside: false, wrong, stopped: None, each, check };
        let mut input = serde_json::Deserializer::from_slice(self.bytes);
        let outcome = input.deserialize_map(Top(&mut state));
        let (there, inside) = (state.there, state.inside.then_some(state.next));
        if let Some(error) = state.stopped {
            return Err(error);
        }
        match outcome {
            Err(error) => faults.push(|| self.damaged(&error, inside)),
            Ok(()) if !there => faults.push(|| self.error(Wrong::at("", format!("there is no list `{}`", self.list)))),
            Ok(()) => {}
        }
        Ok(())
    }
}

/// A list that is passed over.
struct Skipped {
    list: &'static str,
    /// The item before which the reader stands.
    next: Option<usize>,
}

/// The object around a list that is passed over.
struct Head<'s>(&'s mut Skipped);

impl<'de> Visitor<'de> for Head<'_> {
    type Value = Object;
    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "an object with the list `{}`", self.0.list)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut head = Object::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == self.0.list {
                map.next_value_seed(&mut *self.0)?;
            } else {
                head.insert(key, map.next_value()?);
            }
        }
        Ok(head)
    }
}

impl<'de> DeserializeSeed<'de> for &mut Skipped {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Skipped {
    type Value = ();
    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "the list `{}`", self.list)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.next = Some(0);
        while items.next_element::<IgnoredAny>()?.is_some() {
            self.next = self.next.map(|next| next + 1);
        }
        self.next = None;
        Ok(())
    }
}

/// How many items are read between two questions whether to stop.
const CHECKED: usize = 1 << 14;

/// What the list's reader knows while it reads.
struct State<'s, E> {
    list: &'static str,
    next: usize,
    there: bool,
    inside: bool,
    /// Hears what is wrong with an item, and its number.
    wrong: &'s mut dyn FnMut(Wrong, usize),
    stopped: Option<E>,
    each: &'s mut dyn FnMut(Value) -> Result<(), Wrong>,
    check: &'s dyn Fn() -> Result<(), E>,
}

/// The object around the list.
struct Top<'t, 's, E>(&'t mut State<'s, E>);

impl<'de, E> Visitor<'de> for Top<'_, '_, E> {
    type Value = ();
    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "an object with the list `{}`", self.0.list)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key != self.0.list {
                map.next_value::<IgnoredAny>()?;
            } else if self.0.there {
                return Err(A::Error::custom(format!("a second list `{key}`")));
            } else {
                self.0.there = true;
                self.0.inside = true;
                map.next_value_seed(Items(&mut *self.0))?;
                self.0.inside = false;
            }
        }
        Ok(())
    }
}

/// The list.
struct Items<'t, 's, E>(&'t mut State<'s, E>);

impl<'de, E> DeserializeSeed<'de> for Items<'_, '_, E> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_seq(self)
    }
}

impl<'de, E> Visitor<'de> for Items<'_, '_, E> {
    type Value = ();
    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "the list `{}`", self.0.list)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Value>()? {
            if let Err(wrong) = (self.0.each)(item) {
                (self.0.wrong)(wrong, self.0.next);
            }
            self.0.next += 1;
            if self.0.next.is_multiple_of(CHECKED)
                && let Err(stop) = (self.0.check)()
            {
                self.0.stopped = Some(stop);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// A value in words, for messages.
#[must_use]
pub fn words(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::String(text) => format!("`{}`", excerpt(text)),
        other => format!("`{other}`"),
    }
}

/// A parser's complaint, which repeats what it met, without the middle of a long one.
fn short(message: &str) -> String {
    const ENDS: usize = 100;
    let letters: Vec<char> = message.chars().collect();
    if letters.len() <= 2 * ENDS {
        return message.to_owned();
    }
    letters[..ENDS].iter().chain(&[' ', '…', ' ']).chain(&letters[letters.len() - ENDS..]).collect()
}

/// The value as an object.
///
/// # Errors
/// Where it is something else.
pub fn object(value: &Value) -> Result<&Object, Wrong> {
    value.as_object().ok_or_else(|| Wrong::at("", format!("{} is not an object", words(value))))
}

/// The text under `key`; `None` where it is absent or null.
///
/// # Errors
/// Where it is something else.
pub fn text<'v>(object: &'v Object, key: &str) -> Result<Option<&'v str>, Wrong> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Wrong::at(key, format!("{} is not a text", words(other)))),
    }
}

/// The list under `key`; `None` where it is absent or null.
///
/// # Errors
/// Where it is something else.
pub fn list<'v>(object: &'v Object, key: &str) -> Result<Option<&'v [Value]>, Wrong> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(Wrong::at(key, format!("{} is not a list", words(other)))),
    }
}

/// A confidence: a number from 0 to 1.
///
/// # Errors
/// Where it is something else.
pub fn confidence(value: Option<&Value>, path: &str) -> Result<f32, Wrong> {
    let Some(value) = value else { return Err(Wrong::at(path, "is missing; it is a confidence, from 0 to 1")) };
    let number = value.as_f64().filter(|number| (0.0..=1.0).contains(number));
    #[expect(clippy::cast_possible_truncation, reason = "confidences are stored as models compute them")]
    number
        .map(|number| number as f32)
        .ok_or_else(|| Wrong::at(path, format!("{} is not a confidence: a number from 0 to 1", words(value))))
}
