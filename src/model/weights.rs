//! Weights of a network by name, and the safetensors files in which they travel.

use std::collections::BTreeMap;

use super::architecture::{ARCHITECTURES, Architecture, Parameter, Role};

#[cfg(feature = "tch")]
mod safetensors;

#[cfg(feature = "tch")]
pub use safetensors::{read_safetensors, write_safetensors};

/// All arrays of a network, under torchvision's names ([`Architecture::parameters`]).
pub type Weights = BTreeMap<String, Array>;

/// An array of 32-bit floats in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Lengths of its dimensions.
    pub shape: Vec<usize>,
    /// As many values as the product of `shape`.
    pub values: Vec<f32>,
}

/// Why weights cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// The bytes are of another form.
    #[error("this is no safetensors file: {0}; weights of another form are saved anew with the `safetensors` package of Python")]
    Unreadable(String),
    /// The numbers are of another kind.
    #[error("`{name}` holds {found}; weights are read from F32, F64, F16 and BF16: save it as one of them")]
    Kind {
        /// The array.
        name: String,
        /// What it holds.
        found: String,
    },
    /// A number is a NaN or an infinity.
    #[error("`{name}` holds a number that is not finite: the training that made these weights went astray")]
    NotFinite {
        /// The array.
        name: String,
    },
    /// A batch norm would divide by the root of a number below zero.
    #[error("`{name}` holds a variance below zero: the file is damaged, or these are not running variances")]
    Variance {
        /// The array.
        name: String,
    },
    /// An array does not hold as many numbers as its shape says.
    #[error("`{name}` holds {found} numbers, its shape {shape} says otherwise")]
    Length {
        /// The array.
        name: String,
        /// Its shape, in words.
        shape: String,
        /// How many there are.
        found: usize,
    },
    /// The architecture needs an array that is not there.
    #[error("`{name}` is missing, which `{architecture}` needs{hint}")]
    Missing {
        /// The array.
        name: String,
        /// The architecture.
        architecture: &'static str,
        /// Whose weights these are, where it is known.
        hint: String,
    },
    /// There is an array that the architecture does not have.
    #[error("`{name}` is none of the arrays of `{architecture}`{hint}")]
    Foreign {
        /// The array.
        name: String,
        /// The architecture.
        architecture: &'static str,
        /// Whose weights these are, where it is known.
        hint: String,
    },
    /// An array has another shape.
    #[error("`{name}` is {found}, `{architecture}` needs {expected}{hint}")]
    Shape {
        /// The array.
        name: String,
        /// The architecture.
        architecture: &'static str,
        /// Its shape, in words.
        found: String,
        /// The shape it should have, in words.
        expected: String,
        /// Whose weights these are, where it is known.
        hint: String,
    },
    /// The last layer is for another number of classes.
    #[error("the last layer is for {found} classes, there are {expected}: start from these weights without their last layer")]
    Classes {
        /// Classes of the weights.
        found: usize,
        /// Classes wanted.
        expected: usize,
    },
}

impl Array {
    /// An array of `shape` from `values`; `None` where these are not as many as `shape` says.
    #[must_use]
    pub fn new(shape: Vec<usize>, values: Vec<f32>) -> Option<Self> {
        (length(&shape) == Some(values.len())).then_some(Self { shape, values })
    }
}

/// Makes sure that `weights` are all arrays of `architecture` for `classes` classes, and nothing else.
///
/// # Errors
/// The first array, in the order of the computation, that is missing or of another shape; else the first that is foreign.
pub fn check(weights: &Weights, architecture: &Architecture, classes: usize) -> Result<(), WeightsError> {
    if let Some(found) = classes_of(weights)
        && found != classes
        && check_body(weights, architecture).is_ok()
    {
        return Err(WeightsError::Classes { found, expected: classes });
    }
    check_against(weights, architecture, &architecture.parameters(classes))
}

/// The weights with which `architecture` starts for classes of its own: all but the last layer, whatever classes that is for.
///
/// # Errors
/// As [`check`], the last layer aside.
pub fn without_last_layer(mut weights: Weights, architecture: &Architecture) -> Result<Weights, WeightsError> {
    check_body(&weights, architecture)?;
    weights.retain(|name, _| !is_head(name));
    Ok(weights)
}

/// For how many classes the last layer is; `None` where there is none.
#[must_use]
pub fn classes_of(weights: &Weights) -> Option<usize> {
    weights.get("fc.weight").and_then(|head| head.shape.first().copied())
}

fn is_head(name: &str) -> bool {
    name.starts_with("fc.")
}

fn check_body(weights: &Weights, architecture: &Architecture) -> Result<(), WeightsError> {
    let head: Vec<Parameter> = weights
        .iter()
        .filter(|(name, _)| is_head(name))
        .map(|(name, array)| Parameter { name: name.clone(), shape: array.shape.clone(), role: Role::HeadBias })
        .collect();
    let body = architecture.parameters(1).into_iter().filter(|one| !is_head(&one.name));
    check_against(weights, architecture, &body.chain(head).collect::<Vec<_>>())
}

fn check_against(weights: &Weights, architecture: &Architecture, needed: &[Parameter]) -> Result<(), WeightsError> {
    let name_of = architecture.name;
    for Parameter { name, shape, role } in needed {
        let Some(found) = weights.get(name) else {
            return Err(WeightsError::Missing { name: name.clone(), architecture: name_of, hint: whose(weights, name_of) });
        };
        if found.shape != *shape {
            let (found, expected) = (in_words(&found.shape), in_words(shape));
            let hint = whose(weights, name_of);
            return Err(WeightsError::Shape { name: name.clone(), architecture: name_of, found, expected, hint });
        }
        if length(shape) != Some(found.values.len()) {
            let (shape, found) = (in_words(shape), found.values.len());
            return Err(WeightsError::Length { name: name.clone(), shape, found });
        }
        if !found.values.iter().all(|value| value.is_finite()) {
            return Err(WeightsError::NotFinite { name: name.clone() });
        }
        if *role == Role::NormVariance && found.values.iter().any(|value| *value < 0.0) {
            return Err(WeightsError::Variance { name: name.clone() });
        }
    }
    // The arrays of a shallow network are among those of a deeper one: what is left over shows the mistake.
    let known: std::collections::BTreeSet<&str> = needed.iter().map(|one| one.name.as_str()).collect();
    match weights.keys().find(|name| !known.contains(name.as_str())) {
        Some(name) => Err(WeightsError::Foreign { name: name.clone(), architecture: name_of, hint: whose(weights, name_of) }),
        None => Ok(()),
    }
}

/// The architecture that has just these arrays, as the end of a message; empty where none has, or `asked` itself.
fn whose(weights: &Weights, asked: &str) -> String {
    let has = |architecture: &&Architecture| {
        let all = architecture.parameters(classes_of(weights).unwrap_or(1));
        let mut body = all.iter().filter(|one| !is_head(&one.name));
        let count = weights.keys().filter(|name| !is_head(name)).count();
        let fits = |one: &Parameter| weights.get(&one.name).is_some_and(|found| found.shape == one.shape);
        count + 2 == all.len() && body.all(fits)
    };
    match ARCHITECTURES.iter().find(has) {
        Some(architecture) if architecture.name != asked => format!("; these are weights of `{}`", architecture.name),
        _ => String::new(),
    }
}

fn length(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side))
}

fn in_words(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    if sides.is_empty() { "a single number".to_owned() } else { sides.join(" x ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros(architecture: &str, classes: usize) -> Weights {
        let all = Architecture::named(architecture).unwrap().parameters(classes);
        let array = |shape: Vec<usize>| Array { values: vec![0.0; shape.iter().product()], shape };
        all.into_iter().map(|one| (one.name, array(one.shape))).collect()
    }

    fn checked(weights: &Weights, architecture: &str, classes: usize) -> String {
        check(weights, Architecture::named(architecture).unwrap(), classes)
            .map_err(|error| error.to_string())
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn each_architecture_takes_its_own_weights_and_no_others() {
        for own in ARCHITECTURES.iter().take(5) {
            let weights = zeros(own.name, 3);
            for asked in ARCHITECTURES {
                let error = checked(&weights, asked.name, 3);
                assert_eq!(error.is_empty(), own.name == asked.name, "{} as {}: {error}", own.name, asked.name);
                let named = format!("; these are weights of `{}`", own.name);
                assert!(own.name == asked.name || error.ends_with(&named), "{} as {}: {error}", own.name, asked.name);
            }
        }
    }

    #[test]
    fn mistakes_name_the_array_and_the_way_out() {
        let weights = zeros("resnet8", 3);
        let changed = |change: &dyn Fn(&mut Weights)| {
            let mut weights = weights.clone();
            change(&mut weights);
            checked(&weights, "resnet8", 3)
        };
        insta::assert_snapshot!(changed(&|all| { all.remove("bn1.bias"); }), @"`bn1.bias` is missing, which `resnet8` needs");
        insta::assert_snapshot!(changed(&|all| { all.insert("fc2.bias".into(), Array { shape: vec![], values: vec![0.0] }); }), @"`fc2.bias` is none of the arrays of `resnet8`");
        insta::assert_snapshot!(changed(&|all| all.get_mut("conv1.weight").unwrap().shape = vec![16, 27]), @"`conv1.weight` is 16 x 27, `resnet8` needs 16 x 3 x 3 x 3");
        insta::assert_snapshot!(changed(&|all| { all.get_mut("bn1.bias").unwrap().values.pop(); }), @"`bn1.bias` holds 15 numbers, its shape 16 says otherwise");
        insta::assert_snapshot!(changed(&|all| all.get_mut("bn1.bias").unwrap().values[3] = f32::NAN), @"`bn1.bias` holds a number that is not finite: the training that made these weights went astray");
        insta::assert_snapshot!(changed(&|all| all.get_mut("bn1.running_var").unwrap().values[3] = -0.5), @"`bn1.running_var` holds a variance below zero: the file is damaged, or these are not running variances");
        insta::assert_snapshot!(changed(&|all| all.get_mut("bn1.running_var").unwrap().values[3] = -0.5), @"`bn1.running_var` holds a variance below zero: the file is damaged, or these are not running variances");
        insta::assert_snapshot!(checked(&weights, "resnet8", 8), @"the last layer is for 3 classes, there are 8: start from these weights without their last layer");
    }

    #[test]
    fn weights_for_other_classes_start_without_their_last_layer() {
        let network = Architecture::named("resnet18").unwrap();
        let kept = without_last_layer(zeros("resnet18", 1000), network).unwrap();
        assert_eq!(kept.len() + 2, network.parameters(8).len());
        assert!(kept.keys().all(|name| !name.starts_with("fc.")));
        // Weights that have none to begin with are as good.
        assert_eq!(without_last_layer(kept.clone(), network).unwrap(), kept);
        let error = without_last_layer(zeros("resnet34", 1000), network).unwrap_err().to_string();
        assert!(error.ends_with("these are weights of `resnet34`"), "{error}");
    }
}
