"""Writes small Keras files, an image, and what each network says of it, computed the plain way.

usage: python keras_network.py FOLDER
"""

import json
import pathlib
import struct
import sys
import zlib

import h5py
import numpy as np

HEIGHT, WIDTH, CLASSES = 13, 18, 3
chance = np.random.default_rng(7)


def draw(*shape):
    return chance.normal(0, 0.5, shape).astype(np.float32)


# The plain way: loops over channels-last arrays.


def padded(x, kernel, stride, same):
    if not same:
        return x, [(size - side) // step + 1 for size, side, step in zip(x.shape, kernel, stride)]
    out = [-(-size // step) for size, step in zip(x.shape, stride)]
    total = [max((o - 1) * s + k - size, 0) for o, s, k, size in zip(out, stride, kernel, x.shape)]
    pads = [(t // 2, t - t // 2) for t in total] + [(0, 0)]
    return np.pad(x, pads), out


def conv(x, kernel, bias, stride=(1, 1), same=True):
    x, out = padded(x, kernel.shape, stride, same)
    result = np.zeros((*out, kernel.shape[3]), np.float64)
    for row in range(out[0]):
        for column in range(out[1]):
            part = x[row * stride[0]:row * stride[0] + kernel.shape[0], column * stride[1]:column * stride[1] + kernel.shape[1]]
            result[row, column] = np.einsum("ijc,ijco->o", part, kernel) + bias
    return result


def depthwise(x, kernel, bias):
    x, out = padded(x, kernel.shape, (1, 1), True)
    result = np.zeros((*out, kernel.shape[2]), np.float64)
    for row in range(out[0]):
        for column in range(out[1]):
            part = x[row:row + kernel.shape[0], column:column + kernel.shape[1]]
            result[row, column] = np.einsum("ijc,ijc->c", part, kernel[..., 0]) + bias
    return result


def max_pool(x, kernel, stride):
    rows, columns = [(size - kernel) // stride + 1 for size in x.shape[:2]]
    take = lambda r, c: x[r * stride:r * stride + kernel, c * stride:c * stride + kernel].max(axis=(0, 1))
    return np.array([[take(r, c) for c in range(columns)] for r in range(rows)])


def norm(x, gamma, beta, mean, variance, epsilon):
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


relu = lambda x: np.maximum(x, 0)


# Files as Keras writes them.


def layer(kind, name, before, keras3=False, **config):
    inbound = []
    if before:
        if keras3:
            tensor = lambda source: {"class_name": "__keras_tensor__", "config": {"shape": [None], "dtype": "float32", "keras_history": [source, 0, 0]}}
            tensors = [tensor(source) for source in before]
            inbound = [{"args": [tensors if len(tensors) > 1 else tensors[0]], "kwargs": {}}]
        else:
            inbound = [[[source, 0, 0, {}] for source in before]]
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": inbound}


def save(path, kind, config, weights):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": kind, "config": config})
        groups = file.create_group("model_weights")
        for name, arrays in weights.items():
            group = groups.create_group(name)
            group.attrs["weight_names"] = [f"{key}:0".encode() for key, _ in arrays]
            for key, array in arrays:
                group.create_dataset(f"{key}:0", data=array)


def residual(folder, image, keras3):
    """The parts of a ResNet and of a MobileNet, as a functional model."""
    k1, b1, k2, b2, kd, bd = draw(3, 3, 3, 4), draw(4), draw(1, 1, 4, 4), draw(4), draw(3, 3, 4, 1), draw(4)
    gamma, beta, mean, variance = draw(4), draw(4), draw(4), np.abs(draw(4)) + 0.5
    dense, bias = draw(8, CLASSES), draw(CLASSES)
    part = lambda *args, **config: layer(*args, keras3=keras3, **config)
    shape = "batch_shape" if keras3 else "batch_input_shape"
    layers = [
        part("InputLayer", "input_1", [], **{shape: [None, HEIGHT, WIDTH, 3]}),
        part("ZeroPadding2D", "pad", ["input_1"], padding=[[2, 1], [1, 2]]),
        part("Conv2D", "conv", ["pad"], strides=[2, 2], padding="same", use_bias=True, activation="linear"),
        part("BatchNormalization", "norm", ["conv"], axis=[3], epsilon=1.001e-5, scale=True, center=True),
        part("Activation", "relu", ["norm"], activation="relu"),
        part("Conv2D", "point", ["relu"], strides=[1, 1], padding="valid", use_bias=True, activation="relu"),
        part("Add", "add", ["point", "relu"]),
        part("DepthwiseConv2D", "depth", ["add"], padding="same", use_bias=True, activation={"class_name": "ReLU", "config": {"max_value": 6.0}} if keras3 else "relu6"),
        part("Concatenate", "both", ["depth", "add"], axis=-1),
        part("MaxPooling2D", "pool", ["both"], pool_size=[3, 3], strides=[2, 2], padding="valid"),
        part("Dropout", "drop", ["pool"], rate=0.5),
        part("GlobalAveragePooling2D", "mean", ["drop"]),
        part("Dense", "classes", ["mean"], use_bias=True, activation="softmax"),
    ]
    layers = layers[::-1]  # the order in the file means nothing
    ends = {"input_layers": [["input_1", 0, 0]], "output_layers": [["classes", 0, 0]]}
    weights = {
        "conv": [("conv/kernel", k1), ("conv/bias", b1)],
        "norm": [("norm/gamma", gamma), ("norm/beta", beta), ("norm/moving_mean", mean), ("norm/moving_variance", variance)],
        "point": [("point/kernel", k2), ("point/bias", b2)],
        "depth": [("depth/depthwise_kernel", kd), ("depth/bias", bd)],
        "classes": [("classes/kernel", dense), ("classes/bias", bias)],
    }
    name = "residual3" if keras3 else "residual"
    save(folder / f"{name}.h5", "Functional", {"name": "m", "layers": layers, **ends}, weights)
    x = np.pad(image, [(2, 1), (1, 2), (0, 0)])
    x = relu(norm(conv(x, k1, b1, (2, 2)), gamma, beta, mean, variance, 1.001e-5))
    x = relu(conv(x, k2, b2, same=False)) + x
    x = np.concatenate([np.clip(depthwise(x, kd, bd), 0, 6), x], axis=2)
    x = max_pool(x, 3, 2).mean(axis=(0, 1))
    return name, softmax(x @ dense + bias)


def nested(folder, image):
    """A base inside a Sequential, flattened rows first, as transfer learning leaves it."""
    kernel, bias = draw(5, 5, 3, 2), draw(2)
    base = {
        "name": "base",
        "layers": [
            layer("InputLayer", "input_2", [], batch_input_shape=[None, HEIGHT, WIDTH, 3]),
            layer("Rescaling", "scale", ["input_2"], scale=2.0, offset=-1.0),
            layer("Conv2D", "conv", ["scale"], strides=[3, 3], padding="valid", use_bias=True, activation="tanh"),
        ],
        "input_layers": [["input_2", 0, 0]],
        "output_layers": [["conv", 0, 0]],
    }
    rows, columns = (HEIGHT - 5) // 3 + 1, (WIDTH - 5) // 3 + 1
    dense = draw(rows * columns * 2, CLASSES)
    layers = [
        {"class_name": "Functional", "config": base},
        {"class_name": "Flatten", "config": {"name": "flat"}},
        {"class_name": "Dense", "config": {"name": "classes", "use_bias": False, "activation": "linear"}},
    ]
    weights = {"base": [("conv/kernel", kernel), ("conv/bias", bias)], "classes": [("classes/kernel", dense)]}
    save(folder / "nested.h5", "Sequential", {"name": "s", "layers": layers}, weights)
    x = np.tanh(conv(2 * image - 1, kernel, bias, (3, 3), same=False))
    return "nested", softmax(x.reshape(-1) @ dense)


def png(pixels):
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def main():
    folder = pathlib.Path(sys.argv[1])
    pixels = chance.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    (folder / "image.png").write_bytes(png(pixels))
    image = pixels.astype(np.float64) / 255
    swapped = pixels[..., ::-1] - np.array([103.939, 116.779, 123.68])
    expected = {}
    for name, numbers in (residual(folder, image, False), residual(folder, image, True), nested(folder, image)):
        expected[name] = ("unit", numbers.tolist())
    (folder / "classes.txt").write_text("empty\nvole\nstoat\n")
    name, numbers = nested_of_pixels(folder, swapped)
    expected[name] = ("caffe", numbers.tolist())
    save(folder / "lambda.h5", "Sequential", {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"name": "i", "batch_input_shape": [None, 4, 4, 3]}},
        {"class_name": "Lambda", "config": {"name": "own"}},
    ]}, {})
    with h5py.File(folder / "weights.h5", "w") as file:
        file.create_group("conv")
    (folder / "expected.json").write_text(json.dumps(expected))


def nested_of_pixels(folder, pixels):
    """Blue first, as the weights of `ImageNet` that Keras ships expect it."""
    kernel, dense = draw(1, 1, 3, 3) / 100, draw(3, CLASSES)
    layers = [
        {"class_name": "InputLayer", "config": {"name": "i", "batch_input_shape": [None, HEIGHT, WIDTH, 3]}},
        {"class_name": "Conv2D", "config": {"name": "conv", "use_bias": False, "activation": "relu"}},
        {"class_name": "GlobalAveragePooling2D", "config": {"name": "mean"}},
        {"class_name": "Dense", "config": {"name": "classes", "use_bias": False, "activation": "linear"}},
    ]
    save(folder / "blue_first.h5", "Sequential", layers, {"conv": [("conv/kernel", kernel)], "classes": [("classes/kernel", dense)]})
    x = relu(conv(pixels, kernel, np.zeros(3))).mean(axis=(0, 1))
    return "blue_first", softmax(x @ dense)


main()
