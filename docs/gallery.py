"""Write docs/gallery.md: every shipped style on the same pictures, with its figures.

python docs/gallery.py PICTURE...
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from realtime.frame import Image
from realtime.stylizer.library import NETWORKS
from realtime.stylizer.look import one_style
from realtime.stylizer.stylizer import Stylizer

DOCS = Path(__file__).parent
HEIGHT = 300  # pixels of one picture; it is stylized at twice that
HEAD = """# Gallery

Every style at full strength, at a height of 600 pixels, by the shipped models: above the live network, below the wide
one (`--network wide`). The images: the astronaut Eileen Collins (NASA, public domain); a cup of coffee (Rachel
Michetti, CC0); a frame of Big Buck Bunny (Blender Foundation, CC BY 3.0); a frame of "people walking" (Intel IoT sample
videos, CC BY 4.0).

Made by `python docs/gallery.py PICTURE...`. The figures are explained in the [model card](model-card.md).
"""
FIGURES = {"content": "content loss", "style": "style loss", "flicker": "flicker"}


def main() -> None:
    """Write docs/gallery.md and one contact sheet for each style."""
    pictures = [_read(Path(name)) for name in sys.argv[1:]]
    known: dict[str, dict[str, Any]] = tomllib.loads((DOCS.parent / "pretrained/styles.toml").read_text("utf-8"))
    (DOCS / "gallery").mkdir(exist_ok=True)
    sections = [HEAD]
    with Stylizer(provider="cpu") as live, Stylizer(provider="cpu", network="wide") as wide:
        for model, style in live.library.styles:
            other = wide.library.find(style.name)
            rows = [
                [live.stylize(picture, one_style(model, style)) for picture in pictures],
                [wide.stylize(picture, one_style(*other)) for picture in pictures],
            ]
            cv2.imwrite(str(DOCS / f"gallery/{style.name}.jpg"), _sheet(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])
            lines = [f"{style.artist}, {style.year}. `--style {style.name}`"]
            for network in NETWORKS:
                figures = known[style.name].get(network, {})
                lines.append(f"{network}: " + "; ".join(f"{text} {figures.get(key)}" for key, text in FIGURES.items()))
            image = f"![{style.title}](gallery/{style.name}.jpg)"
            sections.append(f"## {style.title}\n\n" + "  \n".join(lines) + f"\n\n{image}\n")
    (DOCS / "gallery.md").write_text("\n".join(sections), encoding="utf-8")


def _read(path: Path) -> Image:
    """Read a picture and resize it to twice HEIGHT."""
    image = cv2.imread(str(path))
    if image is None:
        sys.exit(f"{path}: not a picture that OpenCV reads")
    return _at_height(np.asarray(image, np.uint8), 2 * HEIGHT)


def _at_height(image: Image, height: int) -> Image:
    width = round(image.shape[1] * height / image.shape[0])
    method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def _sheet(rows: list[list[Image]]) -> Image:
    return np.vstack([np.hstack([_at_height(picture, HEIGHT) for picture in row]) for row in rows])


if __name__ == "__main__":
    main()
