"""What a model file computes: its operators, its weights and the row of each style.

The files of one network have these in common, whichever version of the exporter wrote them; versions differ in the
names of tensors, in the order of a row's values, and in small constants. The ONNX package is not needed for reading
them: a graph is a few nested lists of protobuf's fields.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

_GRAPH = 7  # of a ModelProto
_NODE, _INITIALIZER = 1, 5  # of a GraphProto
_OP_TYPE, _ATTRIBUTE = 4, 5  # of a NodeProto
_DIMS, _DATA_TYPE, _TENSOR_NAME, _RAW_DATA = 1, 2, 8, 9  # of a TensorProto
_ITEM_FORMATS = {1: "I", 10: "H"}  # of the data types FLOAT and FLOAT16, as the bits of their values
_MIN_WEIGHTS = 16  # values; smaller tensors are constants of the graph
_STYLE_ROWS = b"styles"  # name of the tensor [S, N] whose rows are the styles
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types

Field = tuple[int, int | bytes]


@dataclass(frozen=True)
class NetworkContent:
    """digest: of the operators and all weights but the styles' rows. rows: the values of each style's row, sorted."""

    digest: str
    rows: tuple[bytes, ...]


def network_content(data: bytes) -> NetworkContent:
    """Return what a model file computes. Raises ValueError if it is not laid out as the exporter writes it."""
    graphs = _bytes_of(data, _GRAPH)
    if len(graphs) != 1:
        raise ValueError("the file has no graph, or more than one")
    digest = hashlib.sha256()
    for node in _bytes_of(graphs[0], _NODE):
        digest.update(repr([field for field in _fields(node) if field[0] in (_OP_TYPE, _ATTRIBUTE)]).encode())
    rows: tuple[bytes, ...] = ()
    weights = []
    for tensor in _bytes_of(graphs[0], _INITIALIZER):
        values, dims = _values(tensor)
        if _bytes_of(tensor, _TENSOR_NAME) == [_STYLE_ROWS]:
            if len(dims) != 2 or not values or dims[0] * dims[1] != len(values):
                raise ValueError("the styles are not stored as rows")
            starts = range(0, len(values), dims[1])
            rows = tuple(array(values.typecode, sorted(values[i : i + dims[1]])).tobytes() for i in starts)
        elif len(values) >= _MIN_WEIGHTS:
            weights.append(hashlib.sha256(repr(dims).encode() + values.tobytes()).hexdigest())
    digest.update(repr(sorted(weights)).encode())
    return NetworkContent(digest.hexdigest(), rows)


def _values(tensor: bytes) -> tuple[array[int], list[int]]:
    """Return the bits of the values of a tensor of floating-point numbers, and its shape; no values of another type."""
    numbers = dict(_fields(tensor))
    dims = [value for number, value in _fields(tensor) if number == _DIMS and isinstance(value, int)]
    data_type, raw = numbers.get(_DATA_TYPE), numbers.get(_RAW_DATA)
    if data_type not in _ITEM_FORMATS or not isinstance(data_type, int) or not isinstance(raw, bytes):
        return array("H"), dims
    values = array(_ITEM_FORMATS[data_type])
    values.frombytes(raw)
    return values, dims


def _bytes_of(message: bytes, wanted: int) -> list[bytes]:
    """Return the values of the fields of that number that are bytes."""
    return [value for number, value in _fields(message) if number == wanted and isinstance(value, bytes)]


def _fields(message: bytes) -> Iterator[Field]:
    """Yield number and value of each field of a protobuf message. Raises ValueError where it is cut short."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        if kind not in (_FIXED64, _BYTES, _FIXED32):
            raise ValueError("a field of an unknown type")
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind, 0)
        if kind == _BYTES:
            size, position = _varint(message, position)
        if position + size > len(message):
            raise ValueError("a field that is cut short")
        yield key >> 3, message[position : position + size]
        position += size


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return a number of variable length, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
    raise ValueError("a number that does not end")
