//! Tiny ONNX networks with known numbers, written byte by byte: no test depends on a file that nobody can read.
//!
//! The network is `logits = mean(channel) * weights + bias`, from a 1 x 3 x H x W image, optionally followed by one more operator.

#![allow(
    dead_code,
    clippy::cast_possible_truncation,
    reason = "each test binary uses its own part; a varint takes seven bits at a time"
)]

/// A field of protobuf wire type 2: text, bytes or a message.
fn bytes(field: u64, content: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// A field of protobuf wire type 0.
fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(value, out);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn message(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    fill(&mut out);
    out
}

fn node(op: &str, inputs: &[&str], output: &str, graph: &mut Vec<u8>) {
    let node = message(|out| {
        for input in inputs {
            bytes(1, input.as_bytes(), out);
        }
        bytes(2, output.as_bytes(), out);
        bytes(3, op.as_bytes(), out);
        bytes(4, op.as_bytes(), out);
    });
    bytes(1, &node, graph);
}

/// An initializer of 32-bit floats.
fn tensor(name: &str, dims: &[usize], values: &[f32], graph: &mut Vec<u8>) {
    let tensor = message(|out| {
        for dim in dims {
            number(1, *dim as u64, out);
        }
        number(2, 1, out);
        bytes(8, name.as_bytes(), out);
        bytes(9, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>(), out);
    });
    bytes(5, &tensor, graph);
}

/// An input (field 11) or output (field 12); a size of 0 is a named one.
fn value_info(field: u64, name: &str, dims: &[usize], graph: &mut Vec<u8>) {
    let shape = message(|out| {
        for dim in dims {
            let dim = message(|out| if *dim == 0 { bytes(2, b"batch", out) } else { number(1, *dim as u64, out) });
            bytes(1, &dim, out);
        }
    });
    let tensor_type = message(|out| {
        number(1, 1, out);
        bytes(2, &shape, out);
    });
    let info = message(|out| {
        bytes(1, name.as_bytes(), out);
        bytes(2, &message(|out| bytes(1, &tensor_type, out)), out);
    });
    bytes(field, &info, graph);
}

/// An initializer whose numbers lie in the file `name`, from `offset` on.
fn tensor_beside(name: &str, dims: &[usize], file: &str, offset: usize, length: usize, graph: &mut Vec<u8>) {
    let tensor = message(|out| {
        for dim in dims {
            number(1, *dim as u64, out);
        }
        number(2, 1, out);
        bytes(8, name.as_bytes(), out);
        for (key, value) in [("location", file.to_owned()), ("offset", offset.to_string()), ("length", length.to_string())] {
            let entry = message(|out| {
                bytes(1, key.as_bytes(), out);
                bytes(2, value.as_bytes(), out);
            });
            bytes(13, &entry, out);
        }
        number(14, 1, out);
    });
    bytes(5, &tensor, graph);
}

/// A network that gives what it gets, as detectors give a table of boxes: more than one number for each class.
pub fn detector(width: usize, height: usize) -> Vec<u8> {
    let graph = message(|graph| {
        node("Identity", &["image"], "boxes", graph);
        bytes(2, b"detector", graph);
        value_info(11, "image", &[0, 3, height, width], graph);
        value_info(12, "boxes", &[0, 3, height, width], graph);
    });
    model(&graph)
}

fn model(graph: &[u8]) -> Vec<u8> {
    message(|model| {
        number(1, 8, model);
        bytes(2, b"trapline tests", model);
        bytes(7, graph, model);
        bytes(8, &message(|out| number(2, 17, out)), model);
    })
}

/// How a [`linear`] network is written.
#[derive(Clone, Copy, Default)]
pub struct Written<'a> {
    /// One more operator at the end, such as `Log` or `Softmax`.
    pub last: Option<&'a str>,
    /// The input is batch x height x width x channels.
    pub channels_last: bool,
    /// The weights lie in the file of this name.
    pub beside: Option<&'a str>,
    /// The sizes of the input are not declared.
    pub any_size: bool,
}

/// A network of `width` x `height` input with one row of three weights and a bias per class; `last` is one more operator, such
/// as `Log` or `Softmax`.
pub fn linear(width: usize, height: usize, classes: &[([f32; 3], f32)], last: Option<&str>) -> Vec<u8> {
    linear_as(width, height, classes, Written { last, ..Written::default() }).0
}

/// [`linear`], and the bytes of the file beside it.
pub fn linear_as(width: usize, height: usize, classes: &[([f32; 3], f32)], written: Written<'_>) -> (Vec<u8>, Vec<u8>) {
    let Written { last, channels_last, beside, any_size } = written;
    let count = classes.len();
    let weights: Vec<f32> = (0..3).flat_map(|channel| classes.iter().map(move |(weights, _)| weights[channel])).collect();
    let bias: Vec<f32> = classes.iter().map(|(_, bias)| *bias).collect();
    let mut file = Vec::new();
    let graph = message(|graph| {
        if channels_last {
            let perm = message(|out| {
                bytes(1, b"perm", out);
                for axis in [0, 3, 1, 2] {
                    number(8, axis, out);
                }
                number(20, 7, out);
            });
            let transpose = message(|out| {
                bytes(1, b"image", out);
                bytes(2, b"planes", out);
                bytes(4, b"Transpose", out);
                bytes(5, &perm, out);
            });
            bytes(1, &transpose, graph);
        }
        node("GlobalAveragePool", &[if channels_last { "planes" } else { "image" }], "pooled", graph);
        node("Flatten", &["pooled"], "flat", graph);
        node("MatMul", &["flat", "weights"], "weighted", graph);
        node("Add", &["weighted", "bias"], if last.is_some() { "sums" } else { "classes" }, graph);
        if let Some(op) = last {
            node(op, &["sums"], "classes", graph);
        }
        bytes(2, b"linear", graph);
        match beside {
            None => tensor("weights", &[3, count], &weights, graph),
            Some(name) => {
                file.extend([0; 16]);
                file.extend(weights.iter().flat_map(|value| value.to_le_bytes()));
                tensor_beside("weights", &[3, count], name, 16, 4 * weights.len(), graph);
            }
        }
        tensor("bias", &[count], &bias, graph);
        let (height, width) = if any_size { (0, 0) } else { (height, width) };
        let sizes = if channels_last { [0, height, width, 3] } else { [0, 3, height, width] };
        value_info(11, "image", &sizes, graph);
        value_info(12, "classes", &[0, count], graph);
    });
    (model(&graph), file)
}
