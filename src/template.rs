//! Templates within bounds: a pipeline is checked for people whom nobody knows (a pull request), so that no template may take more
//! memory or time than a page of text is worth.
//!
//! The engine counts steps of work, not bytes. Growth needs a name that is bound to a grown value (`set`, `for`, `with`, macros), a
//! repetition (`*`), or a filter that multiplies. So a template is text, expressions and conditions; `*` takes numbers; the filters that
//! could multiply are bounded or left out. What remains grows no faster than its own text.

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, filters};

/// Steps of work that one text may take.
const FUEL: u64 = 20_000;
/// The longest text that a template may become, and that a filter takes or makes, in bytes.
pub const LONGEST: usize = 64 << 10;
/// The longest template, in bytes.
const LONGEST_TEMPLATE: usize = 16 << 10;
/// How many values one template may join by `~` or `+`.
const MOST_JOINS: usize = 64;
/// What may stand behind `{%`.
const WORDS: [&str; 6] = ["if", "elif", "else", "endif", "raw", "endraw"];
/// Filters whose output may be much larger than their input.
const LEFT_OUT: [&str; 12] =
    ["batch", "slice", "sum", "indent", "map", "groupby", "chain", "zip", "pprint", "dictsort", "lines", "urlencode"];

/// Why a template is refused before it is rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// `{% set %}` and the like.
    #[error("a template has no `{{% {0} %}}`")]
    Statement(String),
    /// Longer than a page of text.
    #[error("the template has {0} bytes, and at most 16384 are read")]
    Long(usize),
    /// More values than a sentence needs.
    #[error("the template joins {0} values, and at most 64 are joined")]
    Joins(usize),
    /// `*` beside texts or lists.
    #[error("`*` multiplies numbers: `{0}` is something else")]
    Repeats(String),
}

impl TooMuch {
    /// The way out.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Statement(_) => {
                "a template is text with `{{ expressions }}` and `{% if %}`; several steps of a kind are made by `for_each:`"
            }
            Self::Long(_) | Self::Joins(_) => "compute such values outside, and pass them as parameters",
            Self::Repeats(_) => "write repeated text out; `{{ params.n * 2 }}` multiplies numbers",
        }
    }
}

/// Says whether `text` may be rendered, and whether it multiplies: then every name that it uses must be a number.
///
/// # Errors
/// [`TooMuch`], with what is too much.
pub fn check(text: &str) -> Result<bool, TooMuch> {
    if text.len() > LONGEST_TEMPLATE {
        return Err(TooMuch::Long(text.len()));
    }
    for (at, _) in text.match_indices("{%") {
        let rest = text[at + 2..].trim_start_matches(['-', '+']).trim_start();
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !WORDS.contains(&word.as_str()) && !word.is_empty() {
            return Err(TooMuch::Statement(word));
        }
    }
    let code = code(text);
    let joins = code.matches(['~', '+']).count();
    if joins > MOST_JOINS {
        return Err(TooMuch::Joins(joins));
    }
    let multiplies = code.contains('*');
    if multiplies && let Some(other) = code.chars().find(|c| ['"', '\'', '[', '|', '~'].contains(c)) {
        return Err(TooMuch::Repeats(other.to_string()));
    }
    Ok(multiplies)
}

/// What stands between the brackets of expressions and statements; all of a text that is an expression without them.
fn code(text: &str) -> String {
    if !text.contains("{{") && !text.contains("{%") {
        return text.to_owned();
    }
    let mut code = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let close = if rest[start..].starts_with("{{") { "}}" } else { "%}" };
        let inside = &rest[start + 2..];
        let end = inside.find(close).unwrap_or(inside.len());
        code.push_str(&inside[..end]);
        code.push('\n');
        rest = inside.get(end + 2..).unwrap_or_default();
    }
    code
}

/// An engine for such templates: strict names, no escaping, a budget of work, neither files nor environment.
#[must_use]
pub fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_auto_escape_callback(|_| AutoEscape::None);
    // Shows the engine's state, which is not a part of the language.
    env.remove_global("debug");
    // Without loops they serve nothing but memory.
    env.remove_global("range");
    env.remove_global("namespace");
    for name in LEFT_OUT {
        env.remove_filter(name);
    }
    env.add_filter("replace", |text: &str, from: &str, to: &str| {
        let grown = text.matches(from).count().saturating_mul(to.len().saturating_sub(from.len()));
        bounded(text.len().saturating_add(grown))?;
        Ok::<_, Error>(text.replace(from, to))
    });
    env.add_filter("join", join);
    let plain: [(&str, Value); 6] = [
        ("split", Value::from_function(filters::split)),
        ("list", Value::from_function(filters::list)),
        ("reverse", Value::from_function(filters::reverse)),
        ("sort", Value::from_function(filters::sort)),
        ("unique", Value::from_function(filters::unique)),
        ("format", Value::from_function(filters::format)),
    ];
    for (name, filter) in plain {
        env.add_filter(name, move |state: &mut State, value: Value, rest: Rest<Value>| {
            bounded(value.as_str().map_or_else(|| value.len().unwrap_or(usize::MAX), str::len))?;
            if name == "format" {
                check_widths(&value, &rest)?;
            }
            let args: Vec<_> = std::iter::once(value).chain(rest.0).collect();
            filter.call(state, &args)
        });
    }
    env
}

/// Renders a template of `env`.
///
/// # Errors
/// The engine's own, and `OutOfFuel` where the text grows beyond [`LONGEST`].
pub fn render(env: &Environment<'_>, name: &str, context: Value) -> Result<String, Error> {
    let mut page = Page { text: Vec::new(), is_full: false };
    let rendered = env.get_template(name)?.render_captured_to(context, &mut page).map(drop);
    if page.is_full {
        return Err(Error::new(ErrorKind::OutOfFuel, "the text has more than 64 KiB"));
    }
    rendered?;
    String::from_utf8(page.text).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

/// A text that does not grow beyond [`LONGEST`].
struct Page {
    text: Vec<u8>,
    is_full: bool,
}

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.text.len() + bytes.len() > LONGEST {
            self.is_full = true;
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn bounded(bytes: usize) -> Result<(), Error> {
    if bytes > LONGEST {
        return Err(Error::new(ErrorKind::OutOfFuel, "a value has more than 64 KiB"));
    }
    Ok(())
}

/// Texts of a list with something between them, as the engine's own filter for texts.
fn join(list: &Value, between: Option<&str>) -> Result<String, Error> {
    let between = between.unwrap_or_default();
    let mut joined = String::new();
    for (at, item) in list.try_iter()?.enumerate() {
        if at > 0 {
            joined.push_str(between);
        }
        match item.kind() {
            ValueKind::String => joined.push_str(item.as_str().unwrap_or_default()),
            ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
            ValueKind::Number | ValueKind::Bool | ValueKind::None => joined.push_str(&item.to_string()),
            _ => return Err(Error::new(ErrorKind::InvalidOperation, "a list of lists cannot be joined")),
        }
        bounded(joined.len())?;
    }
    Ok(joined)
}

/// The widths of a format are small numbers, written out: `%1000000000d` would ask for a gigabyte, `%*d` for what an argument says.
fn check_widths(text: &Value, rest: &[Value]) -> Result<(), Error> {
    let text = text.as_str().unwrap_or_default();
    let is_wide = |part: &str| {
        let before_type = part.split(char::is_alphabetic).next().unwrap_or_default();
        before_type.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 2)
    };
    if text.split('%').skip(1).any(is_wide) {
        return Err(Error::new(ErrorKind::OutOfFuel, "a format has widths of at most 99"));
    }
    rest.iter().try_for_each(|value| bounded(value.as_str().map_or(0, str::len)))?;
    bounded(text.len().saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, Error> {
        let mut env = environment();
        env.add_template_owned("t", text.to_owned()).unwrap();
        let context =
            [("x", Value::from("ab".repeat(1000))), ("n", Value::from(1_000_000_000)), ("names", Value::from(vec!["a", "b"]))];
        render(&env, "t", Value::from_pairs(context))
    }

    #[test]
    fn everyday_templates_are_fine() {
        for (text, expected) in [
            ("{{ names|join('+') }}", "a+b"),
            ("{{ 'a-b'|replace('-', '_')|upper }}", "A_B"),
            ("{{ '%04d'|format(7) }} {{ '%.2f'|format(0.5) }}", "0007 0.50"),
            ("{% if n > 3 %}{{ 'a b'.split }}{% else %}x{% endif %}", ""),
            ("{{ 'a b'|split|last }}", "b"),
            ("{{ n * 2 }}", "2000000000"),
        ] {
            check(text).unwrap();
            assert_eq!(rendered(text).unwrap_or_default(), expected, "{text}");
        }
    }

    #[test]
    fn what_could_grow_is_refused_before_it_is_rendered() {
        let refused = |text: &str| check(text).unwrap_err();
        assert_eq!(refused("{% set x = x ~ x %}"), TooMuch::Statement("set".into()));
        assert_eq!(refused("a{%- for y in [x ~ x] %}{% endfor %}"), TooMuch::Statement("for".into()));
        assert_eq!(refused("{{ x * 1000000000 ~ '' }}"), TooMuch::Repeats("~".into()));
        assert_eq!(refused("{{ [1] * 1000000000 }}"), TooMuch::Repeats("[".into()));
        assert_eq!(refused(&format!("{{{{ x{} }}}}", " ~ x".repeat(65))), TooMuch::Joins(65));
        assert_eq!(refused(&"x".repeat(20_000)), TooMuch::Long(20_000));
        assert_eq!(refused("{{ '%*d'|format(n, 1) }}"), TooMuch::Repeats("'".into()));
        assert_eq!(check("{{ n * 2 }}"), Ok(true), "its names must be numbers");
        assert_eq!(check("img_*.jpg {{ x }} * "), Ok(false), "a star outside of an expression is text");
    }

    #[test]
    fn filters_make_no_more_than_a_page() {
        for text in [
            "{{ '%1000000000d'|format(1) }}",
            "{{ '%-1000000000d'|format(1) }}",
            "{{ '%.1000000000f'|format(1) }}",
            "{{ x|replace('a', x) }}",
            "{{ x|replace('', x) }}",
            "{{ x|list|join(x) }}",
            &"{{ x }}".repeat(40),
        ] {
            check(text).unwrap();
            let error = rendered(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutOfFuel, "{text}: {error}");
        }
        for name in LEFT_OUT {
            assert_eq!(rendered(&format!("{{{{ names|{name} }}}}")).unwrap_err().kind(), ErrorKind::UnknownFilter, "{name}");
        }
    }
}
