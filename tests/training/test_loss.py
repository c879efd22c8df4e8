"""The perceptual loss and its terms."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.errors import TrainingError
from training.loss import (
    CONTENT_LAYER,
    LOSSES,
    STYLE_LAYERS,
    Layers,
    Palette,
    PerceptualLoss,
    gram_matrix,
    relative_error,
    tone_error,
)
from training.vgg import Vgg


def test_gram_matrix_is_the_mean_of_channel_products() -> None:
    x = torch.randn(2, 3, 4, 5)
    expected = torch.zeros(2, 3, 3)
    for n in range(2):
        for i in range(3):
            for j in range(3):
                expected[n, i, j] = (x[n, i] * x[n, j]).mean()
    torch.testing.assert_close(gram_matrix(x), expected)


def test_gram_matrix_has_the_gradient_of_autograd() -> None:
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    uneven = torch.randn(3, 3, dtype=torch.float64)  # so that the gradient is not symmetric
    torch.autograd.backward((gram_matrix(x).double() * uneven).sum())
    gradient, x.grad = x.grad, None
    flat = x.permute(0, 2, 3, 1).reshape(2, 20, 3)
    torch.autograd.backward(((flat.transpose(1, 2) @ flat) / 20 * uneven).sum())
    torch.testing.assert_close(gradient, x.grad, rtol=1e-5, atol=1e-6)


def test_relative_error_is_independent_of_scale() -> None:
    a, b = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(relative_error(a * 1000, b * 1000), relative_error(a, b))
    assert relative_error(b, b).tolist() == [0, 0]
    torch.testing.assert_close(relative_error(torch.zeros_like(b), b), torch.ones(2))


def test_tone_error_is_0_for_paler_photos_and_2_for_negatives() -> None:
    photo = torch.rand(1, 3, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert tone_error(photo, photo).item() == pytest.approx(0, abs=1e-2)
    assert tone_error(0.2 + 0.3 * photo, photo).item() == pytest.approx(0, abs=3e-2)
    assert tone_error(1 - photo, photo).item() == pytest.approx(2, abs=3e-2)


def test_palette_error_counts_colours_of_small_areas_but_not_their_position() -> None:
    """A tenth of the painting is yellow."""
    blue, yellow = torch.tensor([0.1, 0.2, 0.6]), torch.tensor([0.9, 0.8, 0.1])
    painting = blue.view(1, 3, 1, 1).repeat(1, 1, 40, 40)
    painting[:, :, :4] = yellow.view(1, 3, 1, 1)
    without = blue.view(1, 3, 1, 1).repeat(1, 1, 40, 40)
    palette = Palette([without, painting])
    style = torch.tensor([1])
    assert palette.error(painting, style).item() == pytest.approx(0, abs=1e-3)
    assert palette.error(painting.transpose(2, 3), style).item() == pytest.approx(0, abs=1e-3)
    assert palette.error(without, style).item() > 0.3
    assert palette.error(without, torch.tensor([0])).item() == pytest.approx(0, abs=1e-3)


def test_perceptual_loss_is_0_for_the_photo_itself_and_for_the_painting_itself(vgg_file: Path) -> None:
    photo = torch.rand(1, 3, 64, 64)
    loss = PerceptualLoss(Vgg("vgg16", STYLE_LAYERS, vgg_file), [photo, torch.rand(1, 3, 64, 64)])
    same = loss(photo, photo, loss.content(photo), torch.tensor([0]))
    assert same.content.item() == pytest.approx(0, abs=1e-6)
    assert same.style.item() == pytest.approx(0, abs=1e-6)
    other = loss(photo, photo, loss.content(photo), torch.tensor([1]))
    assert other.content.item() == pytest.approx(0, abs=1e-6)
    assert other.style.item() > 1e-4


@pytest.fixture(scope="module")
def pyramid(vgg_file: Path) -> Vgg:
    layers = LOSSES["pyramid"]
    return Vgg("vgg16", layers.all, vgg_file, layers.pooling)


def test_pyramid_is_the_sum_of_its_levels(pyramid: Vgg) -> None:
    torch.manual_seed(0)
    layers, painting, photo, picture = LOSSES["pyramid"], *(torch.rand(1, 3, 64, 72) for _ in range(3))
    loss = PerceptualLoss(pyramid, [torch.rand(1, 3, 64, 64), painting], layers)
    losses = loss(picture, photo, loss.content(photo), torch.tensor([1]))

    def halved(image: torch.Tensor, times: int) -> torch.Tensor:
        n, c, h, w = image.shape
        return halved(image.view(n, c, h // 2, 2, w // 2, 2).mean((3, 5)), times - 1) if times else image

    style = torch.zeros(1)
    for level in range(4):
        for layer in ("relu1_1", "relu2_1", "relu3_1", *(["relu4_1"] if level else [])):
            value, target = (pyramid(halved(image, level), (layer,))[layer] for image in (picture, painting))
            style += relative_error(gram_matrix(value), gram_matrix(target))
    torch.testing.assert_close(losses.style, style, rtol=1e-4, atol=1e-5)
    value, target = (pyramid(halved(image, 1), ("relu3_1",))["relu3_1"] for image in (picture, photo))
    torch.testing.assert_close(losses.content, relative_error(value, target), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(losses.tone, tone_error(picture, photo))


def test_pyramid_content_ignores_fine_texture(pyramid: Vgg) -> None:
    loss = PerceptualLoss(pyramid, [torch.rand(1, 3, 64, 64)], LOSSES["pyramid"])
    photo = torch.full((1, 3, 64, 64), 0.5)
    texture = photo + 0.3 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(32, 32)
    scored = loss(texture, photo, loss.content(photo), torch.tensor([0]))
    assert scored.content.item() == pytest.approx(0, abs=1e-6)
    assert loss(photo + 0.2, photo, loss.content(photo), torch.tensor([0])).content.item() > 1e-3


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_loss_accepts_pictures_of_its_smallest_side(vgg_file: Path, name: str) -> None:
    layers = LOSSES[name]
    vgg, side = Vgg("vgg16", layers.all, vgg_file, layers.pooling), layers.smallest
    picture = torch.rand(1, 3, side, side, requires_grad=True)
    loss = PerceptualLoss(vgg, [torch.rand(1, 3, side, side)], layers)
    scored = loss(picture, picture.detach(), loss.content(picture.detach()), torch.tensor([0]))
    torch.autograd.backward(scored.style.sum())
    assert picture.grad is not None and picture.grad.abs().sum() > 0


def test_layers_list_what_vgg_needs_at_every_level() -> None:
    layers = Layers(("relu1_1",), "relu3_1", ("relu2_1",), levels=3)
    assert set(layers.all) == {"relu1_1", "relu2_1", "relu3_1"}
    assert [layers.style_at(level) for level in range(2)] == [("relu1_1",), ("relu1_1", "relu2_1")]
    assert layers.smallest == 32


def test_features_equal_those_of_torchvision(vgg_file: Path) -> None:
    import torchvision
    from safetensors.torch import load_file

    reference = torchvision.models.vgg16(weights=None).features[:23].eval()
    state = {key.removeprefix("features."): value for key, value in load_file(vgg_file).items()}
    reference.load_state_dict(state)
    image = torch.rand(1, 3, 48, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (image - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    expected = {}
    for number, layer in enumerate(reference):
        x = layer(x)
        expected[number] = x.clone()
    features = Vgg("vgg16", STYLE_LAYERS, vgg_file)(image, STYLE_LAYERS)
    for name, number in zip(STYLE_LAYERS, (3, 8, 15, 22), strict=True):
        torch.testing.assert_close(features[name], expected[number], rtol=1e-3, atol=1e-4)
    assert CONTENT_LAYER in features


def test_weights_of_other_shapes_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(1)}, path)
    with pytest.raises(TrainingError, match=r"expected features.0.weight of shape \[64, 3, 3, 3\], got \[1\]"):
        Vgg("vgg16", STYLE_LAYERS, path)
    with pytest.raises(TrainingError, match="no VGG-16 weights at"):
        Vgg("vgg16", STYLE_LAYERS, tmp_path / "missing.safetensors")


def test_finest_level_is_compared_in_a_window_of_the_detail_side(pyramid: Vgg) -> None:
    torch.manual_seed(0)
    layers, painting = LOSSES["pyramid"], torch.rand(1, 3, 64, 64)
    picture = torch.rand(1, 3, 64, 64)
    whole = PerceptualLoss(pyramid, [painting], layers)
    part = PerceptualLoss(pyramid, [painting], layers, detail=64)
    target, style = whole.content(picture), torch.tensor([0])
    same = part(picture, picture, target, style).style
    torch.testing.assert_close(same, whole(picture, picture, target, style).style)
    window = PerceptualLoss(pyramid, [painting], layers, detail=32)
    scores = {round(window(picture, picture, target, style).style.item(), 5) for _ in range(8)}
    assert len(scores) > 1, "the window is another one each time"
    even = picture[:, :, :32, :32].repeat(1, 1, 2, 2).requires_grad_()
    finest = PerceptualLoss(pyramid, [painting], Layers(("relu1_1",), "relu3_1", content_level=1), detail=32)
    losses = finest(even, even.detach(), target, style)
    torch.autograd.backward(losses.style.sum())
    assert even.grad is not None
    assert (even.grad.abs().sum(1) > 0).sum() <= 34 * 34, "pixels outside the window have no influence"


def test_emphasis_multiplies_the_content_error_of_its_positions() -> None:
    value, target = torch.zeros(1, 2, 2, 2), torch.ones(1, 2, 2, 2)
    emphasis = torch.tensor([[5.0, 1.0], [1.0, 1.0]]).view(1, 1, 2, 2)
    assert relative_error(value, target).item() == pytest.approx(1)
    assert relative_error(value, target, emphasis).item() == pytest.approx(2)
