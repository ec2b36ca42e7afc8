#!/usr/bin/env python3
"""Turns a Keras classifier (.h5) into a model bundle for Trapline. TensorFlow is not needed.

    pip install -r requirements.txt
    python convert.py model.h5 --classes classes.txt --as small_mammals@2021.1 --preprocess unit --out bundle
    trapline model add bundle

Reads whole models (`model.save("model.h5")`), Sequential or Functional, of Keras 2 and 3, also with models inside models. It knows the
layers of ResNet, VGG, MobileNet, Inception, Xception and DenseNet as keras.applications builds them, and names any other one. Files with
weights alone (`save_weights`) do not say what the network is: save the whole model once.
"""

import argparse
import json
import pathlib
import sys

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
# What the training script did to an image before the network saw it: means and deviations of values 0-1, and whether red and blue change
# places.
PREPROCESS = {
    "unit": ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], False),  # rescale=1/255
    "signed": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], False),  # preprocess_input of MobileNet, Inception, Xception
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], False),  # preprocess_input of DenseNet
    "caffe": ([123.68 / 255, 116.779 / 255, 103.939 / 255], [1 / 255, 1 / 255, 1 / 255], True),  # that of ResNet50, VGG16
    "raw": ([0.0, 0.0, 0.0], [1 / 255, 1 / 255, 1 / 255], False),  # 0 to 255: the network has a layer of its own for it
}
# Layers that do nothing once a network is trained.
IDENTITY = {
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "RandomBrightness", "RandomContrast",
    "RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "SpatialDropout2D",
}


class Unreadable(Exception):
    """Says what cannot be turned into a bundle, and the way out."""


class Tensor:
    """A value of the network: its name, and the shape of one image: [channels, rows, columns] or [numbers]."""

    def __init__(self, name, shape):
        self.name, self.shape = name, list(shape)


class Graph:
    """The ONNX network as it grows, with channels first."""

    def __init__(self):
        self.nodes, self.initializers, self.count = [], [], 0

    def constant(self, array):
        self.count += 1
        name = f"weights_{self.count}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, operator, inputs, shape, **attributes):
        self.count += 1
        name = f"{operator.lower()}_{self.count}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return Tensor(name, shape)


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def padding_of(config, shape, kernel, strides, dilation=(1, 1)):
    """Rows and columns to add at the top, left, bottom, right, as Keras does, and the size that remains."""
    pads, sizes = [[], []], []
    for size, side, stride, step in zip(shape[1:], kernel, strides, dilation):
        reach = (side - 1) * step + 1
        if config.get("padding", "valid") == "same":
            out = -(-size // stride)
            total = max((out - 1) * stride + reach - size, 0)
        else:
            out, total = (size - reach) // stride + 1, 0
        pads[0].append(total // 2)
        pads[1].append(total - total // 2)
        sizes.append(out)
    return pads[0] + pads[1], sizes


class Converter:
    def __init__(self, graph):
        self.graph = graph

    def activation(self, name, x, config=None):
        g, config = self.graph, config or {}
        if isinstance(name, dict):  # an activation kept as an object
            name, config = name["class_name"], name.get("config", {})
        name = (name or "linear").lower()
        if name == "linear":
            return x
        if name == "relu" and config.get("max_value") is None and not config.get("negative_slope") and not config.get("threshold"):
            return g.node("Relu", [x.name], x.shape)
        if name in ("relu", "relu6") and not config.get("negative_slope") and not config.get("threshold"):
            top = np.float32(6.0 if name == "relu6" else config["max_value"])
            return g.node("Clip", [x.name, g.constant(np.float32(0)), g.constant(top)], x.shape)
        if name == "softmax":
            if len(x.shape) != 1:
                raise Unreadable("a softmax over an image is not read: this does not look like a classifier")
            return g.node("Softmax", [x.name], x.shape, axis=-1)
        simple = {"sigmoid": "Sigmoid", "tanh": "Tanh", "elu": "Elu", "softplus": "Softplus", "softsign": "Softsign"}
        if name in simple and config.get("alpha", 1.0) == 1.0:
            return g.node(simple[name], [x.name], x.shape)
        if name in ("swish", "silu"):
            return g.node("Mul", [x.name, g.node("Sigmoid", [x.name], x.shape).name], x.shape)
        raise Unreadable(f"the activation `{name}` is not read")

    def dense_last(self, x):
        """A value whose numbers stand in the order that Keras has: channels last."""
        if len(x.shape) == 1:
            return x
        channels, rows, columns = x.shape
        x = self.graph.node("Transpose", [x.name], [rows, columns, channels], perm=[0, 2, 3, 1])
        return self.graph.node("Flatten", [x.name], [rows * columns * channels], axis=1)

    def layer(self, kind, config, weights, inputs):
        method = getattr(self, f"layer_{kind.lower()}", None)
        if kind in IDENTITY:
            return inputs[0]
        if method is None:
            raise Unreadable(f"the layer `{config.get('name')}` is of the kind `{kind}`, which is not read")
        if config.get("data_format", "channels_last") == "channels_first":
            raise Unreadable(f"the layer `{config.get('name')}` takes channels first; only channels last, the default of Keras, is read")
        return method(config, weights, inputs)

    def convolve(self, x, kernel, bias, config, group):
        """`kernel`: out channels x in channels of a group x rows x columns."""
        strides, dilation = pair(config.get("strides", 1)), pair(config.get("dilation_rate", 1))
        pads, sizes = padding_of(config, x.shape, kernel.shape[2:], strides, dilation)
        inputs = [x.name, self.graph.constant(kernel)]
        if bias is not None:
            inputs.append(self.graph.constant(bias))
        return self.graph.node(
            "Conv", inputs, [kernel.shape[0], *sizes], strides=strides, dilations=dilation, pads=pads, group=group,
            kernel_shape=list(kernel.shape[2:]),
        )

    def layer_conv2d(self, config, weights, inputs):
        kernel, bias = weights[0], weights[1] if config.get("use_bias", True) else None
        x = self.convolve(inputs[0], kernel.transpose(3, 2, 0, 1), bias, config, config.get("groups", 1))
        return self.activation(config.get("activation"), x)

    def depthwise(self, x, kernel, bias, config):
        rows, columns, channels, multiplier = kernel.shape
        kernel = kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, rows, columns)
        return self.convolve(x, kernel, bias, config, channels)

    def layer_depthwiseconv2d(self, config, weights, inputs):
        x = self.depthwise(inputs[0], weights[0], weights[1] if config.get("use_bias", True) else None, config)
        return self.activation(config.get("activation"), x)

    def layer_separableconv2d(self, config, weights, inputs):
        x = self.depthwise(inputs[0], weights[0], None, config)
        bias = weights[2] if config.get("use_bias", True) else None
        x = self.convolve(x, weights[1].transpose(3, 2, 0, 1), bias, {"padding": "valid"}, 1)
        return self.activation(config.get("activation"), x)

    def layer_batchnormalization(self, config, weights, inputs):
        x, rest = inputs[0], list(weights)
        axis = config.get("axis", -1)
        if (axis[0] if isinstance(axis, list) else axis) not in (-1, len(x.shape)):
            raise Unreadable(f"the layer `{config['name']}` normalises another axis than the last")
        channels = rest[-1].shape[0]
        gamma = rest.pop(0) if config.get("scale", True) else np.ones(channels, np.float32)
        beta = rest.pop(0) if config.get("center", True) else np.zeros(channels, np.float32)
        names = [self.graph.constant(array) for array in (gamma, beta, rest[0], rest[1])]
        return self.graph.node("BatchNormalization", [x.name, *names], x.shape, epsilon=float(config.get("epsilon", 1e-3)))

    def layer_activation(self, config, _weights, inputs):
        return self.activation(config["activation"], inputs[0])

    def layer_relu(self, config, _weights, inputs):
        return self.activation("relu", inputs[0], config)

    def layer_leakyrelu(self, config, _weights, inputs):
        slope = float(config.get("negative_slope", config.get("alpha", 0.3)))
        return self.graph.node("LeakyRelu", [inputs[0].name], inputs[0].shape, alpha=slope)

    def layer_softmax(self, config, _weights, inputs):
        if config.get("axis", -1) not in (-1, 1):
            raise Unreadable(f"the layer `{config['name']}` takes a softmax along another axis than the last")
        return self.activation("softmax", inputs[0])

    def layer_dense(self, config, weights, inputs):
        x = inputs[0]
        if len(x.shape) != 1:
            raise Unreadable(f"the dense layer `{config['name']}` takes an image; only flat numbers are read")
        operands = [x.name, self.graph.constant(weights[0])]
        if config.get("use_bias", True):
            operands.append(self.graph.constant(weights[1]))
        x = self.graph.node("Gemm", operands, [weights[0].shape[1]])
        return self.activation(config.get("activation"), x)

    def layer_add(self, _config, _weights, inputs):
        return self.folded("Add", inputs)

    def layer_multiply(self, _config, _weights, inputs):
        return self.folded("Mul", inputs)

    def folded(self, operator, inputs):
        x = inputs[0]
        for other in inputs[1:]:
            shape = [max(a, b) for a, b in zip(x.shape, other.shape)]
            x = self.graph.node(operator, [x.name, other.name], shape)
        return x

    def layer_concatenate(self, config, _weights, inputs):
        if config.get("axis", -1) not in (-1, len(inputs[0].shape)):
            raise Unreadable(f"the layer `{config['name']}` joins along another axis than the last")
        channels = sum(x.shape[0] for x in inputs)
        return self.graph.node("Concat", [x.name for x in inputs], [channels, *inputs[0].shape[1:]], axis=1)

    def layer_zeropadding2d(self, config, _weights, inputs):
        (top, bottom), (left, right) = [pair(side) for side in pair(config.get("padding", 1))]
        channels, rows, columns = inputs[0].shape
        pads = self.graph.constant(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
        return self.graph.node("Pad", [inputs[0].name, pads], [channels, rows + top + bottom, columns + left + right], mode="constant")

    def pooled(self, operator, config, inputs, **attributes):
        x, kernel = inputs[0], pair(config.get("pool_size", 2))
        strides = pair(config["strides"]) if config.get("strides") else kernel
        pads, sizes = padding_of(config, x.shape, kernel, strides)
        return self.graph.node(operator, [x.name], [x.shape[0], *sizes], kernel_shape=kernel, strides=strides, pads=pads, **attributes)

    def layer_maxpooling2d(self, config, _weights, inputs):
        return self.pooled("MaxPool", config, inputs)

    def layer_averagepooling2d(self, config, _weights, inputs):
        return self.pooled("AveragePool", config, inputs, count_include_pad=0)

    def over_the_image(self, operator, config, inputs):
        x = self.graph.node(operator, [inputs[0].name], [inputs[0].shape[0], 1, 1])
        return x if config.get("keepdims") else self.graph.node("Flatten", [x.name], [x.shape[0]], axis=1)

    def layer_globalaveragepooling2d(self, config, _weights, inputs):
        return self.over_the_image("GlobalAveragePool", config, inputs)

    def layer_globalmaxpooling2d(self, config, _weights, inputs):
        return self.over_the_image("GlobalMaxPool", config, inputs)

    def layer_flatten(self, _config, _weights, inputs):
        return self.dense_last(inputs[0])

    def layer_rescaling(self, config, _weights, inputs):
        x = inputs[0]
        spread = lambda value: np.asarray(value, np.float32).reshape([1, -1] + [1] * (len(x.shape) - 1))
        x = self.graph.node("Mul", [x.name, self.graph.constant(spread(config["scale"]))], x.shape)
        return self.graph.node("Add", [x.name, self.graph.constant(spread(config.get("offset", 0.0)))], x.shape)

    def model(self, kind, config, weights, inputs):
        """A network, or one inside another: `weights` gives the arrays of a layer by its name."""
        if kind == "Sequential":
            x = inputs[0]
            for layer in config["layers"] if isinstance(config, dict) else config:
                if layer["class_name"] != "InputLayer":
                    x = self.call(layer, weights, [x])
            return x
        known = {}
        names = [reference[0] for reference in references(config["input_layers"])]
        known.update(zip(names, inputs))
        waiting = [layer for layer in config["layers"] if name_of(layer) not in known]
        while waiting:
            ready = [layer for layer in waiting if all(name in known for name in sources(layer))]
            if not ready:
                raise Unreadable(f"the inputs of `{name_of(waiting[0])}` come from nowhere")
            for layer in ready:
                if len(layer["inbound_nodes"]) > 1:
                    raise Unreadable(f"the layer `{name_of(layer)}` is used several times; that is not read")
                known[name_of(layer)] = self.call(layer, weights, [known[name] for name in sources(layer)])
                waiting.remove(layer)
        outputs = [reference[0] for reference in references(config["output_layers"])]
        if len(outputs) != 1:
            raise Unreadable(f"the network has {len(outputs)} outputs; a classifier has one")
        return known[outputs[0]]

    def call(self, layer, weights, inputs):
        kind, config, name = layer["class_name"], layer["config"], name_of(layer)
        if kind in ("Functional", "Model", "Sequential"):
            return self.model(kind, config, lambda inner: weights(name, inner), inputs)
        return self.layer(kind, config, weights(name), inputs)


def name_of(layer):
    return layer.get("name") or layer["config"]["name"]


def references(value):
    """`[name, node, tensor]`, alone or several of them, as Keras 2 and 3 write them."""
    return [value] if value and isinstance(value[0], str) else list(value)


def sources(layer):
    """The names of the layers before a layer."""
    names = []

    def walk(value):
        if isinstance(value, dict):
            if "keras_history" in value.get("config", {}):
                names.append(value["config"]["keras_history"][0])
            else:
                for part in value.values():
                    walk(part)
        elif isinstance(value, list):
            if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int) and isinstance(value[2], int):
                names.append(value[0])
            else:
                for part in value:
                    walk(part)

    for node in layer["inbound_nodes"]:
        walk(node["args"] if isinstance(node, dict) else node)
    return names


def weights_in(file):
    """Gives the arrays of the layer called `outer`, or of the layer `inner` of the model called so, in the order in which Keras keeps them."""
    if "model_weights" not in file:
        raise Unreadable("the file holds weights alone: save the whole model, `model.save('model.h5')`")
    groups = file["model_weights"]

    def arrays(outer, *inner):
        if outer not in groups:
            return []
        names = [name.decode() if isinstance(name, bytes) else name for name in groups[outer].attrs.get("weight_names", [])]
        if inner:
            names = [name for name in names if inner[-1] in name.split("/")[:-1]]
        return [np.asarray(groups[outer][name], dtype=np.float32) for name in names]

    return arrays


def input_shape(config):
    """Rows and columns of the network's input."""
    layers = config["layers"] if isinstance(config, dict) else config
    for layer in layers:
        inner = layer["config"]
        if isinstance(inner, dict):
            shape = inner.get("batch_input_shape") or inner.get("batch_shape")
            if shape:
                break
            if layer["class_name"] in ("Functional", "Model", "Sequential"):
                return input_shape(inner)
    else:
        raise Unreadable("the model does not say how large its input is")
    if len(shape) != 4 or shape[3] != 3:
        raise Unreadable(f"the input is {shape[1:]}; images of three channels are read")
    return shape[1], shape[2]


def convert(path, size=None, swap=False):
    """The ONNX network of a Keras file: its bytes, width, height, number of classes, and whether it ends in a softmax."""
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise Unreadable("the file has no `model_config`: save the whole model, `model.save('model.h5')`")
        text = file.attrs["model_config"]
        whole = json.loads(text.decode() if isinstance(text, bytes) else text)
        config = whole["config"]
        height, width = input_shape(config)
        if height is None or width is None:
            if size is None:
                raise Unreadable("the network takes images of any size: say which it was trained with, `--size 224x224`")
            width, height = size
        graph = Graph()
        x = Tensor("image", [3, height, width])
        if swap:
            x = graph.node("Gather", [x.name, graph.constant(np.array([2, 1, 0], np.int64))], x.shape, axis=1)
        x = Converter(graph).model(whole["class_name"], config, weights_in(file), [x])
    if len(x.shape) != 1:
        raise Unreadable(f"the network gives {x.shape} numbers; a classifier gives one for each class")
    graph.nodes[-1].output[0] = "classes"
    onnx_graph = helper.make_graph(
        graph.nodes, "keras",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, height, width])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["batch", x.shape[0]])],
        graph.initializers,
    )
    model = helper.make_model(onnx_graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString(), width, height, x.shape[0], graph.nodes[-1].op_type == "Softmax"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="the Keras file, .h5")
    parser.add_argument("--classes", type=pathlib.Path, required=True, help="a text file, one class in a line, in the order of the outputs")
    parser.add_argument("--as", dest="name", required=True, metavar="NAME@VERSION")
    parser.add_argument("--preprocess", choices=sorted(PREPROCESS), required=True, help="what the training script did to the images")
    parser.add_argument("--size", help="width x height of the input, where the network takes any: 224x224")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the folder of the bundle; must not be there")
    args = parser.parse_args()
    name, _, version = args.name.partition("@")
    classes = [line.strip() for line in args.classes.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    mean, std, swap = PREPROCESS[args.preprocess]
    size = tuple(int(side) for side in args.size.split("x")) if args.size else None
    network, width, height, outputs, softmax = convert(args.model, size, swap)
    if outputs != len(classes):
        raise Unreadable(f"the network has {outputs} outputs, and {args.classes} lists {len(classes)} classes")
    args.out.mkdir(parents=True)
    (args.out / "model.onnx").write_bytes(network)
    notes = {
        "name": name, "version": version or "1", "architecture": "keras",
        "input": {"width": width, "height": height, "resize": "squash", "mean": mean, "std": std},
        "output": "probabilities" if softmax else "logits", "classes": classes, "onnx": "model.onnx",
        "training": {"converted_from": args.model.name, "preprocess": args.preprocess},
    }
    # JSON is YAML.
    (args.out / "model.yaml").write_text(json.dumps(notes, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{args.out}: {outputs} classes, {width} x {height} pixels. Next: trapline model add {args.out}", file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except (Unreadable, OSError) as error:
        sys.exit(f"error: {error}")
