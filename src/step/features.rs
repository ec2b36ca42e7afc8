//! Step kind `features`: what a network sees in each image, as a short row of numbers.
//!
//! Computed per image and cached (`mapper`); long rows are made short without losing the distances between them (`projection`).

use super::networks::{MODEL, MODEL_PORT, check};
use super::{
    Context, Finding, IMAGE_COLUMNS, Job, Metric, Outputs, Param, ParamType, Params, Port, RowMapper, Step, StepError, StepKind,
};
use crate::diagnostic::{Report, Span, Spanned};
use crate::model::onnx::FEATURES;
use crate::table::{Schema, Table, Type};

mod mapper;
mod projection;
#[cfg(test)]
mod tests;

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "features",
    revision: 1,
    summary: "says what a network sees in each image, as numbers whose distance is how unlike two images are",
    docs: DOCS,
    inputs: &[Port::table("images", IMAGE_COLUMNS, "the images"), MODEL_PORT],
    outputs: &[Port::table("images", IMAGE_COLUMNS, "the images with `f_1`, `f_2` and so on")],
    params: &[
        MODEL,
        Param {
            name: "dimensions",
            ty: ParamType::Int(1, 4096),
            required: false,
            default: Some("64"),
            keyed: true,
            doc: "how many numbers an image gets, 1-4096",
        },
        Param {
            name: "node",
            ty: ParamType::Text,
            required: false,
            default: Some(FEATURES),
            keyed: true,
            doc: "the value of the network that is looked at; networks that `train` makes have `features`",
        },
    ],
    metrics: &[
        Metric { name: "images", doc: "number of images" },
        Metric { name: "quarantined", doc: "number of images that the network could not look at" },
    ],
    keeps_rows: true,
    pins: None,
    read,
};

const DOCS: &str = "\
# features

Says what a network sees in each image: the numbers that enter its last layer, from which it tells the classes. Images with similar
numbers look alike to it, whatever it calls them.

## Why
For a choice of images to label, a hundred pictures of the same vole in the same light teach less than a hundred different ones. `select`
spreads its choice over these numbers.

## Example
```yaml
looks:
  uses: features
  from: predictions
  with: { model: small_mammals@2026.1, dimensions: 64 }
chosen:
  uses: select
  stage: retrain
  from: looks
```

## What it yields
All columns of the images, and `f_1` to `f_N` with N = `dimensions`. An image that cannot be read keeps its row, without numbers. Columns of
these names that the images have already are replaced.

## Options
- `model` is a model of the project; one that another step made arrives through the port `model`.
- `dimensions`: networks have 512 numbers (ResNet-18) to 2048 (ResNet-50) there. They are projected by a fixed random matrix of
  signs, the same for every model of one size: squared distances keep their mean, and vary around it by a factor of about
  `1 +- sqrt(2 / N)`, 18 % for 64. A network with fewer numbers keeps them as they are; the rest are 0, which changes no distance.
- `node` is for networks of other makers: the name of the value [batch, numbers] before the last layer.

A row depends on the image's bytes, the network and these options: it is computed once.

## References
Johnson and Lindenstrauss 1984, Contemporary Mathematics 26, 189-206; Achlioptas 2003, Journal of Computer and System Sciences 66,
671-687 (signs suffice). Sener and Savarese 2018, ICLR (choosing images by such numbers).
";

/// What the columns are called.
const PREFIX: &str = "f_";

struct Features {
    model: Option<Spanned<String>>,
    dimensions: usize,
    node: String,
    span: Span,
}

#[expect(clippy::unnecessary_wraps, reason = "the form of `StepKind::read`")]
fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    let model = params.text("model").map(|model| Spanned { value: model.to_owned(), span: params.span_of("model") });
    Some(Box::new(Features {
        model,
        dimensions: params.int("dimensions").and_then(|count| usize::try_from(count).ok()).unwrap_or(64),
        node: params.text("node").unwrap_or(FEATURES).to_owned(),
        span: params.span,
    }))
}

impl Features {
    fn columns_made(&self) -> Vec<String> {
        (1..=self.dimensions).map(|number| format!("{PREFIX}{number}")).collect()
    }

    fn mapper(&self, context: &Context<'_>) -> Result<mapper::Looker, StepError> {
        mapper::Looker::new(self, context)
    }
}

/// A column that this kind makes, and therefore replaces.
fn is_made(name: &str, ty: Type) -> bool {
    let number = name.strip_prefix(PREFIX).filter(|_| ty == Type::Float32);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn without_made(schema: &Schema) -> Schema {
    Schema { fields: schema.fields.iter().filter(|field| !is_made(&field.name, field.ty)).cloned().collect() }
}

impl Step for Features {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let input = inputs.first()?.first()?;
        let is_wired = inputs.get(1).is_some_and(|model| !model.is_empty());
        check(self.model.as_ref(), is_wired, self.span, context, report)?;
        let mut schema = without_made(input);
        for name in self.columns_made() {
            schema.set(&name, Type::Float32);
        }
        Some(vec![schema])
    }

    fn mapper(&self, context: &Context<'_>) -> Result<Option<Box<dyn RowMapper>>, StepError> {
        Ok(Some(Box::new(self.mapper(context)?)))
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let input = job.input(0)?;
        let kept = without_made(input.schema());
        let names: Vec<&str> = kept.fields.iter().map(|field| field.name.as_str()).collect();
        let mut table = input.read(Some(&names))?;
        let mapped = job.mapped.as_ref().ok_or_else(|| StepError::Data("the images were not looked at".to_owned()))?;
        if mapped.rows != table.rows {
            return Err(StepError::Data(format!("{} rows of features for {} images", mapped.rows, table.rows)));
        }
        for name in self.columns_made() {
            table = table.with_column(&name, std::sync::Arc::clone(mapped.require(&name)?))?;
        }
        let (count, examples) = quarantined(&table, mapped)?;
        let words = "images could not be looked at and have no numbers: see whether their files are whole";
        #[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
        let metrics = [("images".to_owned(), table.rows as f64), ("quarantined".to_owned(), count as f64)].into();
        let findings = Finding::counted("quarantined", count, words, examples).into_iter().collect();
        Ok(Outputs { tables: vec![table], findings, metrics, ..Outputs::default() })
    }
}

/// How many images have a problem, with the first few.
fn quarantined(table: &Table, mapped: &Table) -> Result<(u64, Vec<String>), StepError> {
    const EXAMPLES: usize = 5;
    let (problems, paths) = (mapped.require(mapper::PROBLEM)?, table.require("path")?);
    let rows: Vec<usize> = (0..mapped.rows).filter(|row| !problems.is_null(*row)).collect();
    let example = |row: &usize| format!("{}: {}", paths.text(*row).unwrap_or_default(), problems.text(*row).unwrap_or_default());
    Ok((rows.len() as u64, rows.iter().take(EXAMPLES).map(example).collect()))
}
