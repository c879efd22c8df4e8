"""Reading model files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from realtime.errors import ModelError
from realtime.inference.model import Model, Style, _style, read_model
from realtime.stylizer.library import load_library
from realtime.system.paths import shipped_folder


def test_artist_is_read_from_new_and_old_key() -> None:
    entry = {"name": "noon", "title": "Midday", "year": 1901}
    expected = Style("noon", 2, "Midday", "A. Painter", "1901")
    assert _style(2, entry | {"artist": "A. Painter"}) == _style(2, entry | {"painter": "A. Painter"}) == expected
    assert expected.label == "Midday · A. Painter"
    assert _style(0, {"name": "dusk"}) == Style("dusk", 0) and Style("dusk", 0).label == "dusk"


def test_shipped_model_names_its_artists(model: Model) -> None:
    assert all(style.artist and style.title and style.year for style in model.styles)


METADATA = {"realtime_stylize": "1", "styles": json.dumps([{"name": "dusk"}]), "multiple": "8"}
UINT8, FLOAT = onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT
Change = Callable[[onnx.ModelProto], None]


def small_model() -> onnx.ModelProto:
    """Return a model that adds nothing to the image."""
    weight = numpy_helper.from_array(np.zeros((1,), np.float32), "weight")
    nodes = [
        helper.make_node("Cast", ["frame"], ["a"], to=FLOAT),
        helper.make_node("ReduceSum", ["style"], ["b"], keepdims=0),
        helper.make_node("Mul", ["b", "weight"], ["c"]),
        helper.make_node("Add", ["a", "c"], ["d"]),
        helper.make_node("Cast", ["d"], ["painted"], to=UINT8),
    ]
    frame, painted = (helper.make_tensor_value_info(name, UINT8, ["h", "w", 3]) for name in ("frame", "painted"))
    style = helper.make_tensor_value_info("style", FLOAT, [1])
    graph = helper.make_graph(nodes, "g", [frame, style], [painted], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, METADATA)
    return model


def metadata(**changes: str) -> Change:
    return lambda model: helper.set_model_props(model, METADATA | changes)


def styles(*entries: object) -> Change:
    return metadata(styles=json.dumps(entries))


def external_data(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "secret.bin"), ("offset", "0"), ("length", "4")):
        entry = weight.external_data.add()
        entry.key, entry.value = key, value


def loop(model: onnx.ModelProto) -> None:
    types = {"n": onnx.TensorProto.INT64, "go": onnx.TensorProto.BOOL, "go_on": onnx.TensorProto.BOOL}
    n, go, go_on = (helper.make_tensor_value_info(name, kind, []) for name, kind in types.items())
    body = helper.make_graph([helper.make_node("Identity", ["go"], ["go_on"])], "body", [n, go], [go_on])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "true"))
    model.graph.node.insert(0, helper.make_node("Loop", ["", "true"], [], body=body))


def output_type(model: onnx.ModelProto) -> None:
    model.graph.node[-1].attribute[0].i = FLOAT
    model.graph.output[0].type.tensor_type.elem_type = FLOAT


def fixed_size(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 64


BROKEN: dict[str, Change] = {
    "deep JSON": metadata(styles="[" * 100_000),
    "no list": metadata(styles='{"name": "dusk"}'),
    "entry is a text": styles("name"),
    "entry is null": styles(None),
    "name is a list": styles({"name": ["dusk"]}),
    "name is empty": styles({"name": " "}),
    "name of a mix": styles({"name": "a,b:2"}),
    "long title": styles({"name": "dusk", "title": "x" * 100_000}),
    "two names": styles({"name": "dusk"}, {"name": "dusk"}),
    "multiple of terabytes": metadata(multiple="1000000"),
    "multiple is 0": metadata(multiple="0"),
    "multiple of 5,000 digits": metadata(multiple="9" * 5000),
    "external data": external_data,
    "loop": loop,
    "output is no image": output_type,
    "fixed size": fixed_size,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_model_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(bytes(4))
    model = small_model()
    BROKEN[name](model)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError) as caught:
        read_model(tmp_path / "m.onnx")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300 + len(str(tmp_path))


def test_metadata_that_is_not_utf8_is_one_line(tmp_path: Path) -> None:
    data = small_model().SerializeToString().replace(b"dusk", b"\xff\xfe\xfd\xfc")
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(ModelError):
        read_model(tmp_path / "m.onnx")


def test_small_model_is_read_and_its_control_characters_are_replaced(tmp_path: Path) -> None:
    model = small_model()
    styles({"name": "du\x1b[2Jsk", "title": "a\nb", "year": 1901})(model)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    (style,) = read_model(tmp_path / "m.onnx").styles
    assert (style.name, style.title, style.year) == ("du\ufffd[2Jsk", "a\ufffdb", "1901")


def test_endless_file_is_no_model() -> None:
    with pytest.raises(ModelError, match="too large"):
        read_model(Path("/dev/zero"))


def test_broken_model_of_the_user_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model()
    BROKEN["deep JSON"](model)
    (tmp_path / "bad.onnx").write_bytes(model.SerializeToString())
    monkeypatch.setattr("realtime.stylizer.library.user_folder", lambda: tmp_path)
    assert load_library().models[0].path == shipped_folder() / "live.onnx"
