"""The image transformation network: one set of convolutions for many styles.

Johnson et al. 2016 (a feed-forward network trained with the perceptual loss) with the conditional
instance normalization of Dumoulin et al. 2017: a style is one row of scales and shifts, and of matrices where the
architecture has them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MULTIPLE = 8  # a frame's height and width must be multiples of MULTIPLE
BEFORE, AFTER = 8, 6  # pixels of reflection padding at a photo's top and left, and at its bottom and right
EPSILON = 1e-5  # added to the variance in every instance normalization, here and in the exported graph
SMALLEST_COARSE_SIDE = 3  # positions; halved they are 2, the fewest that reflection padding by 1 works on


@dataclass(frozen=True)
class Architecture:
    """The shape of a network, which is stored in every checkpoint.

    outer: number of channels of stem and head, at half of the frame's resolution.
    channels: number of channels at a quarter.
    deep: number of channels of the trunk, at an eighth.
    blocks: residual blocks in the trunk.
    coarse: number of channels at a sixteenth, 0 for a network without that level.
    coarse_blocks: residual blocks there.
    matrices: whether every style has matrices of its own that mix the channels of the trunk and of the coarse level.
    normalized_stem: whether the first convolution is normalized too. Where it is not, a runtime fuses it with its ReLU
        and keeps its memory layout, which saves a tenth of the whole network's time on a processor.
    """

    outer: int = 16
    channels: int = 32
    deep: int = 48
    blocks: int = 3
    normalized_stem: bool = True
    coarse: int = 0
    coarse_blocks: int = 2
    matrices: bool = False

    def __post_init__(self) -> None:
        if min(self.outer, self.channels, self.deep, self.blocks, self.coarse_blocks) < 1 or self.coarse < 0:
            raise ValueError(f"not a network's shape: {asdict(self)}")


class ConditionalInstanceNorm(nn.Module):
    """Instance normalization whose scale and shift are mixed from one row per style."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """X [N, C, H, W], style [N, S] -> [N, C, H, W]."""
        variance, mean = torch.var_mean(x.float(), dim=(2, 3), unbiased=False)  # [N, C]
        gain = (style @ self.scale) * torch.rsqrt(variance + EPSILON)
        offset = style @ self.shift - mean * gain
        return x * gain[:, :, None, None].to(x.dtype) + offset[:, :, None, None].to(x.dtype)


class ConvNorm(nn.Module):
    """A convolution with reflection padding, followed by conditional instance normalization.

    Zero padding would be cheaper, but draws a frame around every picture. A convolution that is not normalized has a
    bias and is the same for all styles.
    """

    def __init__(
        self,
        styles: int,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        normalized: bool = True,
    ) -> None:
        super().__init__()
        self.padding = padding
        # A normalization subtracts the mean, and with it any bias.
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=not normalized)
        self.norm = ConditionalInstanceNorm(styles, outputs) if normalized else None

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """[N, inputs, H, W], style [N, S] -> [N, outputs, H', W'].

        H' is (H + 2 padding - kernel) // stride + 1, W' likewise.
        """
        if self.padding:
            x = F.pad(x, [self.padding] * 4, mode="reflect")
        y: Tensor = self.conv(x)
        return y if self.norm is None else self.norm(y, style)


class ResidualBlock(nn.Module):
    """A residual block: x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(styles, channels, channels, 3, padding=1)
        self.second = ConvNorm(styles, channels, channels, 3, padding=1)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """[N, C, H, W], style [N, S] -> the same shape."""
        residual: Tensor = self.second(F.relu(self.first(x, style)), style)
        return x + residual


class StyleMatrix(nn.Module):
    """A mixer of channels, x + M x at each position, whose matrix M is mixed from one matrix per style.

    Unlike scales and shifts, it lets a style combine channels in its own way. The matrices start at 0, where they
    change nothing.
    """

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.zeros(styles, channels, channels))  # [S, to, from]

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """X [N, C, H, W], style [N, S] -> [N, C, H, W]."""
        n, c, h, w = x.shape
        matrix = torch.einsum("ns,sij->nij", style, self.rows).to(x.dtype)
        positions = x.permute(0, 2, 3, 1).reshape(n, h * w, c)  # without a copy in the channels-last layout
        mixed = positions @ matrix.transpose(1, 2)
        return x + mixed.view(n, h, w, c).permute(0, 3, 1, 2)


class CoarseLevel(nn.Module):
    """Residual blocks at a sixteenth of the frame's resolution, whose result is added to the input at an eighth.

    A position has twice the receptive field there as in the trunk, for a quarter of the work.
    """

    def __init__(self, styles: int, architecture: Architecture) -> None:
        super().__init__()
        deep, coarse, blocks = architecture.deep, architecture.coarse, architecture.coarse_blocks
        self.down = ConvNorm(styles, deep, coarse, 3, 2, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(styles, coarse) for _ in range(blocks))
        self.up = ConvNorm(styles, coarse, deep, 3, padding=1)
        # One matrix before the blocks and one after each of them.
        self.matrices = nn.ModuleList(
            StyleMatrix(styles, coarse) for _ in range(blocks + 1 if architecture.matrices else 0)
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """[N, deep, H, W], style [N, S] -> the same shape; H and W may be odd."""
        height, width = x.shape[2:]
        missing = [max(0, SMALLEST_COARSE_SIDE - side) for side in (width, height)]
        y = F.pad(x, [0, missing[0], 0, missing[1]], mode="replicate") if any(missing) else x
        y = F.relu(self.down(y, style))
        for number in range(len(self.blocks) + 1):
            y = self.blocks[number - 1](y, style) if number else y
            y = self.matrices[number](y, style) if self.matrices else y
        return x + _upsample_2x(F.relu(self.up(y, style)))[:, :, :height, :width]


class StyleNetwork(nn.Module):
    """A network that stylizes photos with a mix of styles.

    The decoder convolves before it upsamples, which is a quarter of the work of doing so afterwards. Fine detail comes
    over two skip connections from the encoder, at a quarter and at half of the frame's resolution.
    Upsampling is bilinear, never a transposed convolution or an unconstrained pixel shuffle, so that no grid of dots
    can be learned; nearest-neighbour turns smooth slopes into stairs, and the convolutions after it into lines.
    The last one is nearest-neighbour: x2 and 5x5 to RGB equals a 3x3 convolution to 12 channels at half resolution
    and a pixel shuffle, and that is how it is computed.
    The photo is padded by reflection once, so widely that the encoder's convolutions need no padding of their own, and
    the last two hardly any. The deeper convolutions are padded themselves: at their resolution that is cheap, while an
    equally wide margin of the photo would not be. The normalizations count the margin in.
    """

    def __init__(self, styles: int, architecture: Architecture | None = None) -> None:
        super().__init__()
        self.styles = styles
        self.architecture = architecture or Architecture()
        outer, wide, deep = self.architecture.outer, self.architecture.channels, self.architecture.deep
        self.stem = ConvNorm(styles, 3, outer, 6, 2, normalized=self.architecture.normalized_stem)
        self.down = ConvNorm(styles, outer, wide, 3, 2)
        self.deeper = ConvNorm(styles, wide, deep, 3, 2)
        self.coarse = CoarseLevel(styles, self.architecture) if self.architecture.coarse else None
        self.trunk = nn.ModuleList(ResidualBlock(styles, deep) for _ in range(self.architecture.blocks))
        self.matrix = StyleMatrix(styles, deep) if self.architecture.matrices else None
        self.back = ConvNorm(styles, deep, wide, 3, padding=1)
        self.up = ConvNorm(styles, wide, outer, 3, padding=1)
        self.detail = ConvNorm(styles, outer, outer, 3)
        self.to_rgb = nn.Conv2d(outer, 3, 5)
        with torch.no_grad():  # start near mid-grey, where the sigmoid is steep
            self.to_rgb.weight.mul_(0.1)
            self.to_rgb.bias.zero_()  # type: ignore[union-attr]

    def forward(self, photo: Tensor, style: Tensor) -> Tensor:
        """Stylize a batch.

        photo: [N, 3, H, W], RGB in 0..1, H and W multiples of MULTIPLE.
        style: [N, S], mixing weights of the styles, each row summing to 1.
        Returns [N, 3, H, W], RGB in 0..1.
        """
        photo = F.pad(photo, [BEFORE, AFTER, BEFORE, AFTER], mode="reflect")
        half = F.relu(self.stem(photo, style))  # a margin of 3 at top and left, 2 at bottom and right
        quarter = F.relu(self.down(half, style))  # a margin of 1
        x = F.relu(self.deeper(quarter, style))  # no margin
        if self.coarse is not None:
            x = self.coarse(x, style)
        for block in self.trunk:
            x = block(x, style)
        if self.matrix is not None:
            x = self.matrix(x, style)
        x = quarter[:, :, 1:-1, 1:-1] + _upsample_2x(F.relu(self.back(x, style)))
        x = F.pad(F.relu(self.up(x, style)), [1] * 4, mode="reflect")
        x = half[:, :, 1:, 1:] + _upsample_2x(x)  # a margin of 2
        x = F.relu(self.detail(x, style))  # a margin of 1, after upsampling 2, which the 5x5 convolution removes
        bias = self.to_rgb.bias
        assert bias is not None
        x = F.conv2d(x, shuffled_kernel(self.to_rgb.weight), bias.repeat_interleave(4))
        return torch.sigmoid(F.pixel_shuffle(x, 2).float())


def shuffled_kernel(weight: Tensor) -> Tensor:
    """Return the kernel of a 3x3 convolution that, with a pixel shuffle, equals nearest x2 and a 5x5 convolution.

    weight: [O, I, 5, 5]. Returns [4 * O, I, 3, 3], the channels in the order (O, row, column) of the 2x2 pixels that
    they become, as torch.pixel_shuffle expects them.
    """
    # The pixel at 2y + d reads the rows 2y + d ... 2y + d + 4 of the enlarged image, and each of them is half of its
    # number in the small image.
    row_map = torch.zeros(2, 3, 5, dtype=weight.dtype, device=weight.device)  # [d, row of the 3x3 kernel, of the 5x5]
    for d in range(2):
        for row in range(5):
            row_map[d, (d + row) // 2, row] = 1
    return torch.einsum("oijk,aqj,brk->oabiqr", weight, row_map, row_map).flatten(0, 2)


def _upsample_2x(x: Tensor) -> Tensor:
    """Upsample bilinearly: [N, C, H, W] -> [N, C, 2H, 2W]."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
