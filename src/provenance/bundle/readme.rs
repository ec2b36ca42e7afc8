//! The `README.txt` of a bundle: what lies in it and what to do with it.

use super::{Images, Options, Written};

/// Its text, for whoever has never seen Trapline.
pub(super) fn text(pipeline: &str, written: &Written, options: &Options) -> String {
    let Written { images, packed, withheld, unusable, .. } = *written;
    let which = match options.images {
        Images::None => "No image came along".to_owned(),
        Images::Sample(n) => {
            format!("{packed} of {images} images came along: those that `verify --level sample --sample {n}` draws")
        }
        Images::All => format!("{packed} of {images} images came along"),
    };
    let mut notes = vec![format!("{which}.")];
    if options.withhold.is_empty() {
        notes.push("Withheld for what they show: none.".to_owned());
    } else {
        notes.push(format!(
            "Withheld because a model, a table or a person says what they show ({}): {withheld} images.",
            options.withhold.join(", ")
        ));
    }
    for file in &written.reports_withheld {
        notes.push(format!("Withheld because its pictures may show one of these: {file}."));
    }
    if unusable > 0 {
        notes.push(format!("Missing because they could not be read, or not as they were: {unusable} images."));
    }
    let sample = match options.images {
        Images::Sample(n) if n != 100 => format!(" --sample {n}"),
        _ => String::new(),
    };
    format!(
        "\
This folder holds a run of the camera-trap pipeline \"{pipeline}\" and what is needed to check it.
It was made by Trapline {version} (`trapline export --bundle`). Nothing in it has to be installed; the two commands need the
program `trapline`, no network, and write nothing. Run them in this folder:

  trapline verify --level tables       every table again, from the stored predictions and labels
  trapline verify --level sample{sample}       also some images again, through the models

Each line of the answer says `exact`, `within 1e-4`, `differs: ...`, or `not checkable: images withheld`.
`trapline show STEP`, `trapline why STEP` and `trapline graph` tell more of a step.

What lies here
  pipeline (*.yaml)            the steps and their parameters
  taxonomy, deployments        classes; which camera stood where
  labels                       what people answered, one file each
  models, models.lock          the models that predicted
  trapline.lock                the identity (BLAKE3) of everything that went in and came out; the commands compare with it
  published files              tables as they were exported
  .trapline                    tables between the steps, predictions, the times of the runs
  bundle.images.csv            the images that came along, by identity
  trapline.local.yaml          where they lie within this folder, where the pipeline needs to be told

{notes}
",
        version = env!("CARGO_PKG_VERSION"),
        notes = notes.join("\n"),
    )
}
