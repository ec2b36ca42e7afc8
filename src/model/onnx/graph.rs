//! The bytes of an ONNX file: protobuf messages, written field by field.
//!
//! *Source*: `onnx.proto` of ONNX 1.12 (IR version 8, opset 17); the numbers below are the fields' numbers there.

/// The version of the file format.
const IR_VERSION: usize = 8;

/// The version of the operators.
const OPSET: usize = 17;

/// Element type "float".
const FLOAT: usize = 1;

/// An attribute of an operator.
pub(super) enum Attribute {
    Int(usize),
    Ints(Vec<usize>),
}

/// A graph that grows node by node, in the order of the computation.
pub(super) struct Graph {
    bytes: Vec<u8>,
}

impl Graph {
    pub(super) fn new(name: &str) -> Self {
        let mut bytes = Vec::new();
        text(2, name, &mut bytes);
        Self { bytes }
    }

    /// An operator with one output, which also names it.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute)]) {
        let mut node = Vec::new();
        for input in inputs {
            text(1, input, &mut node);
        }
        text(2, output, &mut node);
        text(3, output, &mut node);
        text(4, operator, &mut node);
        for (name, attribute) in attributes {
            let mut bytes = Vec::new();
            text(1, name, &mut bytes);
            match attribute {
                Attribute::Int(value) => {
                    number(3, *value, &mut bytes);
                    number(20, 2, &mut bytes);
                }
                Attribute::Ints(values) => {
                    for value in values {
                        number(8, *value, &mut bytes);
                    }
                    number(20, 7, &mut bytes);
                }
            }
            field(5, &bytes, &mut node);
        }
        field(1, &node, &mut self.bytes);
    }

    /// A constant array of 32-bit floats.
    pub(super) fn initializer(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let mut tensor = Vec::with_capacity(4 * values.len() + 100);
        for side in shape {
            number(1, *side, &mut tensor);
        }
        number(2, FLOAT, &mut tensor);
        text(8, name, &mut tensor);
        tag(9, 4 * values.len(), &mut tensor);
        tensor.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        field(5, &tensor, &mut self.bytes);
    }

    /// Declares an input; `shape` is that of one image.
    pub(super) fn input(&mut self, name: &str, shape: &[usize]) {
        self.declare(11, name, shape);
    }

    /// Declares an output.
    pub(super) fn output(&mut self, name: &str, shape: &[usize]) {
        self.declare(12, name, shape);
    }

    /// Declares a value on the way, for who looks inside.
    pub(super) fn value(&mut self, name: &str, shape: &[usize]) {
        self.declare(13, name, shape);
    }

    fn declare(&mut self, number_of: usize, name: &str, shape: &[usize]) {
        let mut sides = Vec::new();
        message(1, &mut sides, |side| text(2, "batch", side));
        for length in shape {
            message(1, &mut sides, |side| number(1, *length, side));
        }
        let mut tensor = Vec::new();
        number(1, FLOAT, &mut tensor);
        field(2, &sides, &mut tensor);
        message(number_of, &mut self.bytes, |info| {
            text(1, name, info);
            message(2, info, |ty| field(1, &tensor, ty));
        });
    }

    /// The whole file.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut model = Vec::with_capacity(self.bytes.len() + 100);
        number(1, IR_VERSION, &mut model);
        text(2, "trapline", &mut model);
        field(7, &self.bytes, &mut model);
        message(8, &mut model, |opset| {
            text(1, "", opset);
            number(2, OPSET, opset);
        });
        model
    }
}

fn message(number: usize, out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::new();
    fill(&mut bytes);
    field(number, &bytes, out);
}

fn text(number: usize, text: &str, out: &mut Vec<u8>) {
    field(number, text.as_bytes(), out);
}

/// Bytes with their length before them.
pub(super) fn field(number: usize, bytes: &[u8], out: &mut Vec<u8>) {
    tag(number, bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// What stands before `length` bytes.
fn tag(number: usize, length: usize, out: &mut Vec<u8>) {
    varint(number << 3 | 2, out);
    varint(length, out);
}

fn number(number: usize, value: usize, out: &mut Vec<u8>) {
    varint(number << 3, out);
    varint(value, out);
}

/// Seven bits a byte, the lowest first.
#[expect(clippy::cast_possible_truncation, reason = "seven bits are taken at a time")]
fn varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
