//! Words for the scanner's errors.

use granit_parser::ErrorKind;

use crate::diagnostic::{Code, codes};

/// The code, the message and the way out for an error of the scanner.
pub(super) fn explain(kind: &ErrorKind) -> (Code, String, &'static str) {
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            (codes::TAB_INDENT, "a tab stands where YAML wants spaces".into(), "replace it by spaces")
        }
        ErrorKind::UnclosedQuotedScalar => {
            (codes::UNCLOSED_QUOTE, "this quote is never closed".into(), "end the text with the quote that starts it")
        }
        ErrorKind::DocumentIndicatorInQuotedScalar => {
            (codes::UNCLOSED_QUOTE, "a text in quotes runs into `---` or `...`".into(), "close the quote before")
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            (codes::UNCLOSED_BRACKET, format!("the bracket `{open}` is never closed"), "close it")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            (codes::UNCLOSED_BRACKET, format!("the bracket `{open}` is closed by `{close}`"), "close it by its own kind")
        }
        ErrorKind::MisplacedFlowCollectionEnd => {
            (codes::UNCLOSED_BRACKET, "this bracket closes nothing".into(), "remove it, or put the text in quotes")
        }
        ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            (codes::UNCLOSED_BRACKET, "the file ends inside brackets".into(), "close the bracket")
        }
        ErrorKind::RecursionLimitExceeded => {
            (codes::TOO_DEEP, "nested deeper than 64 levels".into(), "a pipeline needs about six")
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            (codes::SYNTAX, "expected `,` or `}` here".into(), "separate the entries by commas, or put the text in quotes")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            (codes::SYNTAX, "expected `,` or `]` here".into(), "separate the items by commas, or put the text in quotes")
        }
        ErrorKind::MappingValueNotAllowed => (
            codes::SYNTAX,
            "a `:` is not possible here".into(),
            "put a text that holds `: ` in quotes, and check the indentation",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            (codes::SYNTAX, "this key has no `:`".into(), "write `key: value`, with a space behind the colon")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockSequenceEntry => {
            (codes::SYNTAX, "this line does not fit the lines above".into(), "indent the entries of one mapping or list alike")
        }
        ErrorKind::UnexpectedCharacter { character } => {
            (codes::SYNTAX, format!("a text cannot start with `{}`", character.escape_default()), "put the text in quotes")
        }
        other => (codes::SYNTAX, other.to_string(), "check quotes, brackets and indentation here and just above"),
    }
}
