//! Draws the images from which the demo's model is trained; ignored in everyday runs, see `tests/tools/train_demo_model.py`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

/// `TRAPLINE_TRAINING_IMAGES=DIR TRAPLINE_PER_CLASS=900 TRAPLINE_SEED=1 cargo test --release --test demo_training_images -- --ignored`
#[test]
#[ignore = "writes thousands of images; only for training the demo's model anew"]
fn write_training_images() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("set {name}"));
    let dir = std::path::PathBuf::from(variable("TRAPLINE_TRAINING_IMAGES"));
    let number = |name: &str| variable(name).parse::<u64>().unwrap_or_else(|_| panic!("{name} is a whole number"));
    let per_class = usize::try_from(number("TRAPLINE_PER_CLASS")).unwrap();
    trapline::demo::write_training_images(&dir, per_class, number("TRAPLINE_SEED")).unwrap();
    for class in trapline::demo::Class::ALL {
        assert_eq!(std::fs::read_dir(dir.join(class.name())).unwrap().count(), per_class);
    }
}
