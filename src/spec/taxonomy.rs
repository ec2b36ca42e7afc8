//! The programme's classes: names, roles, keys and colours.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, FileId, Report, Span, Spanned, any_of, codes, nearest};
use crate::yaml::{Node, Value};

use super::fields;
use super::table::{Header, rows};
use crate::taxonomy::{Class, RANKS, Role, Taxon, Taxonomy, folded, is_reserved, normal, refused_name};

/// The columns of a taxonomy file.
const COLUMNS: &[&str] =
    &["class", "role", "key", "colour", "display", "species_id", "scientific_name", "taxon_rank", "taxon_id"];
const ROLES: &[&str] = &["animal", "empty", "bad_quality", "person", "vehicle", "other"];

fn role(word: &str) -> Option<Role> {
    Some(match word {
        "animal" => Role::Animal,
        "empty" => Role::Empty,
        "bad_quality" => Role::BadQuality,
        "person" => Role::Person,
        "vehicle" => Role::Vehicle,
        "other" => Role::Other,
        _ => return None,
    })
}

/// Collects classes and checks each against those before it.
#[derive(Default)]
struct Builder {
    classes: Vec<Class>,
    shortcuts: Vec<(char, Span)>,
}

impl Builder {
    fn push(&mut self, class: Class, shortcut: Option<Span>, report: &mut Report) {
        let name = &class.name;
        if let Some(help) = refused_name(&name.value) {
            let message = format!("`{}` cannot be the name of a class", name.value);
            report.push(Diagnostic::new(codes::BAD_NAME, name.span, message).help(help));
            return;
        }
        if let Some(first) = self.classes.iter().find(|c| normal(&c.name.value) == normal(&name.value)) {
            let message = if first.name.value == name.value {
                format!("the class `{}` is given twice", name.value)
            } else {
                format!("`{}` and `{}` are the same class in two spellings", first.name.value, name.value)
            };
            report.push(
                Diagnostic::new(codes::DUPLICATE_CLASS, name.span, message)
                    .related(first.name.span, "first given here")
                    .help("keep one of them"),
            );
            return;
        }
        // What is more than one character was refused already.
        let single = class.key.as_deref().filter(|key| key.chars().count() == 1);
        if let (Some(key), Some(span)) = (single.and_then(|key| key.chars().next()), shortcut) {
            // `V` and `v` are one key.
            if let Some((_, first)) = self.shortcuts.iter().find(|(other, _)| *other == folded(key)) {
                report.push(
                    Diagnostic::new(codes::DUPLICATE_SHORTCUT, span, format!("the key `{key}` is taken"))
                        .related(*first, "first given here")
                        .help("give each class its own key"),
                );
            }
            if is_reserved(key, &name.value) {
                report.push(
                    Diagnostic::new(
                        codes::RESERVED_SHORTCUT,
                        span,
                        format!("the key `{key}` is one of the labelling page itself"),
                    )
                    .help("take another letter, or a digit: `u` is for unknown, `d` for difficult, `r` repeats the last label"),
                );
            }
            self.shortcuts.push((folded(key), span));
        }
        self.classes.push(class);
    }
}

/// Reads the short form: a list of names.
pub fn short(node: &Node, report: &mut Report) -> Taxonomy {
    let Value::List(items) = &node.value else {
        report.push(
            Diagnostic::new(codes::WRONG_TYPE, node.span, format!("`classes` is a list of names, not {}", node.value.kind()))
                .help("write `classes: [empty, vole, shrew]`"),
        );
        return Taxonomy::default();
    };
    let mut builder = Builder::default();
    for item in items {
        let Some(name) = fields::text(item, "a class", report) else { continue };
        let name = Spanned { value: name.to_owned(), span: item.span };
        let role = Role::of_name(&name.value);
        builder.push(Class { name, role, key: None, colour: None, display: None, species_id: None, taxon: None }, None, report);
    }
    Taxonomy { classes: builder.classes }
}

/// Reads a taxonomy file.
pub fn read(file: FileId, text: &Arc<str>, asked: Span, report: &mut Report) -> Taxonomy {
    let Some((header, rows)) = rows(file, text, asked, codes::BAD_TAXONOMY, report) else { return Taxonomy::default() };
    for (name, span) in header.columns.iter().zip(&header.spans) {
        if !COLUMNS.contains(&name.as_str()) {
            let mut finding = Diagnostic::new(codes::TAXONOMY_COLUMN, *span, format!("the column `{name}` is not read"));
            finding.help = Some(match nearest(name, COLUMNS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected {}", any_of(COLUMNS)),
            });
            report.push(finding);
        }
    }
    let Some(class) = header.require("class", asked, codes::BAD_TAXONOMY, report) else { return Taxonomy::default() };
    let mut builder = Builder::default();
    for row in &rows {
        if let Some((read, shortcut)) = read_row(&header, class, row, report) {
            builder.push(read, shortcut, report);
        }
    }
    if rows.is_empty() {
        report.push(
            Diagnostic::new(codes::BAD_TAXONOMY, Span::start_of(file), "the taxonomy has no classes").help("add a row per class"),
        );
    }
    Taxonomy { classes: builder.classes }
}

fn read_row(header: &Header, class: usize, row: &[Spanned<String>], report: &mut Report) -> Option<(Class, Option<Span>)> {
    let cell = |column: &str| {
        let cell = row.get(header.index(column)?)?;
        (!cell.value.is_empty()).then_some(cell)
    };
    let name = row.get(class)?.clone();
    let role = match cell("role") {
        None => Role::of_name(&name.value),
        // `other` once was the role of people and vehicles too: their images must not come into the open by that.
        Some(word) if word.value == "other" && matches!(Role::of_name(&name.value), Role::Person | Role::Vehicle) => {
            Role::of_name(&name.value)
        }
        Some(word) => role(&word.value).or_else(|| {
            let help = match nearest(&word.value, ROLES.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected {}", any_of(ROLES)),
            };
            report.push(Diagnostic::new(codes::TAXONOMY_ROW, word.span, format!("`{}` is not a role", word.value)).help(help));
            None
        })?,
    };
    let key = cell("key");
    if let Some(key) = key.filter(|key| key.value.chars().count() != 1) {
        report.push(
            Diagnostic::new(codes::TAXONOMY_ROW, key.span, format!("`{}` is not a key", key.value))
                .help("a key is one character"),
        );
    }
    let colour = cell("colour");
    if let Some(colour) = colour.filter(|colour| !is_colour(&colour.value)) {
        report.push(
            Diagnostic::new(codes::TAXONOMY_ROW, colour.span, format!("`{}` is not a colour", colour.value))
                .help("write it as `#rrggbb`, as in `#d95f02`"),
        );
    }
    let text = |cell: Option<&Spanned<String>>| cell.map(|cell| cell.value.clone());
    let rank = cell("taxon_rank");
    if let Some(rank) = rank.filter(|rank| !RANKS.contains(&rank.value.as_str())) {
        let help = format!("expected {}", any_of(RANKS));
        report.push(Diagnostic::new(codes::TAXONOMY_ROW, rank.span, format!("`{}` is not a rank", rank.value)).help(help));
    }
    let taxon =
        cell("scientific_name").map(|name| Taxon { name: name.value.clone(), rank: text(rank), id: text(cell("taxon_id")) });
    let class = Class {
        name,
        role,
        key: text(key),
        colour: text(colour),
        display: text(cell("display")),
        species_id: text(cell("species_id")),
        taxon,
    };
    Some((class, key.map(|key| key.span)))
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}
