"""Makes the README's picture: the demo's photo, painted in every shipped style.

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
SIDE = 240  # pixels of one picture
ROWS = 3  # of pictures, and how many times larger the photo is


def main() -> None:
    """Write docs/styles.jpg, or the file named."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/styles.jpg"
    photo = cv2.imread(str(ROOT / "realtime/assets/demo.jpg"))
    assert photo is not None
    image = np.asarray(photo, np.uint8)
    with Stylizer(provider="cpu") as stylizer:
        painted = [stylizer.stylize(image, one_style(*entry)) for entry in stylizer.library.styles]
    tiles = [cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in painted]
    tiles += [np.full((SIDE, SIDE, 3), 255, np.uint8)] * (-len(tiles) % ROWS)
    columns = len(tiles) // ROWS
    large = cv2.resize(image, (ROWS * SIDE, ROWS * SIDE), interpolation=cv2.INTER_CUBIC)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    sheet = np.hstack([large, np.vstack(rows)])
    cv2.imwrite(str(target), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
