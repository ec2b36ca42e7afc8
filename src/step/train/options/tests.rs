use std::collections::BTreeMap;

use super::*;
use crate::diagnostic::{FileId, Span};
use crate::model::architecture;
use crate::train::{Augmentation, Free, Imbalance, Optimizer, Phase, Schedule};

/// What one parameter holds, with its place: the n-th byte.
fn params(given: &[(&'static str, ParamValue)]) -> Params {
    let at = |start| Span { file: FileId(0), start, end: start + 1 };
    let mut values = BTreeMap::new();
    for ((name, value), place) in given.iter().zip(1..) {
        assert!(PARAMS.iter().any(|param| param.name == *name), "there is no `{name}`");
        values.insert(*name, Spanned { value: value.clone(), span: at(place) });
    }
    Params { values, span: at(0) }
}

fn options(given: &[(&'static str, ParamValue)]) -> Options {
    let mut report = Report::default();
    let options = read(&params(given), &mut report);
    assert_eq!(report.diagnostics, []);
    options.unwrap()
}

/// The findings, each with its place.
fn findings(given: &[(&'static str, ParamValue)]) -> Vec<(u32, &'static str, String)> {
    let mut report = Report::default();
    let options = read(&params(given), &mut report);
    assert_eq!(options.is_none(), !report.diagnostics.is_empty());
    assert!(report.diagnostics.iter().all(|finding| finding.help.is_some()), "every finding says the way out");
    report.diagnostics.into_iter().map(|finding| (finding.span.start, finding.code.id, finding.message)).collect()
}

fn word(text: &str) -> ParamValue {
    ParamValue::Text(text.to_owned())
}

fn by_epoch(values: &[(u32, f64)]) -> ParamValue {
    let nowhere = Span::start_of(FileId(0));
    let entry = |(epoch, value): &(u32, f64)| {
        let value = Spanned { value: ParamValue::Number(*value), span: nowhere };
        (Spanned { value: epoch.to_string(), span: nowhere }, value)
    };
    ParamValue::Map(values.iter().map(entry).collect())
}

const ON: ParamValue = ParamValue::Bool(true);
const OFF: ParamValue = ParamValue::Bool(false);

fn number(value: f64) -> ParamValue {
    ParamValue::Number(value)
}

fn preset(name: &str) -> Options {
    options(&[("preset", word(name))])
}

#[test]
fn bohner_is_one_triangle_from_scratch() {
    let made = options(&[]);
    assert_eq!(made, preset("bohner"), "the default");
    let Options { architecture, input, batch, label_smoothing, augmentation, keep, .. } = &made;
    assert_eq!((architecture.name, input.width, input.height, input.margin_px, *batch), ("resnet50", 224, 224, 0, 64));
    assert_eq!((input.resize, *label_smoothing, *keep, made.patience), (Resize::Squash, 0.0, Keep::Best, None));
    let varied =
        Augmentation { rotation_deg: 40.0, shift: 0.2, shear_deg: 0.2, zoom: 0.2, flip: true, ..Augmentation::default() };
    assert_eq!(*augmentation, varied);
    let phase = Phase {
        epochs: 55,
        free: Free::All,
        optimizer: Optimizer::Adam,
        schedule: Schedule::OneCycle { low: 1e-6, high: 1e-3 },
        weight_decay: vec![],
        imbalance: Imbalance::None,
    };
    assert_eq!(made.phases, [phase]);
    assert_eq!((made.seed, made.calibrate, made.mixed_precision, made.needs_start()), (1, true, false, false));
}

#[test]
fn bohners_transfer_learns_the_last_layer_and_then_four_parts() {
    let made = preset("bohner_transfer");
    assert!(made.needs_start());
    let [first, second] = &made.phases[..] else { panic!("{:?}", made.phases) };
    assert_eq!((first.epochs, first.free, &first.schedule), (30, Free::Last(0), &Schedule::OneCycle { low: 1e-6, high: 1e-3 }));
    assert_eq!(
        (second.epochs, second.free, &second.schedule),
        (30, Free::Last(4), &Schedule::OneCycle { low: 1e-6, high: 1e-4 })
    );
    let other = options(&[("preset", word("bohner_transfer")), ("free_parts", ParamValue::Int(2))]);
    assert_eq!((other.phases[0].free, other.phases[1].free), (Free::Last(0), Free::Last(2)));
    let freed = |parts| options(&[("architecture", word("resnet20")), ("free_parts", ParamValue::Int(parts))]).phases[0].free;
    assert_eq!((freed(0), freed(3), freed(4)), (Free::Last(0), Free::Last(3), Free::All));
}

#[test]
fn norouzzadehs_rates_fall_by_a_table() {
    let made = preset("norouzzadeh");
    let [phase] = &made.phases[..] else { panic!("{:?}", made.phases) };
    assert_eq!((phase.epochs, made.batch, phase.optimizer), (55, 128, Optimizer::Sgd { momentum: 0.9 }));
    assert_eq!((made.input.width + 2 * made.input.margin_px, made.input.width), (256, 224));
    assert!(made.augmentation.random_crop && made.augmentation.flip && made.augmentation.rotation_deg == 0.0);
    // Epochs as published, counted from 1.
    for (epoch, rate, decay) in [
        (1, 0.01, 5e-4),
        (18, 0.01, 5e-4),
        (19, 0.005, 5e-4),
        (29, 0.005, 5e-4),
        (30, 0.001, 0.0),
        (44, 0.0005, 0.0),
        (53, 0.0001, 0.0),
    ] {
        assert_eq!((phase.schedule.rate(epoch - 1, 0, 10), phase.decay(epoch - 1)), (rate, decay), "epoch {epoch}");
    }
}

#[test]
fn maliks_second_phase_is_the_last_layer_on_all_images() {
    let made = preset("malik");
    let [first, second] = &made.phases[..] else { panic!("{:?}", made.phases) };
    assert_eq!((made.architecture.name, made.batch, made.patience), ("resnet18", 64, Some(5)));
    assert_eq!((first.free, first.imbalance), (Free::All, Imbalance::Undersample { cap: 15_000 }));
    assert_eq!((second.free, second.imbalance), (Free::Last(0), Imbalance::None));
    assert_eq!((&first.schedule, &second.schedule), (&Schedule::Constant(1e-3), &Schedule::Constant(1e-3)));
    let baseline = options(&[("preset", word("malik")), ("two_phase", OFF), ("imbalance", word("none"))]);
    assert_eq!((baseline.phases.len(), baseline.phases[0].imbalance), (1, Imbalance::None));
}

#[test]
fn the_small_recipe_is_that_of_the_demos_model() {
    let made = preset("small");
    let [phase] = &made.phases[..] else { panic!("{:?}", made.phases) };
    assert_eq!((made.architecture.name, made.input.width, made.input.height), ("resnet20", 128, 96));
    assert_eq!((phase.optimizer, phase.schedule.highest(), phase.decay(0)), (Optimizer::AdamW, 3e-3, 0.02));
    assert_eq!((made.label_smoothing, made.keep, made.augmentation.flip), (0.02, Keep::Last, true));
}

#[test]
fn every_word_is_known_to_the_code_behind_it() {
    let known: Vec<&str> = architecture::ARCHITECTURES.iter().map(|known| known.name).collect();
    assert_eq!(ARCHITECTURES, known);
    for name in PRESETS {
        assert!(!preset(name).phases.is_empty());
    }
    assert_eq!(
        PRESETS.iter().map(|name| format!("{:?}", preset(name))).collect::<std::collections::BTreeSet<_>>().len(),
        PRESETS.len()
    );
}

#[test]
fn what_is_given_overrides_the_preset() {
    let three = |values: [f64; 3]| {
        let span = Span::start_of(FileId(0));
        ParamValue::List(values.map(|value| Spanned { value: number(value), span }).to_vec())
    };
    let made = options(&[
        ("preset", word("small")),
        ("architecture", word("resnet8")),
        ("width", ParamValue::Int(32)),
        ("height", ParamValue::Int(48)),
        ("resize", word("letterbox")),
        ("crop_bottom_px", ParamValue::Int(24)),
        ("margin_px", ParamValue::Int(4)),
        ("random_crop", ON),
        ("mean", three([0.5, 0.25, 0.125])),
        ("std", three([1.0, 0.5, 0.25])),
        ("epochs", ParamValue::Int(7)),
        ("batch", ParamValue::Int(9)),
        ("optimizer", word("sgd")),
        ("momentum", number(0.5)),
        ("schedule", word("steps")),
        ("rate_steps", by_epoch(&[(1, 0.1), (4, 0.01)])),
        ("weight_decay", by_epoch(&[(2, 0.3)])),
        ("label_smoothing", number(0.0)),
        ("imbalance", word("weighted")),
        ("clamp", ParamValue::Int(0)),
        ("flip", OFF),
        ("night", number(0.1)),
        ("keep", word("best")),
        ("patience", ParamValue::Int(3)),
        ("seed", ParamValue::Int(12)),
        ("calibrate", OFF),
        ("mixed_precision", ON),
    ]);
    let input = made.input;
    assert_eq!((made.architecture.name, input.width, input.height, input.resize), ("resnet8", 32, 48, Resize::Letterbox));
    assert_eq!((input.crop_bottom_px, input.margin_px, input.mean, input.std), (24, 4, [0.5, 0.25, 0.125], [1.0, 0.5, 0.25]));
    let phase = Phase {
        epochs: 7,
        free: Free::All,
        optimizer: Optimizer::Sgd { momentum: 0.5 },
        schedule: Schedule::Steps(vec![(0, 0.1), (3, 0.01)]),
        weight_decay: vec![(1, 0.3)],
        imbalance: Imbalance::Weighted { clamp: None },
    };
    assert_eq!(made.phases, [phase]);
    let varied = made.augmentation;
    assert_eq!((varied.flip, varied.night, varied.shift, varied.random_crop), (false, 0.1, 0.04, true));
    assert_eq!((made.batch, made.label_smoothing, made.keep, made.patience), (9, 0.0, Keep::Best, Some(3)));
    assert_eq!((made.seed, made.calibrate, made.mixed_precision), (12, false, true));
}

#[test]
fn one_word_switches_all_variation_off_and_single_options_on_again() {
    let off = options(&[("preset", word("norouzzadeh")), ("augmentation", OFF)]);
    assert_eq!(off.augmentation, Augmentation::default());
    let flipped = options(&[("augmentation", OFF), ("flip", ON)]);
    assert_eq!(flipped.augmentation, Augmentation { flip: true, ..Augmentation::default() });
    let centred = options(&[("preset", word("norouzzadeh")), ("margin_px", ParamValue::Int(0))]);
    assert!(!centred.augmentation.random_crop, "without a margin there is nowhere to crop");
}

#[test]
fn methods_against_imbalance_have_the_published_numbers() {
    let chosen = |given: &[(&'static str, ParamValue)]| options(given).phases[0].imbalance;
    assert_eq!(chosen(&[("imbalance", word("weighted"))]), Imbalance::Weighted { clamp: Some(0.01) });
    assert_eq!(chosen(&[("imbalance", word("oversample"))]), Imbalance::Oversample);
    assert_eq!(chosen(&[("imbalance", word("undersample"))]), Imbalance::Undersample { cap: 15_000 });
    assert_eq!(chosen(&[("imbalance", word("both")), ("cap", ParamValue::Int(5000))]), Imbalance::Both { cap: 5000 });
    assert_eq!(chosen(&[("imbalance", word("emphasis"))]), Imbalance::Emphasis { top_1: 0.20, top_5: 0.35 });
    assert_eq!(chosen(&[("preset", word("malik")), ("cap", ParamValue::Int(80))]), Imbalance::Undersample { cap: 80 });
}

#[test]
fn a_second_phase_has_rates_and_epochs_of_its_own_where_they_are_given() {
    let two = options(&[
        ("two_phase", ON),
        ("imbalance", word("both")),
        ("epochs", ParamValue::Int(20)),
        ("second_epochs", ParamValue::Int(5)),
        ("second_rate", number(1e-4)),
    ]);
    assert_eq!((two.phases[0].epochs, two.phases[1].epochs), (20, 5));
    assert_eq!(two.phases[1].schedule, Schedule::OneCycle { low: 1e-6, high: 1e-4 });
    let slower = options(&[("preset", word("malik")), ("learning_rate", number(1e-4))]);
    assert_eq!(slower.phases[1].schedule, Schedule::Constant(1e-4), "as the first");
    let tiny = options(&[("preset", word("bohner_transfer")), ("second_rate", number(1e-7))]);
    assert_eq!(tiny.phases[1].schedule, Schedule::OneCycle { low: 1e-7, high: 1e-7 });
}

#[test]
fn another_schedule_starts_from_the_presets_highest_rate() {
    let schedule = |given: &[(&'static str, ParamValue)]| options(given).phases[0].schedule.clone();
    assert_eq!(schedule(&[("schedule", word("constant"))]), Schedule::Constant(1e-3));
    let from_table = schedule(&[("preset", word("norouzzadeh")), ("schedule", word("one_cycle"))]);
    assert_eq!(from_table, Schedule::OneCycle { low: 1e-5, high: 1e-2 });
}

#[test]
fn contradictions_are_found_where_they_stand() {
    let one = |given: &[(&'static str, ParamValue)], code: &str, words: &str| {
        let found = findings(given);
        let [(place, id, message)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((*place as usize, *id), (given.len(), code), "{message}");
        assert!(message.contains(words), "{message}");
    };
    let int = ParamValue::Int;
    one(&[("cap", int(5000))], "TL0501", "`cap` has no effect");
    one(&[("imbalance", word("oversample")), ("cap", int(5000))], "TL0501", "undersample` or `both`");
    one(&[("imbalance", word("both")), ("clamp", number(0.1))], "TL0501", "`imbalance: weighted`");
    one(&[("imbalance", word("none")), ("emphasis_top_1", number(0.1))], "TL0501", "`imbalance: emphasis`");
    one(&[("imbalance", word("emphasis")), ("emphasis_top_5", number(0.9))], "TL0504", "more than 1");
    one(&[("momentum", number(0.9))], "TL0501", "not `sgd`");
    one(&[("rate_steps", by_epoch(&[(1, 0.1)]))], "TL0501", "`one_cycle`");
    one(&[("preset", word("norouzzadeh")), ("learning_rate", number(0.1))], "TL0501", "`steps`");
    one(&[("preset", word("malik")), ("lowest_rate", number(0.1))], "TL0501", "`constant`");
    one(&[("lowest_rate", number(0.1))], "TL0504", "above the highest");
    one(&[("schedule", word("steps"))], "TL0502", "needs `rate_steps`");
    one(&[("schedule", word("steps")), ("rate_steps", by_epoch(&[(2, 0.1)]))], "TL0504", "before epoch 2");
    one(&[("epochs", int(5)), ("weight_decay", by_epoch(&[(1, 0.1), (6, 0.0)]))], "TL0504", "from epoch 6 on");
    one(&[("random_crop", ON)], "TL0501", "`margin_px`");
    one(&[("architecture", word("resnet20")), ("free_parts", int(5))], "TL0504", "4 parts");
    one(&[("two_phase", ON)], "TL0501", "method against imbalance");
    one(&[("preset", word("malik")), ("imbalance", word("none"))], "TL0501", "method against imbalance");
    one(&[("preset", word("bohner_transfer")), ("two_phase", OFF)], "TL0501", "two phases of its own");
    one(&[("second_epochs", int(3))], "TL0501", "one phase");
    one(
        &[("preset", word("norouzzadeh")), ("imbalance", word("both")), ("two_phase", ON), ("second_rate", number(1.0))],
        "TL0501",
        "`steps`",
    );
    one(&[("mean", ParamValue::List(vec![]))], "TL0503", "three numbers");
    one(&[("name", word("a.b"))], "TL0606", "name of a model");
    one(&[("version", word("../x"))], "TL0606", "version of a model");
    assert_eq!(findings(&[("cap", int(1)), ("momentum", number(0.1))]).len(), 2, "all at once");
}
