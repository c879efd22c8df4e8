"""The network of Johnson et al. 2016 as pytorch/examples `fast_neural_style` trains it.

Its checkpoints, one per painting, are widely published. The modules have the same names as there, so that those
weights can be loaded.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class MirroredConv(nn.Module):
    """A convolution with reflection padding, after nearest-neighbour upsampling by `enlarge`."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, enlarge: int = 1) -> None:
        super().__init__()
        self.enlarge, self.margin = enlarge, kernel // 2
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H * enlarge / stride, W * enlarge / stride]."""
        if self.enlarge > 1:
            x = F.interpolate(x, scale_factor=float(self.enlarge), mode="nearest")
        convolved: Tensor = self.conv2d(F.pad(x, [self.margin] * 4, mode="reflect"))
        return convolved


class Residual(nn.Module):
    """A residual block: x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = MirroredConv(channels, channels, 3)
        self.in1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = MirroredConv(channels, channels, 3)
        self.in2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same shape."""
        residual: Tensor = self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))
        return residual + x


class TransformerNet(nn.Module):
    """A network that stylizes photos after one painting."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = MirroredConv(3, 32, 9)
        self.in1 = nn.InstanceNorm2d(32, affine=True)
        self.conv2 = MirroredConv(32, 64, 3, stride=2)
        self.in2 = nn.InstanceNorm2d(64, affine=True)
        self.conv3 = MirroredConv(64, 128, 3, stride=2)
        self.in3 = nn.InstanceNorm2d(128, affine=True)
        self.res1, self.res2, self.res3 = Residual(128), Residual(128), Residual(128)
        self.res4, self.res5 = Residual(128), Residual(128)
        self.deconv1 = MirroredConv(128, 64, 3, enlarge=2)
        self.in4 = nn.InstanceNorm2d(64, affine=True)
        self.deconv2 = MirroredConv(64, 32, 3, enlarge=2)
        self.in5 = nn.InstanceNorm2d(32, affine=True)
        self.deconv3 = MirroredConv(32, 3, 9)

    @property
    def blocks(self) -> list[Residual]:
        """The five residual blocks in order."""
        return [self.res1, self.res2, self.res3, self.res4, self.res5]

    def forward(self, photo: Tensor) -> Tensor:
        """[N, 3, H, W], RGB in 0..255, H and W multiples of 4 -> the same, not yet clamped to 0..255."""
        x = F.relu(self.in1(self.conv1(photo)))
        x = F.relu(self.in2(self.conv2(x)))
        x = F.relu(self.in3(self.conv3(x)))
        for block in self.blocks:
            x = block(x)
        x = F.relu(self.in4(self.deconv1(x)))
        x = F.relu(self.in5(self.deconv2(x)))
        stylized: Tensor = self.deconv3(x)
        return stylized
