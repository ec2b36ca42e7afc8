//! Backgrounds: other classes of the same place and days, where one class gave many images there.

use std::collections::BTreeMap;

use super::choose::{Chosen, Rule, Stratum};
use crate::event::time_column;
use crate::observation::PLACE;
use crate::step::StepError;
use crate::table::Groups;
use crate::taxonomy::{Role, Taxonomy};

/// The programme's classes that stand for an image without anything, by name.
pub(super) fn empty_classes(taxonomy: &Taxonomy) -> Vec<&str> {
    let mut names: Vec<&str> =
        taxonomy.classes.iter().filter(|class| class.role == Role::Empty).map(|class| class.name.value.as_str()).collect();
    names.sort_unstable();
    names
}

const DAY_S: i64 = 86_400;

/// A class that gave many images at a place.
struct Many {
    class: u32,
    images: u64,
    /// The days on which they were taken, both ends included.
    days: Option<(i64, i64)>,
}

/// What a place has beside its class: rows by class, those without anything first.
#[derive(Default)]
struct Others<'a> {
    by_class: BTreeMap<(bool, &'a str), Vec<(u128, u32)>>,
    excluded: u64,
}

impl<'a> Chosen<'a> {
    /// Adds backgrounds to what was chosen.
    pub fn background(&mut self, taxonomy: &Taxonomy) -> Result<(), StepError> {
        if self.step.background <= 0.0 {
            return Ok(());
        }
        let names: Vec<&str> = PLACE.iter().copied().filter(|name| self.images.column(name).is_some()).collect();
        let places = Groups::of(self.images, &names)?;
        let many = self.many(&places)?;
        let mut others = self.others(&places, &many, &empty_classes(taxonomy))?;
        let labels = self.images.require("label")?;
        let texts: Vec<&str> = labels.texts().collect();
        for (place, many) in &many {
            let others = others.remove(place).unwrap_or_default();
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "far below 2^52"
            )]
            let wanted = (many.images as f64 * self.step.background).ceil() as u64;
            let available = others.by_class.values().map(Vec::len).sum::<usize>() as u64;
            let sorted = others.by_class.into_values().map(|mut rows| {
                rows.sort_unstable();
                rows.into_iter().map(|(_, row)| row).collect()
            });
            let taken = self.in_turn(sorted, usize::try_from(wanted).unwrap_or(usize::MAX));
            let stratum = u32::try_from(self.strata.len()).unwrap_or(u32::MAX);
            self.strata.push(Stratum {
                rule: Rule::Background,
                class: texts[many.class as usize].to_owned(),
                place: places.words(*place as usize),
                group: None,
                available,
                excluded: others.excluded,
                wanted: Some(wanted),
                taken: taken.len() as u64,
            });
            self.add(stratum, &taken);
        }
        Ok(())
    }

    fn day(&self, row: u32) -> Option<i64> {
        let name = time_column(&self.images.schema)?;
        self.images.column(name)?.datetime(row as usize).map(|time| time.div_euclid(DAY_S))
    }

    /// The class that gave most images at each place, where those are many.
    fn many(&self, places: &Groups) -> Result<BTreeMap<u32, Many>, StepError> {
        let labels = self.images.require("label")?;
        let mut counts: BTreeMap<(u32, u32), Many> = BTreeMap::new();
        for member in &self.members {
            let Some(class) = labels.code(member.row as usize) else { continue };
            let place = places.of_row[member.row as usize];
            let many = counts.entry((place, class)).or_insert(Many { class, images: 0, days: None });
            many.images += 1;
            if let Some(day) = self.day(member.row) {
                let (from, to) = many.days.unwrap_or((day, day));
                many.days = Some((from.min(day), to.max(day)));
            }
        }
        let texts: Vec<&str> = labels.texts().collect();
        let mut most: BTreeMap<u32, Many> = BTreeMap::new();
        for ((place, _), many) in counts.into_iter().filter(|(_, many)| many.images >= self.step.background_from) {
            // Of two classes that gave as many, the first by name.
            let weight = |many: &Many| (many.images, std::cmp::Reverse(texts[many.class as usize]));
            if most.get(&place).is_none_or(|held| weight(&many) > weight(held)) {
                most.insert(place, many);
            }
        }
        Ok(most)
    }

    fn others(
        &self,
        places: &Groups,
        many: &BTreeMap<u32, Many>,
        empty: &[&str],
    ) -> Result<BTreeMap<u32, Others<'a>>, StepError> {
        let images = self.images;
        let labels = images.require("label")?;
        let mut found: BTreeMap<u32, Others<'a>> = BTreeMap::new();
        for (row, place) in (0_u32..).zip(&places.of_row) {
            let (Some(many), Some(hash)) = (many.get(place), self.candidates.hash[row as usize]) else { continue };
            let (Some(class), Some(text)) = (labels.code(row as usize), labels.text(row as usize)) else { continue };
            let day = self.day(row);
            let within = many.days.is_none_or(|(from, to)| day.is_some_and(|day| (from..=to).contains(&day)));
            if class == many.class || self.taken[row as usize] || !within {
                continue;
            }
            let others = found.entry(*place).or_default();
            if self.candidates.may(row as usize) {
                others.by_class.entry((!empty.contains(&text), text)).or_default().push((hash, row));
            } else {
                others.excluded += 1;
            }
        }
        Ok(found)
    }
}
