"""The plots that benchmarks draw for the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

Bars = Mapping[str, float]  # values by the name of the bar

OURS_COLOR, OTHERS_COLOR, LOAD_COLOR = "#2f6f9f", "#b9b9b9", "#f3d9c4"
WIDTH_INCHES = 8.0


def draw_bars(path: Path, title: str, panels: Mapping[str, Bars], ours: str = "") -> None:
    """Draw panels of horizontal bars, one below the other.

    panels: the bars, by the quantity with its unit. ours: bars whose name contains it are highlighted.
    """
    heights = [len(rows) + 1 for rows in panels.values()]
    figure, axes = _panels(title, heights, 0.3 * sum(heights) + 0.6)
    for axis, (quantity, rows) in zip(axes, panels.items(), strict=True):
        colors = [OURS_COLOR if ours in name else OTHERS_COLOR for name in rows]
        drawn = axis.barh(list(rows), list(rows.values()), color=colors)
        axis.bar_label(drawn, fmt="{:.4g}", padding=4, fontsize=9)
        axis.invert_yaxis()
        axis.set_xlim(0, 1.12 * max(rows.values()))
        axis.set_title(quantity, fontsize=9, loc="left")
        axis.tick_params(labelsize=9, left=False)
    _save(figure, path)


def draw_timelines(
    path: Path, title: str, seconds: Sequence[float], panels: Mapping[str, Sequence[float]], busy: tuple[float, float]
) -> None:
    """Draw values over time, one panel below the other.

    seconds: the times. panels: a value for each time, by the quantity with its unit. busy: begin and end of the load.
    """
    figure, axes = _panels(title, [1] * len(panels), 1.4 * len(panels) + 0.8)
    for axis, (quantity, values) in zip(axes, panels.items(), strict=True):
        axis.axvspan(*busy, color=LOAD_COLOR, lw=0)
        axis.plot(seconds, values, color=OURS_COLOR, lw=1.2)
        axis.set_ylim(0, 1.1 * max(values))
        axis.set_xlim(0, seconds[-1])
        axis.set_title(quantity, fontsize=9, loc="left")
        axis.tick_params(labelsize=9)
    axes[-1].set_xlabel("seconds; shaded: other programs on every core", fontsize=9)
    _save(figure, path)


def _panels(title: str, heights: Sequence[float], height: float) -> tuple[Any, list[Any]]:
    figure, axes = plt.subplots(
        len(heights), 1, figsize=(WIDTH_INCHES, height), height_ratios=heights, layout="constrained", squeeze=False
    )
    figure.suptitle(title, fontsize=9, x=0.01, ha="left", color="#555555")
    for axis in axes[:, 0]:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes[:, 0])


def _save(figure: Any, path: Path) -> None:
    figure.savefig(str(path), dpi=110)
    plt.close(figure)
    print(f"drew {path}")
