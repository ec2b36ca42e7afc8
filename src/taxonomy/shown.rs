//! Classes as people see them while labelling: a key, a colour and a name for each, also where the programme declares none.

use super::{Role, Taxonomy};

/// Keys of the labelling page itself: unknown, difficult, repeat the last label. All that is no letter or digit is its own too.
pub const RESERVED_KEYS: &[char] = &['u', 'd', 'r'];

/// The class of an image in which a person cannot tell what there is. Every review takes it, declared or not.
pub const UNKNOWN: &str = "unknown";

/// Colours that people with any colour vision tell apart: those of Okabe and Ito without black, then darker and duller ones from Paul
/// Tol's muted scheme.
const PALETTE: [&str; 15] = [
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442", "#332288", "#117733", "#999933", "#882255",
    "#aa4499", "#ddcc77", "#cc6677", "#44aa99",
];

/// Nothing to be seen: light.
const GREY_EMPTY: &str = "#bdbdbd";
/// Cannot be judged: dark.
const GREY_BAD: &str = "#7f7f7f";

/// A class as the labelling page shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ShownClass {
    /// The name that label files use.
    pub name: String,
    /// The name shown to people.
    pub display: String,
    /// The key that labels it, one lower-case letter or digit; `None` where none is left.
    pub key: Option<String>,
    /// `#rrggbb`.
    pub colour: String,
    /// What it stands for.
    pub role: Role,
    /// It is no class of the programme.
    pub extra: bool,
}

/// Says whether the labelling page takes `key` for something else than labelling `class`. The page's own key for `unknown` may
/// label the programme's own class of that name.
#[must_use]
pub fn is_reserved(key: char, class: &str) -> bool {
    let folded = folded(key);
    !key.is_alphanumeric() || RESERVED_KEYS.contains(&folded) && !(folded == 'u' && class == UNKNOWN)
}

/// A key as the page compares it: upper case is the same key.
pub(crate) fn folded(key: char) -> char {
    key.to_lowercase().next().unwrap_or(key)
}

/// The classes of the programme, then `extra` ones, each with a key and a colour.
///
/// Declared keys and colours stay. The others follow from the names, class by class, so that one more extra class changes nothing of
/// those before it.
#[must_use]
pub fn keys(taxonomy: &Taxonomy, extra: &[String]) -> Vec<ShownClass> {
    let declared = taxonomy.classes.iter().map(|class| ShownClass {
        name: class.name.value.clone(),
        display: class.display.clone().unwrap_or_else(|| spoken(&class.name.value)),
        key: class.key.clone(),
        colour: class.colour.as_deref().map(str::to_ascii_lowercase).unwrap_or_default(),
        role: class.role,
        extra: false,
    });
    let mut shown: Vec<ShownClass> = declared.collect();
    let own = shown.len();
    for name in extra {
        if shown.iter().all(|class| class.name != *name) {
            let (name, display, role) = (name.clone(), spoken(name), Role::of_name(name));
            shown.push(ShownClass { name, display, key: None, colour: String::new(), role, extra: true });
        }
    }
    give_keys(&mut shown, own);
    give_colours(&mut shown);
    shown
}

/// `least_weasel` as people say it.
fn spoken(name: &str) -> String {
    name.replace('_', " ")
}

fn give_keys(shown: &mut [ShownClass], own: usize) {
    let mut taken: Vec<char> = Vec::new();
    for class in shown.iter_mut() {
        let declared = class.key.take().and_then(|key| key.chars().next()).map(folded);
        let unknown = || Some('u').filter(|_| class.name == UNKNOWN);
        class.key = declared.or_else(unknown).and_then(|key| take(key, &class.name, &mut taken));
    }
    let (own, extra) = shown.split_at_mut(own);
    // A class keeps its first letter before another gets it for want of a better one.
    for class in own.iter_mut().filter(|class| class.key.is_none()) {
        class.key = folded_letters(&class.name).next().and_then(|key| take(key, &class.name, &mut taken));
    }
    for class in own.iter_mut().chain(extra).filter(|class| class.key.is_none()) {
        class.key = candidates(&class.name).into_iter().find_map(|key| take(key, &class.name, &mut taken));
    }
}

/// Takes a key that is free.
fn take(key: char, class: &str, taken: &mut Vec<char>) -> Option<String> {
    if is_reserved(key, class) || taken.contains(&key) {
        return None;
    }
    taken.push(key);
    Some(key.to_string())
}

/// Letters that every keyboard has.
fn folded_letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(char::is_ascii_alphabetic).map(folded)
}

/// The keys of a class, the best first: the first letters of its words, its other letters, digits, any letter.
fn candidates(name: &str) -> Vec<char> {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter_map(|word| folded_letters(word).next());
    words.chain(folded_letters(name)).chain('1'..='9').chain(['0']).chain('a'..='z').collect()
}

fn give_colours(shown: &mut [ShownClass]) {
    let declared: Vec<String> = shown.iter().map(|class| class.colour.clone()).collect();
    let free: Vec<&str> = PALETTE.iter().copied().filter(|colour| declared.iter().all(|other| other != colour)).collect();
    let mut next = free.iter().chain(&PALETTE).copied().cycle();
    for class in shown.iter_mut().filter(|class| class.colour.is_empty()) {
        class.colour.push_str(match class.role {
            Role::Empty => GREY_EMPTY,
            Role::BadQuality => GREY_BAD,
            Role::Animal | Role::Person | Role::Vehicle | Role::Other => next.next().unwrap_or(PALETTE[0]),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Spanned;
    use crate::step::testing::NOWHERE;
    use crate::taxonomy::Class;

    fn class(name: &str, key: Option<&str>, colour: Option<&str>) -> Class {
        Class {
            name: Spanned { value: name.to_owned(), span: NOWHERE },
            role: Role::of_name(name),
            key: key.map(str::to_owned),
            colour: colour.map(str::to_owned),
            display: None,
            species_id: None,
            taxon: None,
        }
    }

    fn plain(names: &[&str]) -> Taxonomy {
        Taxonomy { classes: names.iter().map(|name| class(name, None, None)).collect() }
    }

    fn extra(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// `name=key` of all classes.
    fn given(shown: &[ShownClass]) -> Vec<String> {
        shown.iter().map(|class| format!("{}={}", class.name, class.key.as_deref().unwrap_or("-"))).collect()
    }

    #[test]
    fn keys_follow_from_the_names_and_never_are_those_of_the_page() {
        let shown = keys(&plain(&["bad_quality", "bird", "least_weasel", "lemming", "vole", "rodent", "dud", "Elk"]), &[]);
        // `bird` finds `b` taken, `rodent` and `dud` find their first letters reserved.
        let expected = ["bad_quality=b", "bird=i", "least_weasel=l", "lemming=m", "vole=v", "rodent=o", "dud=1", "Elk=e"];
        assert_eq!(given(&shown), expected);
    }

    #[test]
    fn a_declared_key_stays_and_no_other_class_gets_it() {
        let mut taxonomy = plain(&["vole", "viper", "empty"]);
        taxonomy.classes[1].key = Some("V".to_owned());
        taxonomy.classes[2].key = Some("o".to_owned());
        assert_eq!(given(&keys(&taxonomy, &[])), ["vole=l", "viper=v", "empty=o"]);
    }

    #[test]
    fn one_more_extra_class_changes_nothing_of_those_before_it() {
        let taxonomy = plain(&["vole", "viper"]);
        let before = keys(&taxonomy, &extra(&["mink"]));
        let after = keys(&taxonomy, &extra(&["mink", "ibex", "polecat", "vole"]));
        assert_eq!(after[..3], before[..]);
        assert_eq!(given(&after), ["vole=v", "viper=i", "mink=m", "ibex=b", "polecat=p"]);
        assert!(after[3].extra && !after[1].extra);
    }

    #[test]
    fn the_programme_s_own_unknown_has_the_page_s_key_for_it() {
        assert_eq!(given(&keys(&plain(&["unknown", "umbrella"]), &[])), ["unknown=u", "umbrella=m"]);
        assert!(
            is_reserved('u', "umbrella") && is_reserved('R', "rat") && is_reserved('?', "vole") && !is_reserved('u', UNKNOWN)
        );
    }

    #[test]
    fn all_keys_are_distinct_and_run_out_only_at_the_end() {
        let names: Vec<String> = (0..40).map(|at| format!("aa{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let shown = keys(&plain(&names), &[]);
        let mut found: Vec<&str> = shown.iter().filter_map(|class| class.key.as_deref()).collect();
        assert!(shown[..33].iter().all(|class| class.key.is_some()) && shown[33].key.is_none());
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 33);
    }

    #[test]
    fn colours_are_declared_or_differ_and_what_shows_nothing_is_grey() {
        let mut taxonomy = plain(&["empty", "bad_quality", "vole", "stoat", "bird"]);
        taxonomy.classes[3].colour = Some("#0072B2".to_owned());
        let colours: Vec<String> = keys(&taxonomy, &extra(&["mink"])).into_iter().map(|class| class.colour).collect();
        assert_eq!(colours, [GREY_EMPTY, GREY_BAD, "#e69f00", "#0072b2", "#009e73", "#d55e00"]);
        let many: Vec<String> = (0..20).map(|at| format!("c{at}")).collect();
        assert!(keys(&Taxonomy::default(), &many).iter().all(|class| class.colour.len() == 7));
    }

    #[test]
    fn names_are_shown_as_people_say_them_unless_declared() {
        let mut taxonomy = plain(&["least_weasel", "vole"]);
        taxonomy.classes[1].display = Some("Vole".to_owned());
        let shown = keys(&taxonomy, &extra(&["difficult"]));
        assert_eq!(shown.iter().map(|class| class.display.as_str()).collect::<Vec<_>>(), ["least weasel", "Vole", "difficult"]);
        assert_eq!(shown[2].role, Role::Other);
    }
}
