//! The calendar of a season: when each camera stood where, what released it, what walked in, and what went wrong.

use jiff::civil::{Date, DateTime, date};
use jiff::{Span, ToSpan};

use super::camera::{Reading, Trigger, moon_phase};
use super::chance::{Chance, step};
use super::draw::{Shot, Strip};
use super::{Class, DemoError};

/// Days between two time-lapse images. The programme takes one a day; the demo thins them out to stay small.
const TIME_LAPSE_DAYS: i64 = 16;
/// Hour of the time-lapse images, by the camera's clock.
const TIME_LAPSE_HOUR: i8 = 20;

/// A camera box that stays at its place over the years.
#[derive(Debug)]
pub(crate) struct Site {
    /// Folder of the locality.
    pub(crate) locality: &'static str,
    /// Id; some differ in one letter only, as real ones do.
    pub(crate) id: &'static str,
    /// Habitat as the field book names it.
    pub(crate) habitat: &'static str,
    /// Latitude and longitude, in degrees, of an invented place.
    pub(crate) position: (&'static str, &'static str),
    serial: &'static str,
}

/// Two localities with three sites each.
pub(crate) const SITES: [Site; 6] = [
    Site { locality: "nordfjell", id: "nf_hu_1", habitat: "hummock", position: ("70.3120", "29.4010"), serial: "S750HK00000011" },
    Site {
        locality: "nordfjell",
        id: "nf_hu_1b",
        habitat: "hummock",
        position: ("70.3124", "29.4077"),
        serial: "S750HK00000012",
    },
    Site { locality: "nordfjell", id: "nf_sn_1", habitat: "snowbed", position: ("70.3188", "29.4155"), serial: "S750HK00000013" },
    Site { locality: "elvedal", id: "ed_hu_1", habitat: "hummock", position: ("70.1530", "28.9920"), serial: "S750HK00000021" },
    Site { locality: "elvedal", id: "ed_hu_2", habitat: "hummock", position: ("70.1561", "29.0013"), serial: "S750HK00000022" },
    Site { locality: "elvedal", id: "ed_sn_1", habitat: "snowbed", position: ("70.1607", "29.0102"), serial: "S750HK00000023" },
];

/// One site from one visit to the next.
#[derive(Debug)]
pub(crate) struct Deployment {
    /// The site.
    pub(crate) site: &'static Site,
    /// The camera was switched on.
    pub(crate) from: DateTime,
    /// The card was taken out.
    pub(crate) to: DateTime,
    /// Images in the order in which they were taken.
    pub(crate) images: Vec<Image>,
    /// The span in which its clock was an hour slow, by that clock.
    pub(crate) slow_clock: Option<(DateTime, DateTime)>,
}

/// One image before it is drawn.
#[derive(Debug)]
pub(crate) struct Image {
    /// What the camera wrote.
    pub(crate) reading: Reading,
    /// What it saw.
    pub(crate) shot: Shot,
}

impl Image {
    /// The information strip, as the camera composes it.
    pub(crate) fn strip(&self) -> Strip {
        let time = self.reading.time.strftime("%Y-%m-%d %H:%M:%S");
        let (n, of) = self.reading.sequence;
        let trigger = if of == 0 { "T".to_owned() } else { format!("M {n}/{of}") };
        Strip {
            text: format!("{time}  {trigger}"),
            moon: moon_phase(self.reading.time.date()),
            temperature: format!("{}°C", self.reading.celsius),
        }
    }
}

/// A trigger before its images are numbered.
#[derive(Debug)]
struct Event {
    /// By the camera's clock.
    time: DateTime,
    trigger: Trigger,
    /// One class for a time-lapse image, two for a pair.
    classes: Vec<Class>,
    chance: Chance,
}

/// The whole season of `season`, the year in which the cards were collected.
pub(crate) fn calendar(season: u16, seed: u64) -> Result<Vec<Deployment>, DemoError> {
    if !(1991..=2099).contains(&season) {
        return Err(DemoError::Season { season });
    }
    let year = season.cast_signed();
    let name = season.to_string();
    let mut chance = Chance::of(seed, &["season", &name]);
    let mut visitors = visitors(&mut chance);
    let slow_site = usize::from(season + 3) % SITES.len();
    let mut out = Vec::with_capacity(SITES.len());
    for (i, site) in SITES.iter().enumerate() {
        let mut own = Chance::of(seed, &["deployment", &name, site.id]);
        let from = visit(seed, year - 1, i).saturating_add(25.minutes());
        let to = visit(seed, year, i);
        let share = visitors.len() / (SITES.len() - i);
        let pairs = visitors.split_off(visitors.len() - share);
        let slow_clock = (i == slow_site).then(|| {
            let day = from.date().saturating_add((7 * TIME_LAPSE_DAYS).days());
            (day.saturating_sub(6.days()).at(12, 0, 0, 0), day.saturating_add(8.days()).at(12, 0, 0, 0))
        });
        let mut events = time_lapse(from, to, &mut own);
        motion(&mut events, pairs, (from, to), slow_clock, &mut own);
        events.sort_by_key(|event| event.time);
        // Two triggers cannot share a minute: the camera is busy.
        events.dedup_by(|later, earlier| later.time.duration_since(earlier.time).as_secs() < 90);
        let images = number(site, (from, to), events, &mut own);
        out.push(Deployment { site, from, to, images, slow_clock });
    }
    Ok(out)
}

/// When site `i` is visited in `year`: three sites a morning in early July.
fn visit(seed: u64, year: i16, i: usize) -> DateTime {
    let mut chance = Chance::of(seed, &["visit", &year.to_string(), &(i / 3).to_string()]);
    let day = 2 + chance.below(4) as i8 + (i / 3) as i8;
    date(year, 7, day).at(9, 10, 0, 0).saturating_add(((i % 3) as i64 * 55 + 4).minutes())
}

/// What releases the motion sensor in a season, a pair of images each, in random order.
fn visitors(chance: &mut Chance) -> Vec<Class> {
    // Rodents come in peaks; one season differs from the next.
    let voles = 20 + chance.below(9);
    let lemmings = 36 - voles + chance.below(5);
    let mut out = Vec::new();
    for (class, n) in [
        (Class::Vole, voles),
        (Class::Lemming, lemmings),
        (Class::Shrew, 7),
        (Class::Bird, 4),
        (Class::LeastWeasel, 3),
        (Class::Stoat, 3),
        (Class::Empty, 9),
        (Class::BadQuality, 4),
    ] {
        out.extend(std::iter::repeat_n(class, n));
    }
    chance.shuffle(&mut out);
    out
}

/// The evening images from the day of the visit on.
fn time_lapse(from: DateTime, to: DateTime, chance: &mut Chance) -> Vec<Event> {
    let mut out = Vec::new();
    let mut day = from.date();
    while day.at(TIME_LAPSE_HOUR, 0, 0, 0) < to {
        let snow = snow(day);
        let class = if chance.happens(0.03 + 0.38 * snow) {
            Class::BadQuality
        } else if chance.happens(0.04) {
            if chance.happens(0.6) { Class::Vole } else { Class::Lemming }
        } else {
            Class::Empty
        };
        let time = day.at(TIME_LAPSE_HOUR, 0, 0, 0);
        out.push(Event {
            time,
            trigger: Trigger::TimeLapse,
            classes: vec![class],
            chance: Chance::of(chance.next(), &["event"]),
        });
        day = day.saturating_add(TIME_LAPSE_DAYS.days());
    }
    out
}

/// Pairs at random times, two of them while the clock is slow, and a last one when the lid is opened to take the card.
fn motion(
    events: &mut Vec<Event>,
    classes: Vec<Class>,
    (from, to): (DateTime, DateTime),
    slow: Option<(DateTime, DateTime)>,
    chance: &mut Chance,
) {
    let inside = |(from, to): (DateTime, DateTime), chance: &mut Chance| {
        let seconds = to.duration_since(from).as_secs();
        let margin = 4 * 3600;
        from.saturating_add((margin + chance.below((seconds - 2 * margin).max(1) as usize) as i64).seconds())
    };
    for (i, class) in classes.into_iter().enumerate() {
        let mut time = match slow {
            Some(span) if i < 2 => inside(span, chance),
            _ => inside((from, to), chance),
        };
        while class == Class::Bird && !(4..=9).contains(&time.month()) || near_border(time, slow) {
            time = inside((from, to), chance);
        }
        let leaves = class.is_animal() && chance.happens(0.15);
        let second = if leaves { Class::Empty } else { class };
        events.push(Event {
            time,
            trigger: Trigger::Motion,
            classes: vec![class, second],
            chance: Chance::of(chance.next(), &["event"]),
        });
    }
    let time = to.saturating_sub(Span::new().minutes(6).seconds(chance.below(60) as i64));
    events.push(Event {
        time,
        trigger: Trigger::Motion,
        classes: vec![Class::Empty; 2],
        chance: Chance::of(chance.next(), &["event"]),
    });
}

/// Within three hours of the moments at which the clock was set: no image there, so that no correction is in doubt.
fn near_border(time: DateTime, slow: Option<(DateTime, DateTime)>) -> bool {
    slow.is_some_and(|(from, to)| [from, to].iter().any(|border| border.duration_since(time).as_secs().abs() < 3 * 3600))
}

/// Gives every event its number and every image its reading and its light.
fn number(site: &'static Site, (from, to): (DateTime, DateTime), events: Vec<Event>, chance: &mut Chance) -> Vec<Image> {
    let length = to.duration_since(from).as_secs() as f32;
    let exposed = if site.habitat == "snowbed" { 1.0 } else { chance.between(0.5, 0.9) };
    let mut out = Vec::new();
    for (i, event) in events.into_iter().enumerate() {
        let mut own = event.chance.clone();
        let season = event.time.duration_since(from).as_secs() as f32 / length;
        let celsius = temperature(event.time, &mut own);
        let day = is_light(event.time) && own.happens(0.75);
        let of = if event.trigger == Trigger::Motion { event.classes.len() as u16 } else { 0 };
        let mut time = event.time;
        for (frame, &class) in event.classes.iter().enumerate() {
            out.push(Image {
                reading: Reading {
                    time,
                    trigger: event.trigger,
                    sequence: (if of == 0 { 0 } else { frame as u16 + 1 }, of),
                    event: i as u32 + 1,
                    celsius,
                    serial: site.serial,
                    infrared: !day,
                    battery_mv: 9800 - (season * 1400.0) as u16,
                },
                shot: Shot {
                    class,
                    day,
                    snow: snow(event.time.date()) * exposed,
                    season,
                    winter_coat: !(5..=10).contains(&event.time.month()),
                    event: event.chance.clone(),
                    frame: frame as u8,
                },
            });
            time = time.saturating_add((1 + own.below(2) as i64).seconds());
        }
    }
    out
}

/// Share of the floor that drifting snow may cover on a day, 0 to 0.8.
pub(crate) fn snow(day: Date) -> f32 {
    let day = f32::from(day.day_of_year());
    if day < 200.0 {
        (0.55 + 0.25 * step(0.0, 60.0, day)) * (1.0 - step(115.0, 155.0, day))
    } else {
        0.55 * step(290.0, 365.0, day)
    }
}

/// Degrees Celsius: the month's mean, the hour, and the weather.
fn temperature(time: DateTime, chance: &mut Chance) -> i16 {
    const MONTHS: [f32; 12] = [-9.0, -9.0, -7.0, -3.0, 2.0, 8.0, 12.0, 11.0, 7.0, 2.0, -3.0, -7.0];
    let hour = f32::from(time.hour());
    let noon = 1.0 - (hour - 14.0).abs() / 12.0;
    let month = MONTHS[(time.month() - 1).unsigned_abs() as usize % 12];
    (month + 3.0 * noon + 2.2 * chance.bell()).round() as i16
}

/// Whether there is light enough in the box for a colour picture, at 70 degrees north.
pub(crate) fn is_light(time: DateTime) -> bool {
    let (first, last) = match time.month() {
        5..=7 => (3, 22),
        4 | 8 => (5, 20),
        3 | 9 => (7, 17),
        2 | 10 => (8, 15),
        1 | 11 => (10, 12),
        _ => return false,
    };
    (first..=last).contains(&time.hour())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_has_every_class_and_a_plausible_size() {
        for season in 2024..2030 {
            let deployments = calendar(season, 1).unwrap();
            let shots: Vec<Class> = deployments.iter().flat_map(|d| &d.images).map(|image| image.shot.class).collect();
            assert!((240..=310).contains(&shots.len()), "{}", shots.len());
            let count = |class| shots.iter().filter(|&&c| c == class).count();
            for class in Class::ALL {
                assert!(count(class) >= 3, "{season} {}: {}", class.name(), count(class));
            }
            assert!(count(Class::Empty) > count(Class::Vole) && count(Class::Vole) > count(Class::Stoat));
        }
    }

    #[test]
    fn times_and_events_rise_and_stay_inside_the_deployment() {
        for deployment in calendar(2024, 5).unwrap() {
            for pair in deployment.images.windows(2) {
                assert!(pair[0].reading.time < pair[1].reading.time);
                assert!(pair[0].reading.event <= pair[1].reading.event);
            }
            for image in &deployment.images {
                assert!(image.reading.time > deployment.from && image.reading.time < deployment.to);
                assert_eq!(image.reading.sequence.1 == 0, image.reading.trigger == Trigger::TimeLapse);
            }
        }
    }

    #[test]
    fn one_season_begins_on_the_day_on_which_the_last_one_ended() {
        let (old, new) = (calendar(2024, 5).unwrap(), calendar(2025, 5).unwrap());
        for (old, new) in old.iter().zip(&new) {
            assert_eq!(old.to.date(), new.from.date());
            assert_eq!(old.images.last().unwrap().reading.time.date(), new.images[0].reading.time.date());
        }
    }

    #[test]
    fn one_clock_is_slow_while_images_of_both_triggers_are_taken() {
        let deployments = calendar(2024, 5).unwrap();
        let slow: Vec<_> = deployments.iter().filter(|d| d.slow_clock.is_some()).collect();
        assert_eq!(slow.len(), 1);
        let (from, to) = slow[0].slow_clock.unwrap();
        let within: Vec<_> = slow[0].images.iter().filter(|i| i.reading.time > from && i.reading.time < to).collect();
        assert!(within.iter().any(|i| i.reading.trigger == Trigger::TimeLapse));
        assert!(within.iter().filter(|i| i.reading.trigger == Trigger::Motion).count() >= 4);
    }

    #[test]
    fn snow_lies_in_winter_only() {
        assert!(snow(date(2024, 2, 1)) > 0.5 && snow(date(2023, 12, 20)) > 0.4);
        assert!(snow(date(2023, 8, 1)) < 1e-6 && snow(date(2024, 6, 20)) < 1e-6);
    }
}
