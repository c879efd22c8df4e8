"""Write docs/styles.jpg, the README's picture: the demo's photo in every shipped style.

python docs/styles_picture.py [OUTPUT]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from realtime.stylizer.look import one_style
from realtime.stylizer.stylizer import Stylizer

ROOT = Path(__file__).parent.parent
TILE_PIXELS = 240  # side of one tile
ROWS = 3  # rows of tiles; the photo is as high as all of them together


def main() -> None:
    """Write docs/styles.jpg, or the file given."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/styles.jpg"
    photo = cv2.imread(str(ROOT / "realtime/assets/demo.jpg"))
    assert photo is not None
    image = np.asarray(photo, np.uint8)
    with Stylizer(provider="cpu") as stylizer:
        stylized = [stylizer.stylize(image, one_style(*entry)) for entry in stylizer.library.styles]
    tiles = [cv2.resize(picture, (TILE_PIXELS, TILE_PIXELS), interpolation=cv2.INTER_AREA) for picture in stylized]
    tiles += [np.full((TILE_PIXELS, TILE_PIXELS, 3), 255, np.uint8)] * (-len(tiles) % ROWS)
    columns = len(tiles) // ROWS
    large = cv2.resize(image, (ROWS * TILE_PIXELS, ROWS * TILE_PIXELS), interpolation=cv2.INTER_CUBIC)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    sheet = np.hstack([large, np.vstack(rows)])
    cv2.imwrite(str(target), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
