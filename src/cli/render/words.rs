//! Numbers, durations and reasons as a person says them: the one place where a [`Reason`] becomes words.

use super::columns::visible;
use crate::plan::decision::{Decision, Gone, Reason};

/// A count with its digits in groups: `440 000`.
pub(in crate::cli) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 step`, `2 steps`, `0 entries`.
pub(in crate::cli) fn counted(n: u64, one: &str) -> String {
    match (n, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{} {stem}ies", count(n)),
        _ if one.ends_with('s') => format!("{} {one}es", count(n)),
        _ => format!("{} {one}s", count(n)),
    }
}

/// A duration: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a duration is positive and below any limit")]
pub(in crate::cli) fn seconds(s: f64) -> String {
    let whole = s.max(0.0).round() as u64;
    match whole {
        _ if s < 9.95 => format!("{:.1} s", s.max(0.0)),
        0..120 => format!("{whole} s"),
        120..7200 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", count(whole / 3600), whole % 3600 / 60),
    }
}

/// An amount of data: `812 B`, `24.1 MB`, `1.2 GB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(in crate::cli) fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value < 999.5 || unit == "TB" {
            return if unit == "B" || value >= 99.95 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    String::new()
}

/// Words joined as in a sentence: `a`, `a and b`, `a, b and c`.
pub(in crate::cli) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The first twelve digits of an identity: enough to tell two apart, short enough to read.
pub(in crate::cli) fn short(text: &str) -> String {
    match text.strip_prefix("b3:") {
        Some(hex) if hex.len() == 64 => format!("b3:{}", &hex[..12]),
        _ => text.to_owned(),
    }
}

/// Why a step runs.
pub(in crate::cli) fn reason(reason: &Reason) -> String {
    match reason {
        Reason::NeverRan => "never ran".into(),
        Reason::Revision { old, new } => format!("the algorithm was revised: {old} -> {new}"),
        Reason::Param { name, old, new } => change(&format!("parameter {name}"), old.as_deref(), new.as_deref()),
        Reason::Input { name, old, new } => change(name, old.as_deref(), new.as_deref()),
        Reason::Images { added, removed, changed } => images(*added, *removed, *changed),
        Reason::Model { old, new } => change("model", old.as_deref(), new.as_deref()),
        Reason::Numerics { old, new } => change("numerics", old.as_deref(), new.as_deref()),
        Reason::Missing { id } => format!("the stored output {} is gone", short(&id.to_string())),
        Reason::Damaged { id } => format!("the stored output {} was damaged", short(&id.to_string())),
        Reason::Written { path } => format!("`{path}` was deleted or edited"),
        Reason::Forced => "asked for with --force".into(),
    }
}

fn change(what: &str, old: Option<&str>, new: Option<&str>) -> String {
    match (old, new) {
        (Some(old), Some(new)) => format!("{what}: {} -> {}", clip(&short(old)), clip(&short(new))),
        (None, Some(new)) => format!("{what}: new, {}", clip(&short(new))),
        (Some(old), None) => format!("{what}: gone, was {}", clip(&short(old))),
        (None, None) => format!("{what} changed"),
    }
}

/// Long lists in parameters would push the rest of a plan off the screen; `why` shows them whole.
fn clip(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 3).chain("...".chars()).collect()
}

fn images(added: u64, removed: u64, changed: u64) -> String {
    let parts: Vec<_> = [(added, "added"), (removed, "gone"), (changed, "changed")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", counted(n, "image")))
        .collect();
    if parts.is_empty() { "the images changed".into() } else { list(&parts) }
}

/// What a decision rests on, one line each; empty for a reuse.
pub(in crate::cli) fn grounds(decision: &Decision) -> Vec<String> {
    match decision {
        Decision::Reuse => Vec::new(),
        Decision::Run(reasons) => reasons.iter().map(reason).collect(),
        Decision::Wait { labels } => {
            vec![format!("{} {} missing", counted(*labels, "label"), if *labels == 1 { "is" } else { "are" })]
        }
        Decision::Blocked { root, images, gone } => vec![blocked(root, *images, gone.as_deref())],
        Decision::Unknown { upstream } => vec![format!("depends on what `{upstream}` yields")],
    }
}

/// Why an absent root, or one from which images are gone, stands in the way.
pub(in crate::cli) fn blocked(root: &str, images: u64, gone: Option<&Gone>) -> String {
    match (gone, images) {
        (Some(_), _) => format!("{} gone from root `{root}`", are(images, "known image")),
        (None, 0) => format!("root `{root}` is absent"),
        (None, _) => format!("root `{root}` is absent ({} last seen there)", counted(images, "image")),
    }
}

fn are(n: u64, one: &str) -> String {
    format!("{} {}", counted(n, one), if n == 1 { "is" } else { "are" })
}

/// What is gone from a root, who knows it, and what to do: whole sentences.
pub(in crate::cli) fn gone_words(root: &str, gone: &Gone, again: &str) -> String {
    let since = gone.since.as_deref().and_then(|since| since.get(..10)).map(|day| format!(", last seen by the run of {day}"));
    let known = list(&gone.known_to.iter().map(|who| visible(who)).collect::<Vec<_>>());
    let mut lines = vec![format!(
        "{} gone from root `{root}`, which is there ({known} {} them{}).",
        are(gone.images, "known image"),
        if gone.known_to.len() == 1 { "knows" } else { "know" },
        since.unwrap_or_default()
    )];
    for (folder, images) in &gone.folders {
        let folder = if folder.is_empty() { "the root itself".to_owned() } else { visible(&crate::path::display(folder)) };
        lines.push(format!("  {folder}: {}", count(*images)));
    }
    let more = gone.folder_count.saturating_sub(gone.folders.len() as u64);
    if more > 0 {
        lines.push(format!("  and {} (`trapline images gone` lists all)", counted(more, "more folder")));
    }
    for (season, then, now) in &gone.counted {
        let words = format!("  season {}: {} of {} files are there", visible(season), count(*now), count(*then));
        lines.push(words);
    }
    for place in &gone.unreadable {
        lines.push(format!(
            "  `{}` is there and cannot be read: check its permissions, and whether its disk is mounted",
            visible(place)
        ));
    }
    lines.push(
        "Nothing is lost: rows, names and labels are kept, and what rests on these images is left as it was published."
            .to_owned(),
    );
    lines.push(format!("Next: bring them back (connect the disk, mount the share, restore the folder), then {again} again."));
    lines.push(if gone.folders.is_empty() {
        "Or, if they may be gone: take the lines of these seasons out of `trapline.lock`.".to_owned()
    } else {
        format!(
            "Or, if they may be gone: `trapline images forget {} --because \"...\"`, then {again} again.",
            quoted(&common(gone))
        )
    });
    lines.join("\n") + "\n"
}

/// The folder in which all that is gone lay; `.` for the root itself.
fn common(gone: &Gone) -> String {
    let mut parts: Option<Vec<&str>> = None;
    for (folder, _) in &gone.folders {
        let own: Vec<&str> = folder.split('/').collect();
        let same = |before: Vec<&str>| before.iter().zip(&own).take_while(|(a, b)| a == b).count();
        let length = parts.map_or(own.len(), same);
        parts = Some(own[..length].to_vec());
    }
    let text = parts.unwrap_or_default().join("/");
    if text.is_empty() || gone.folder_count > gone.folders.len() as u64 { ".".to_owned() } else { text }
}

fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if path.chars().all(plain) { path.to_owned() } else { format!("\"{}\"", visible(&crate::path::display(path))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ContentId;

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, 440_000, 1_234_567].map(count).join("|"), "0|999|1 000|440 000|1 234 567");
    }

    #[test]
    fn nouns_follow_their_count() {
        let words: Vec<_> = ["step", "entry", "day"].into_iter().flat_map(|noun| [counted(1, noun), counted(20, noun)]).collect();
        assert_eq!(words.join(", "), "1 step, 20 steps, 1 entry, 20 entries, 1 day, 20 days");
    }

    #[test]
    fn durations_and_amounts_keep_three_digits() {
        assert_eq!([0.04, 9.9, 12.3, 200.0, 7500.0].map(seconds).join("|"), "0.0 s|9.9 s|12 s|3 min 20 s|2 h 5 min");
        assert_eq!([0, 812, 24_100_000, 999_600, 1_234_000_000].map(bytes).join("|"), "0 B|812 B|24.1 MB|1.0 MB|1.2 GB");
    }

    #[test]
    fn every_reason_has_its_words() {
        let id = ContentId([0xab; 32]);
        let some = |text: &str| Some(text.to_owned());
        let reasons = [
            Reason::NeverRan,
            Reason::Revision { old: "1".into(), new: "2".into() },
            Reason::Param { name: "accept_at".into(), old: some("0.9"), new: some("0.95") },
            Reason::Param { name: "blind".into(), old: None, new: some("true") },
            Reason::Param { name: "by".into(), old: some("[\"season\"]"), new: None },
            Reason::Input { name: "file clock.csv".into(), old: some(&id.to_string()), new: some("absent") },
            Reason::Images { added: 20_000, removed: 1, changed: 0 },
            Reason::Model { old: some("a@1"), new: some("a@2") },
            Reason::Numerics { old: some("rten/1"), new: some("rten/2") },
            Reason::Missing { id },
            Reason::Damaged { id },
            Reason::Written { path: "names.csv".into() },
            Reason::Forced,
        ];
        insta::assert_snapshot!(reasons.iter().map(reason).collect::<Vec<_>>().join("\n"), @r#"
        never ran
        the algorithm was revised: 1 -> 2
        parameter accept_at: 0.9 -> 0.95
        parameter blind: new, true
        parameter by: gone, was ["season"]
        file clock.csv: b3:abababababab -> absent
        20 000 images added and 1 image gone
        model: a@1 -> a@2
        numerics: rten/1 -> rten/2
        the stored output b3:abababababab is gone
        the stored output b3:abababababab was damaged
        `names.csv` was deleted or edited
        asked for with --force
        "#);
    }
}
