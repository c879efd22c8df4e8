from __future__ import annotations

import numpy as np
import pytest

from realtime import Stylizer
from realtime.errors import EngineError
from realtime.frame import Image
from realtime.look import one_style


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer(provider="cpu")


@pytest.mark.parametrize("size", [(480, 640), (479, 641), (64, 64), (17, 101), (16, 16)])
def test_any_size_comes_back_as_it_was(stylizer: Stylizer, photo: Image, size: tuple[int, int]) -> None:
    height, width = size
    image = np.ascontiguousarray(np.resize(photo, (height, width, 3)))
    before = image.copy()
    painted = stylizer.paint(image)
    assert painted.shape == image.shape and painted.dtype == np.uint8
    assert (image == before).all(), "the caller's picture was changed"
    assert np.abs(painted.astype(int) - image).mean() > 5


def test_a_padded_size_is_the_picture_and_not_its_padding(stylizer: Stylizer, photo: Image) -> None:
    whole = stylizer.paint(photo[:256, :256]).astype(float)
    cut = stylizer.paint(photo[:254, :255]).astype(float)
    assert np.abs(whole[:240, :240] - cut[:240, :240]).mean() < 12


def test_every_style_paints_differently(stylizer: Stylizer, photo: Image) -> None:
    pictures = [stylizer.paint(photo, one_style(*entry)).astype(int) for entry in stylizer.library.styles]
    assert len(pictures) >= 4
    for number, one in enumerate(pictures):
        for other in pictures[number + 1 :]:
            assert np.abs(one - other).mean() > 8


def test_strength_goes_from_photo_to_painting(photo: Image) -> None:
    photo = photo[:128, :128]
    distances = []
    for strength in (0.0, 0.5, 1.0):
        with Stylizer(strength=strength, provider="cpu") as stylizer:
            distances.append(np.abs(stylizer.paint(photo).astype(int) - photo).mean())
    assert distances[0] == 0
    assert distances[1] == pytest.approx(distances[2] / 2, rel=0.1)


def test_a_view_and_a_reversed_view_are_fine(stylizer: Stylizer, photo: Image) -> None:
    mirrored = photo[:128, 127::-1]
    assert (stylizer.paint(mirrored) == stylizer.paint(mirrored.copy())).all()


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 3), np.float32),
        np.zeros((8, 64, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused_with_expected_and_got(stylizer: Stylizer, bad: Image) -> None:
    with pytest.raises(ValueError, match=r"expected \[H, W, 3\] uint8 .* got \["):
        stylizer.paint(bad)


def test_cuda_asked_for_and_not_there() -> None:
    from realtime.engine import nvidia_gpus

    if nvidia_gpus():
        pytest.skip("this machine has an NVIDIA GPU")
    with pytest.raises(EngineError, match="no NVIDIA driver found"):
        Stylizer(provider="cuda")


def test_auto_says_why() -> None:
    with Stylizer() as stylizer:
        assert stylizer.provider in ("cpu", "cuda", "coreml", "dml")
        assert stylizer.why


def test_openvino_paints_the_same(stylizer: Stylizer, photo: Image) -> None:
    """In bf16 where the processor has it: a few levels apart, which nobody sees."""
    with Stylizer(provider="openvino") as other:
        assert other.provider == "openvino"
        one, two = stylizer.paint(photo), other.paint(photo)
        assert np.abs(one.astype(int) - two).mean() < 1.5
        before = two.copy()
        other.paint(photo[::-1])
        assert (two == before).all(), "the picture given out was painted over"
