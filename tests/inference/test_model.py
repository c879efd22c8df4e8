"""Reading model files."""

from __future__ import annotations

from realtime.inference.model import Model, Style, _style


def test_artist_is_read_from_new_and_old_key() -> None:
    entry = {"name": "noon", "title": "Midday", "year": 1901}
    expected = Style("noon", 2, "Midday", "A. Painter", "1901")
    assert _style(2, entry | {"artist": "A. Painter"}) == _style(2, entry | {"painter": "A. Painter"}) == expected
    assert expected.label == "Midday · A. Painter"
    assert _style(0, {"name": "dusk"}) == Style("dusk", 0) and Style("dusk", 0).label == "dusk"


def test_shipped_model_names_its_artists(model: Model) -> None:
    assert all(style.artist and style.title and style.year for style in model.styles)
