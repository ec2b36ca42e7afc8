//! Events to a tree of nodes: spans, anchors, duplicate keys, budgets. Nothing here recurses deeper than [`MAX_DEPTH`].

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Tag};

use super::syntax::explain;
use super::{Entry, MAX_ALIASES, MAX_BYTES, MAX_COPIED, MAX_DEPTH, Node, Value, allow, scalar};
use crate::diagnostic::{Code, Diagnostic, FileId, Report, Span, Spanned, codes};

/// What one file holds.
#[derive(Debug)]
pub struct Document {
    /// The root of the tree.
    pub root: Node,
    /// Its `# trapline: allow` comments.
    pub allows: Vec<allow::Allow>,
}

/// Reads `text` as one YAML document. All duplicate keys, bad tags and the like are reported; the first syntax error ends the reading.
pub fn read(file: FileId, text: &str, report: &mut Report) -> Option<Document> {
    if text.len() > MAX_BYTES {
        report.push(
            Diagnostic::new(codes::FILE_TOO_LARGE, Span::start_of(file), format!("the file has {} bytes", text.len()))
                .help("the limit is 1 MiB; put data into CSV files and shared parts into fragments"),
        );
        return None;
    }
    let mut reader =
        Reader { file, text, report, stack: Vec::new(), anchors: HashMap::new(), aliases: 0, copied: 0, last: 0, root: None };
    let mut comments = Vec::new();
    let complete = reader.events(&mut comments);
    let root = reader.root.take();
    let allows = allow::read(text, &comments, report);
    if !complete {
        return None;
    }
    Some(Document { root: root.unwrap_or(Node { value: Value::Null, span: Span::start_of(file) }), allows })
}

/// A collection that is still open.
struct Frame {
    start: u32,
    anchor: usize,
    open: Open,
}

enum Open {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, keys: HashMap<String, Span>, key: Key },
}

/// What a mapping waits for.
enum Key {
    /// A key.
    Wanted,
    /// The value of a key.
    Read(Spanned<String>),
    /// The value of a key that was refused; it is read and dropped.
    Refused,
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    report: &'a mut Report,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    aliases: usize,
    copied: usize,
    /// Where the last event ended.
    last: u32,
    root: Option<Node>,
}

impl Reader<'_> {
    /// Reads all events; false where the text could not be read to its end.
    fn events(&mut self, comments: &mut Vec<Span>) -> bool {
        let mut options = Options::default();
        options.emit_unresolved_aliases = true;
        options.max_buffered_comment_events = MAX_BYTES;
        options.flow_nesting_limit = MAX_DEPTH;
        options.block_nesting_limit = MAX_DEPTH;
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, place) = match event {
                Ok(event) => event,
                Err(error) => {
                    self.syntax_error(&error);
                    return false;
                }
            };
            let span = self.span(&place);
            self.last = span.end;
            match event {
                Event::Comment(..) => comments.push(span),
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        self.error(codes::SEVERAL_DOCUMENTS, span, "a second document starts here", "keep one document per file");
                        return false;
                    }
                }
                event => {
                    if self.node_event(event, span).is_none() {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Handles an event of a node; `None` ends the reading.
    fn node_event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), span);
                let quoted = style != ScalarStyle::Plain;
                self.put(Node { value, span }, anchor, Some((&text, quoted)));
                Some(())
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", span);
                self.open(span, anchor, Open::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", span);
                self.open(span, anchor, Open::Map { entries: Vec::new(), keys: HashMap::new(), key: Key::Wanted })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                self.error(
                    codes::UNKNOWN_ALIAS,
                    span,
                    &format!("no anchor `&{name}` stands before this alias"),
                    &format!("a text that starts with `*` needs quotes: `\"*{name}\"`"),
                );
                self.put(Node { value: Value::Null, span }, 0, None);
                Some(())
            }
            _ => Some(()),
        }
    }

    fn open(&mut self, span: Span, anchor: usize, open: Open) -> Option<()> {
        if self.stack.len() >= MAX_DEPTH {
            return self.too_deep(span);
        }
        self.stack.push(Frame { start: span.start, anchor, open });
        Some(())
    }

    fn close(&mut self, span: Span) -> Option<()> {
        let frame = self.stack.pop()?;
        let (value, last) = match frame.open {
            Open::List(items) => {
                let last = items.last().map(|node| node.span.end);
                (Value::List(items), last)
            }
            Open::Map { entries, .. } => {
                let last = entries.last().map(|entry| entry.value.span.end.max(entry.key.span.end));
                (Value::Map(entries), last)
            }
        };
        // A block collection ends with its last value, not where the next token happens to start.
        let flow = matches!(self.text.as_bytes().get(frame.start as usize), Some(b'[' | b'{'));
        let end = if flow { span.end } else { last.unwrap_or(span.end) };
        let span = Span { file: self.file, start: frame.start, end: end.max(frame.start) };
        self.put(Node { value, span }, frame.anchor, None);
        Some(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Option<()> {
        self.aliases += 1;
        if self.aliases > MAX_ALIASES {
            self.error(codes::TOO_MANY_ALIASES, span, "more than 1 000 aliases", "write the values out, or use `for_each:`");
            return None;
        }
        let Some(node) = self.anchors.get(&id) else {
            // An anchor that is still open: the value would hold itself.
            self.error(codes::UNKNOWN_ALIAS, span, "this alias stands inside its own anchor", "a value cannot hold itself");
            self.put(Node { value: Value::Null, span }, 0, None);
            return Some(());
        };
        let (size, height) = measure(node, MAX_COPIED - self.copied);
        self.copied += size;
        if self.copied >= MAX_COPIED {
            self.error(codes::TOO_MANY_ALIASES, span, "the aliases copy more than 100 000 values", "write the values out");
            return None;
        }
        if self.stack.len() + height > MAX_DEPTH {
            return self.too_deep(span);
        }
        let value = node.value.clone();
        let key = value.plain_text();
        self.put(Node { value, span }, 0, key.as_deref().map(|text| (text, true)));
        Some(())
    }

    fn too_deep(&mut self, span: Span) -> Option<()> {
        self.error(codes::TOO_DEEP, span, "nested deeper than 64 levels", "a pipeline needs about six");
        None
    }

    /// Puts a finished node where it belongs. `text` is the source of a scalar and whether it was quoted.
    fn put(&mut self, node: Node, anchor: usize, text: Option<(&str, bool)>) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut frame.open {
            Open::List(items) => items.push(node),
            Open::Map { entries, keys, key } => match std::mem::replace(key, Key::Wanted) {
                Key::Refused => {}
                Key::Read(name) => entries.push(Entry { key: name, value: node }),
                Key::Wanted => {
                    *key = match read_key(&node, text, keys, self.text) {
                        Ok(name) => Key::Read(name),
                        Err(finding) => {
                            self.report.push(*finding);
                            Key::Refused
                        }
                    };
                }
            },
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Value {
        let plain = style == ScalarStyle::Plain;
        let wanted = tag.map(|tag| tag.core_suffix().unwrap_or("?").to_owned());
        let value = match wanted.as_deref() {
            Some("str") => Value::Text(text.to_owned()),
            // `! text` is YAML's way to say text.
            None if !plain => Value::Text(text.to_owned()),
            None | Some(_) => match scalar(text) {
                Ok(value) => value,
                Err(why) => {
                    self.error(
                        codes::BAD_NUMBER,
                        span,
                        &format!("`{text}` is not a usable number: {}", why.0),
                        "write it in quotes",
                    );
                    Value::Null
                }
            },
        };
        let fits = match wanted.as_deref() {
            None | Some("str") => true,
            Some("int") => matches!(value, Value::Int(_)),
            Some("float") => matches!(value, Value::Float(_) | Value::Int(_)),
            Some("bool") => matches!(value, Value::Bool(_)),
            Some("null") => matches!(value, Value::Null),
            Some(_) => false,
        };
        if !fits {
            self.bad_tag(tag, span);
        }
        value
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, wanted: &str, span: Span) {
        if tag.is_some_and(|tag| tag.core_suffix() != Some(wanted)) {
            self.bad_tag(tag, span);
        }
    }

    fn bad_tag(&mut self, tag: Option<&Tag>, span: Span) {
        let name = tag.map(Tag::original).unwrap_or_default();
        self.error(codes::BAD_TAG, span, &format!("the tag `{name}` is unknown or does not fit its value"), "leave the tag out");
    }

    fn error(&mut self, code: Code, span: Span, message: &str, help: &str) {
        self.report.push(Diagnostic::new(code, span, message).help(help));
    }

    /// Reports the scanner's error: an opener that is not closed is named where it stands, not where the text stopped making sense.
    fn syntax_error(&mut self, error: &ScanError) {
        let span = self.token_at(error.marker().byte_offset().unwrap_or(0));
        let (code, message, help) = explain(error.kind());
        let mut finding = Diagnostic::new(code, span, message).help(help);
        match error.kind() {
            ErrorKind::InvalidQuotedScalarIndent => {
                let from = floor(self.text, self.last as usize);
                if let Some(at) = self.text[from..span.start as usize].find(['"', '\'']).map(|at| from + at) {
                    finding =
                        Diagnostic::new(codes::UNCLOSED_QUOTE, self.bytes(at, at + 1), "this quote is not closed on its line")
                            .related(span, "the text runs on to here")
                            .help("end the text with the quote that starts it");
                }
            }
            ErrorKind::InvalidColonPlacement
            | ErrorKind::InvalidIndentation
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::ExpectedFlowMappingSeparator => {
                let start = self.stack.last().map_or(0, |frame| frame.start as usize);
                let opener = self.text[floor(self.text, start)..].chars().next().filter(|c| matches!(c, '[' | '{'));
                if let Some(opener) = opener.filter(|_| self.text[start..span.start as usize].contains('\n')) {
                    finding = Diagnostic::new(
                        codes::UNCLOSED_BRACKET,
                        self.bytes(start, start + 1),
                        format!("the bracket `{opener}` is not closed before the next key"),
                    )
                    .related(span, "the text makes no sense from here")
                    .help("close it");
                }
            }
            _ => {}
        }
        self.report.push(finding);
    }

    /// The word at a byte offset, or one character, or the end of the text.
    fn token_at(&self, at: usize) -> Span {
        let at = floor(self.text, at);
        let rest = &self.text[at..];
        let first = rest.chars().next().map_or(0, |c| if c == '\n' || c == '\r' { 0 } else { c.len_utf8() });
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        self.bytes(at, at + word.max(first))
    }

    fn span(&self, place: &granit_parser::Span) -> Span {
        let range = place.byte_range().unwrap_or(0..0);
        // The scanner lets a plain text reach over the blanks behind it.
        let (start, end) = (floor(self.text, range.start), floor(self.text, range.end));
        let trimmed = self.text[start..end.max(start)].trim_end().len();
        self.bytes(start, start + trimmed)
    }

    fn bytes(&self, start: usize, end: usize) -> Span {
        // Bounded by MAX_BYTES.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: self.file, start: offset(start), end: offset(end) }
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A key from a node, or the finding that refuses it.
fn read_key(
    node: &Node,
    text: Option<(&str, bool)>,
    keys: &mut HashMap<String, Span>,
    source: &str,
) -> Result<Spanned<String>, Box<Diagnostic>> {
    let span = node.span;
    let name = match (&node.value, text) {
        (Value::Text(name), _) => name.clone(),
        // `2021:` is a fine key; it is taken as written.
        (Value::Bool(_) | Value::Int(_) | Value::Float(_), Some((text, _))) => text.to_owned(),
        (Value::Map(_), _) if source.as_bytes().get((span.start as usize).wrapping_sub(1)) == Some(&b'{') => {
            return Err(Box::new(
                Diagnostic::new(codes::BAD_KEY, span, "a mapping cannot be a key")
                    .help("if this is a template, put it in quotes: `\"{{ ... }}\"`"),
            ));
        }
        _ => {
            let found = node.value.kind();
            return Err(Box::new(
                Diagnostic::new(codes::BAD_KEY, span, format!("{found} cannot be a key")).help("a key is a text or a number"),
            ));
        }
    };
    if name == "<<" && text.is_some_and(|(_, quoted)| !quoted) {
        return Err(Box::new(
            Diagnostic::new(codes::MERGE_KEY, span, "the merge key `<<` is not part of YAML 1.2")
                .help("repeat the keys, or share steps with `for_each:` or `include:`"),
        ));
    }
    if let Some(first) = keys.get(&name) {
        return Err(Box::new(
            Diagnostic::new(codes::DUPLICATE_KEY, span, format!("the key `{name}` is given twice"))
                .related(*first, "first given here")
                .help("remove one of the two"),
        ));
    }
    keys.insert(name.clone(), span);
    Ok(Spanned { value: name, span })
}

/// Number of values and height of a tree; stops counting at `limit`.
fn measure(node: &Node, limit: usize) -> (usize, usize) {
    let mut size = 1;
    let mut height = 0;
    let children: Box<dyn Iterator<Item = &Node>> = match &node.value {
        Value::List(items) => Box::new(items.iter()),
        Value::Map(entries) => Box::new(entries.iter().map(|entry| &entry.value)),
        _ => return (1, 0),
    };
    for child in children {
        if size >= limit {
            break;
        }
        let (below, high) = measure(child, limit - size);
        size += below;
        height = height.max(high);
    }
    (size, height + 1)
}

#[cfg(test)]
mod tests;
