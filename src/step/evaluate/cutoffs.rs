//! Cutoffs of classes: which class an image is called, instead of the most confident one.

use std::sync::Arc;

use super::labels::CLASS_PREFIX;
use crate::diagnostic::{Diagnostic, Report, Spanned, codes};
use crate::step::{Context, ParamValue, Params, StepError};
use crate::table::{Column, ColumnBuilder, Schema, Table, Type};

/// The column of the labels as they were drawn by; no column of a user's is called so.
pub(super) const STOOD: &str = "label before cutoffs";

/// A number for each of some classes, with their places.
pub(super) type Shares = Vec<(Spanned<String>, f64)>;

/// A class, its confidences, and from which of them on an image is called so.
type Cut<'a> = (&'a str, &'a Column, f32);

/// The classes and numbers of the mapping `name`.
pub(super) fn shares(params: &Params, name: &str) -> Shares {
    let Some(Spanned { value: ParamValue::Map(entries), .. }) = params.get(name) else { return Vec::new() };
    let number = |value: &ParamValue| match value {
        ParamValue::Number(value) => Some(*value),
        #[expect(clippy::cast_precision_loss, reason = "a share, written as 0 or 1")]
        ParamValue::Int(value) => Some(*value as f64),
        _ => None,
    };
    entries.iter().filter_map(|(class, value)| Some((class.clone(), number(&value.value)?))).collect()
}

/// Says which cutoffs the predictions cannot have.
pub(super) fn check(cutoffs: &Shares, predictions: &Schema, context: &Context<'_>, report: &mut Report) -> bool {
    let mut fine = true;
    for (class, _) in cutoffs {
        let column = format!("{CLASS_PREFIX}{}", class.value);
        if !classes(predictions).any(|known| known == class.value) {
            let message =
                format!("the cutoff of `{}` needs the column `{column}`, which the predictions do not have", class.value);
            report.push(Diagnostic::new(codes::MISSING_COLUMN, class.span, message).help("name a class that the model knows"));
            fine = false;
        }
    }
    let is_cut = |class: &str| cutoffs.iter().any(|(cut, _)| cut.value == class);
    if fine && !cutoffs.is_empty() && classes(predictions).all(is_cut) {
        let message = "every class of the model has a cutoff: an image that reaches none of them would be called nothing";
        report.push(
            Diagnostic::new(codes::UNKNOWN_PARAMETER, context.span, message).help("leave one class without, such as `empty`"),
        );
        fine = false;
    }
    fine
}

/// The classes of which the predictions hold confidences, in their order.
pub(super) fn classes(schema: &Schema) -> impl Iterator<Item = &str> {
    let confidences = schema.fields.iter().filter(|field| field.ty == Type::Float32);
    confidences.filter_map(|field| field.name.strip_prefix(CLASS_PREFIX))
}

/// The predictions with each image called by the cutoffs; the labels as they were stand under [`STOOD`].
///
/// Of the classes that reach their cutoff the most confident is it; where none does, the most confident of the classes without one.
pub(super) fn call(predictions: &Table, cutoffs: &Shares) -> Result<Table, StepError> {
    let stood = Arc::clone(predictions.require("label")?);
    let (mut cut, mut others): (Vec<Cut<'_>>, Vec<Cut<'_>>) = (Vec::new(), Vec::new());
    for class in classes(&predictions.schema) {
        let column = predictions.require(&format!("{CLASS_PREFIX}{class}"))?.as_ref();
        match cutoffs.iter().find(|(name, _)| name.value == class) {
            // In the precision in which confidences are stored.
            #[expect(clippy::cast_possible_truncation, reason = "confidences are stored in 32 bits")]
            Some((_, cutoff)) => cut.push((class, column, *cutoff as f32)),
            None => others.push((class, column, 0.0)),
        }
    }
    let mut called = ColumnBuilder::with_capacity(Type::Text, predictions.rows);
    for row in 0..predictions.rows {
        let label = stood.text(row).map(|label| best(&cut, row).or_else(|| best(&others, row)).unwrap_or(label));
        called.push_optional_text(label);
    }
    Ok(predictions.with_column(STOOD, stood)?.with_column("label", Arc::new(called.finish()?))?)
}

/// The most confident class that reaches its cutoff; of equals the first.
fn best<'a>(classes: &[Cut<'a>], row: usize) -> Option<&'a str> {
    let reached =
        classes.iter().filter_map(|(class, column, cutoff)| Some((*class, column.float32(row).filter(|p| p >= cutoff)?)));
    reached.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(class, _)| class)
}
