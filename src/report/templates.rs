//! Templates of the report: built in, replaceable one by one, with strict names and neither files nor environment.

use std::collections::BTreeMap;
use std::io::{self, Write};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, HtmlEscape, UndefinedBehavior};

use crate::diagnostic::nearest;

/// Steps of work that one page or figure may take: a report with every figure takes some 1 000 000.
const FUEL: u64 = 20_000_000;
/// The longest text that a template may write, in bytes: a report carries its pictures inside.
const LONGEST: usize = 512 << 20;

/// Declares the built-in templates under their names.
macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        /// The names of all templates, as overrides use them.
        pub const NAMES: &[&str] = &[$($name),*];

        /// The built-in text of a template, which an override may start from.
        #[must_use]
        pub fn built_in(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some(include_str!(concat!("templates/", $name, ".jinja"))),)*
                _ => None,
            }
        }
    };
}

built_in![
    "report.html",
    "figures/activity.svg",
    "figures/bars.svg",
    "figures/curve.svg",
    "figures/dots.svg",
    "figures/empty.svg",
    "figures/histogram.svg",
    "figures/parts.svg",
    "figures/theme.css",
    "figures/tiles.svg",
];

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// An override has a name that no template has.
    #[error("there is no template `{name}`: {hint}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// A template cannot be parsed.
    #[error("template `{name}`, line {line}: {detail}; correct the line, or remove the override to get the built-in template")]
    Syntax {
        /// The template.
        name: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// A template fails while it is filled in.
    #[error("template `{name}`, line {line}: {detail}; use only names that the built-in template uses, or remove the override")]
    Render {
        /// The template in which it failed, which another may have included.
        name: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// A template does not come to an end.
    #[error("template `{name}`, line {line}: it {detail}; look for a loop that is too long, or remove the override")]
    TooMuch {
        /// The template.
        name: String,
        /// Line, from 1.
        line: usize,
        /// Too much work or too much text.
        detail: &'static str,
    },
}

/// All templates, compiled.
pub struct Templates {
    env: Environment<'static>,
}

impl Templates {
    /// Compiles the built-in templates, and `overrides` (name to text) in place of those of their names.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`] and [`TemplateError::Syntax`].
    pub fn new(overrides: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        if let Some(name) = overrides.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(TemplateError::Unknown { name: name.clone(), hint: hint(name) });
        }
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        env.set_debug(true);
        // Shows the engine's state, which is no part of the language.
        env.remove_global("debug");
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            env.set_syntax(syntax);
        }
        // A stylesheet alone is no markup. An unknown name cannot come here, and would be escaped.
        env.set_auto_escape_callback(|name| match name.rsplit('.').next() {
            Some("css") => AutoEscape::None,
            _ => AutoEscape::Html,
        });
        env.add_filter("prose", prose);
        for name in NAMES {
            let text = overrides.get(*name).map(String::as_str).or_else(|| built_in(name)).unwrap_or_default();
            env.add_template_owned(*name, text.to_owned()).map_err(|error| TemplateError::Syntax {
                name: (*name).to_owned(),
                line: error.line().unwrap_or(1),
                detail: detail(&error),
            })?;
        }
        Ok(Self { env })
    }

    /// Fills in the template `name`.
    ///
    /// # Errors
    /// [`TemplateError`], which names the template that failed, also where that is one included by `name`.
    pub fn render(&self, name: &str, context: impl serde::Serialize) -> Result<String, TemplateError> {
        let template =
            self.env.get_template(name).map_err(|_| TemplateError::Unknown { name: name.to_owned(), hint: hint(name) })?;
        let mut out = Bounded::default();
        let done = template.render_captured_to(Serde(&context), &mut out).map(drop);
        done.map_err(|error| failed(name, &error))?;
        Ok(String::from_utf8_lossy(&out.text).into_owned())
    }
}

/// Words for people: what stands between backticks is code, everything else is escaped.
fn prose(text: &str) -> minijinja::Value {
    let mut html = String::new();
    for (at, part) in text.split('`').enumerate() {
        let escaped = HtmlEscape(part).to_string();
        html.push_str(&if at % 2 == 1 { format!("<code>{escaped}</code>") } else { escaped });
    }
    minijinja::Value::from_safe_string(html)
}

fn hint(name: &str) -> String {
    match nearest(name, NAMES.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("those that can be replaced are `{}`", NAMES.join("`, `")),
    }
}

fn detail(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}

/// Names the innermost cause: an error in an included template comes wrapped in one of the template that includes it.
fn failed(template: &str, error: &Error) -> TemplateError {
    let mut inner = error;
    while let Some(cause) = std::error::Error::source(inner).and_then(|cause| cause.downcast_ref::<Error>()) {
        inner = cause;
    }
    let name = inner.name().unwrap_or(template).to_owned();
    let line = inner.line().unwrap_or(1);
    match inner.kind() {
        ErrorKind::OutOfFuel => TemplateError::TooMuch { name, line, detail: "does too much work" },
        ErrorKind::WriteFailure => TemplateError::TooMuch { name, line, detail: "writes too much text" },
        _ => TemplateError::Render { name, line, detail: detail(inner) },
    }
}

/// A text of bounded length.
#[derive(Default)]
struct Bounded {
    text: Vec<u8>,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > LONGEST {
            return Err(io::Error::other("too long"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, text: &str) -> Result<Templates, TemplateError> {
        Templates::new(&BTreeMap::from([(name.to_owned(), text.to_owned())]))
    }

    fn fails(text: &str) -> TemplateError {
        with("report.html", text).unwrap().render("report.html", BTreeMap::from([("a", "<b>")])).unwrap_err()
    }

    #[test]
    fn every_built_in_template_compiles_and_has_a_text() {
        Templates::new(&BTreeMap::new()).unwrap();
        assert!(NAMES.iter().all(|name| built_in(name).is_some()));
        assert_eq!(built_in("other"), None);
    }

    #[test]
    fn an_override_takes_the_place_of_the_template_and_escapes() {
        let templates = with("report.html", "{{ a }}!").unwrap();
        assert_eq!(templates.render("report.html", BTreeMap::from([("a", "<b>")])).unwrap(), "&lt;b&gt;!");
        let templates = with("figures/theme.css", "{{ a }}").unwrap();
        assert_eq!(templates.render("figures/theme.css", BTreeMap::from([("a", "a > b")])).unwrap(), "a > b");
    }

    #[test]
    fn an_unknown_name_is_said_with_the_way_out() {
        let error = with("figures/bar.svg", "").err().unwrap().to_string();
        assert_eq!(error, "there is no template `figures/bar.svg`: did you mean `figures/bars.svg`?");
        let error = with("entirely/else", "").err().unwrap().to_string();
        assert!(error.contains("those that can be replaced are `report.html`, `figures/"), "{error}");
    }

    #[test]
    fn a_syntax_error_names_template_and_line() {
        let error = with("figures/bars.svg", "<svg>\n{% for x %}\n").err().unwrap();
        let TemplateError::Syntax { name, line, .. } = &error else { panic!("{error:?}") };
        assert_eq!((name.as_str(), *line), ("figures/bars.svg", 2));
        assert!(error.to_string().contains("remove the override"), "{error}");
    }

    #[test]
    fn names_are_strict_and_an_included_template_is_the_one_named() {
        let error = fails("a\nb\n{{ nothing }}");
        assert!(matches!(&error, TemplateError::Render { name, line: 3, .. } if name == "report.html"), "{error:?}");
        let overrides = [("report.html", "\n{% include 'figures/empty.svg' %}"), ("figures/empty.svg", "\n\n\n{{ nothing }}")];
        let overrides = overrides.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let error = Templates::new(&BTreeMap::from(overrides)).unwrap().render("report.html", ()).unwrap_err();
        assert!(matches!(&error, TemplateError::Render { name, line: 4, .. } if name == "figures/empty.svg"), "{error:?}");
    }

    #[test]
    fn nothing_outside_can_be_read() {
        for text in ["{% include '/etc/passwd' %}", "{% include '../templates.rs' %}", "{{ env('HOME') }}", "{{ debug() }}"] {
            assert!(matches!(fails(text), TemplateError::Render { .. }), "{text}");
        }
    }

    #[test]
    fn an_endless_loop_ends() {
        let error = fails("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}");
        assert!(matches!(error, TemplateError::TooMuch { detail: "does too much work", .. }), "{error:?}");
    }
}
