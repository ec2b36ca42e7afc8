//! Plain scalars under the core schema of YAML 1.2: `yes` is text, `010` is ten, `0o10` is eight.
//!
//! *Source*: YAML 1.2.2, section 10.3.2.

use super::Value;

/// A plain scalar that looks like a number but cannot be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber(pub &'static str);

/// Reads `text` as an unquoted scalar.
///
/// # Errors
/// When it is a number that cannot be represented.
pub fn scalar(text: &str) -> Result<Value, NotANumber> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if let Some(whole) = whole(text) {
        return whole;
    }
    if is_infinite(text) {
        return Err(NotANumber("numbers must be finite"));
    }
    if is_decimal(text) {
        return match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(NotANumber("the number is too large")),
        };
    }
    Ok(Value::Text(text.to_owned()))
}

/// A decimal, octal (`0o`) or hexadecimal (`0x`) whole number; `None` if it is none.
fn whole(text: &str) -> Option<Result<Value, NotANumber>> {
    let (digits, radix) = match text.get(..2) {
        Some("0o") => (&text[2..], 8),
        Some("0x") => (&text[2..], 16),
        _ => (text, 10),
    };
    let bare = if radix == 10 { digits.strip_prefix(['+', '-']).unwrap_or(digits) } else { digits };
    if bare.is_empty() || !bare.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(i64::from_str_radix(digits, radix).map(Value::Int).map_err(|_| NotANumber("whole numbers have 64 bits")))
}

fn is_infinite(text: &str) -> bool {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(bare, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_decimal(text: &str) -> bool {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (number, exponent) = match bare.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (bare, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let number = match number.split_once('.') {
        Some((before, after)) => digits(before) && digits(after) && !(before.is_empty() && after.is_empty()),
        None => !number.is_empty() && digits(number),
    };
    number && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "beside the other results of `scalar`")]
    fn text(text: &str) -> Result<Value, NotANumber> {
        Ok(Value::Text(text.into()))
    }

    #[test]
    fn core_schema_and_no_more() {
        assert_eq!(scalar("yes"), text("yes"));
        assert_eq!(scalar("off"), text("off"));
        assert_eq!(scalar("True"), Ok(Value::Bool(true)));
        assert_eq!(scalar("~"), Ok(Value::Null));
        assert_eq!(scalar("010"), Ok(Value::Int(10)));
        assert_eq!(scalar("0o10"), Ok(Value::Int(8)));
        assert_eq!(scalar("0x1F"), Ok(Value::Int(31)));
        assert_eq!(scalar("-7"), Ok(Value::Int(-7)));
        assert_eq!(scalar("1_000"), text("1_000"));
        assert_eq!(scalar("12:30"), text("12:30"));
        assert_eq!(scalar("2021-07-01"), text("2021-07-01"));
        assert_eq!(scalar("2014..2025"), text("2014..2025"));
    }

    #[test]
    fn decimals() {
        assert_eq!(scalar(".5"), Ok(Value::Float(0.5)));
        assert_eq!(scalar("5."), Ok(Value::Float(5.0)));
        assert_eq!(scalar("1e-3"), Ok(Value::Float(0.001)));
        assert_eq!(scalar("."), text("."));
        assert_eq!(scalar("-"), text("-"));
        assert_eq!(scalar("1e"), text("1e"));
        assert_eq!(scalar("e5"), text("e5"));
        assert_eq!(scalar("infinity"), text("infinity"));
        assert_eq!(scalar("nan"), text("nan"));
    }

    #[test]
    fn numbers_that_cannot_be_held_are_refused() {
        assert!(scalar("9223372036854775808").is_err());
        assert!(scalar("1e999").is_err());
        assert!(scalar(".inf").is_err());
        assert!(scalar(".NaN").is_err());
    }
}
