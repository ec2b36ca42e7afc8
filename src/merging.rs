//! Marks that an unfinished merge leaves in a text: which of the two sides holds, only a person can say.

/// What a person does about them.
pub const WAY_OUT: &str =
    "keep what is right of both sides, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`";

/// What is wrong with a file that holds them.
pub const WHAT: &str = "a merge is not finished here";

/// The line, from 1, of the first mark in `text`.
#[must_use]
pub fn first_mark(text: &str) -> Option<u64> {
    let place = ["<<<<<<<", "|||||||", ">>>>>>>"].into_iter().filter_map(|mark| place(text, mark)).min()?;
    Some(text[..place].matches('\n').count() as u64 + 1)
}

/// Where a line begins that is a mark: seven signs, and nothing or a space behind them.
fn place(text: &str, mark: &str) -> Option<usize> {
    let is_mark = |(at, _): &(usize, &str)| {
        let starts = *at == 0 || text[..*at].ends_with(['\n', '\r', '\u{feff}']);
        starts && !text[at + mark.len()..].starts_with(|c: char| !matches!(c, ' ' | '\n' | '\r'))
    };
    text.match_indices(mark).find(is_mark).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_at_the_start_of_a_line() {
        assert_eq!(first_mark("a\nb\n<<<<<<< HEAD\nc\n=======\nd\n>>>>>>> x\n"), Some(3));
        assert_eq!(first_mark("\u{feff}<<<<<<<\n"), Some(1));
        assert_eq!(first_mark("a\r\n>>>>>>> other\r\n"), Some(2));
        assert_eq!(first_mark("a <<<<<<< b\n<<<<<<<< eight\n=======\n"), None);
    }
}
