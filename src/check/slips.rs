//! Numbers as people write them who do not write YAML every day.

use crate::yaml::{Entry, Value};

/// Quotes that word processors put in the place of `"` and `'`.
const CURLED: [char; 10] = ['“', '”', '„', '‟', '«', '»', '‘', '’', '‚', '‛'];

/// What a text in the place of a number was to be: one with a decimal comma, in percent, or within the quotes of a word processor.
pub(super) fn meant_number(text: &str) -> Option<String> {
    let bare = text.trim().trim_matches(CURLED).trim();
    let plain = bare.trim_end_matches('%').trim_end().replace(',', ".");
    let number: f64 = plain.parse().ok().filter(|number: &f64| number.is_finite())?;
    if bare.ends_with('%') {
        // Shares are written with a few digits: the noise of the division is not.
        let share = (number * 1e6).round() / 1e8;
        return Some(format!("write it as a share of 1: `{share}`"));
    }
    if bare.contains(',') {
        return Some(format!("write it with a decimal point: `{plain}`"));
    }
    (bare.len() < text.trim().len()).then(|| format!("the quotes are those of a word processor: write `{bare}`"))
}

/// `{ accept_at: 0,9 }` is a number and a key `9`.
pub(super) fn decimal_comma(with: &[Entry], key: &str) -> Option<String> {
    let at = with.iter().position(|entry| entry.key.value == key).filter(|_| key.bytes().all(|byte| byte.is_ascii_digit()))?;
    let before = &with[at.checked_sub(1)?];
    match (&before.value.value, &with[at].value.value) {
        (Value::Int(whole), Value::Null) => Some(format!("write a decimal point: `{}: {whole}.{key}`", before.key.value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_to_be_a_number_is_recognised() {
        let meant = |text: &str| meant_number(text).unwrap_or_default();
        assert_eq!(meant("0,9"), "write it with a decimal point: `0.9`");
        assert_eq!(meant("99,9 %"), "write it as a share of 1: `0.999`");
        assert_eq!(meant("„0.9“"), "the quotes are those of a word processor: write `0.9`");
        assert_eq!((meant("many"), meant("0.9"), meant("1,2,3")), (String::new(), String::new(), String::new()));
    }
}
