"""Draw docs/img/overview.png, the picture in the README, from what `make demo` left in build/demo/.

Run it after `make demo`: .venv/bin/python docs/img/overview.py
The photograph is scikit-image's "camera", CC0 by Lav Varshney.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "build" / "demo"

PHOTO = 400  # edge of a picture, pixels
MARGIN, CAPTION = 24, 60
MIDDLE = 460  # width of the diagram
INK, GREY, PAPER = (30, 34, 42), (120, 126, 138), (255, 255, 255)
BUFFERED, PLAIN, RED = (214, 230, 250), (240, 241, 244), (220, 30, 40)

# Harris's stages, row by row; True where line buffers feed the stage.
STAGES = [
    [("gx  3x3", True), ("gy  3x3", True)],
    [("gxx", False), ("gxy", False), ("gyy", False)],
    [("sxx  3x3", True), ("sxy  3x3", True), ("syy  3x3", True)],
    [("response", False)],
    [("corners  3x3", True)],
]


def font(size):
    """Return the font that Pillow carries."""
    return ImageFont.load_default(size)


def label(draw, center, text, size=15, fill=INK):
    """Write a line of text around a point."""
    draw.text(center, text, font=font(size), fill=fill, anchor="mm")


def diagram(draw, left, top):
    """Draw the stages of the accelerator in a box."""
    draw.rounded_rectangle((left, top, left + MIDDLE, top + PHOTO), 10, outline=GREY, width=2)
    label(draw, (left + MIDDLE / 2, top + 22), "one synchronous core, one pixel a cycle", 15, GREY)
    pitch = (PHOTO - 50) / len(STAGES)
    for row, stages in enumerate(STAGES):
        y = top + 44 + pitch * row
        width = 118
        for column, (name, buffered) in enumerate(stages):
            x = left + MIDDLE / 2 + (column - (len(stages) - 1) / 2) * (width + 20)
            box = (x - width / 2, y, x + width / 2, y + pitch - 26)
            draw.rounded_rectangle(box, 6, fill=BUFFERED if buffered else PLAIN, outline=INK)
            label(draw, (x, (box[1] + box[3]) / 2), name, 16)
        if row + 1 < len(STAGES):
            arrow(draw, (left + MIDDLE / 2, y + pitch - 22), (left + MIDDLE / 2, y + pitch - 4))


def arrow(draw, start, end):
    """Draw an arrow, to the right or downwards."""
    draw.line((*start, *end), fill=INK, width=2)
    x, y = end
    head = [(x - 5, y - 7), (x + 5, y - 7), (x, y)] if start[0] == x else [(x - 8, y - 6), (x - 8, y + 6), (x, y)]
    draw.polygon(head, fill=INK)


def marked(photo, corners):
    """Return the photograph with a red square around every corner."""
    scale = PHOTO / photo.shape[1]
    picture = Image.fromarray(photo).convert("RGB").resize((PHOTO, PHOTO))
    draw = ImageDraw.Draw(picture)
    for y, x in zip(*np.nonzero(corners), strict=True):
        cx, cy = (x + 0.5) * scale, (y + 0.5) * scale
        draw.rectangle((cx - 3, cy - 3, cx + 3, cy + 3), outline=RED)
    return picture


def main():
    """Draw the picture."""
    photo, corners, difference = (np.asarray(Image.open(DEMO / f"{n}.png")) for n in ("input", "output", "difference"))
    width = 2 * PHOTO + MIDDLE + 6 * MARGIN
    canvas = Image.new("RGB", (width, PHOTO + CAPTION + 2 * MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    first, second, third = MARGIN, PHOTO + 3 * MARGIN, PHOTO + MIDDLE + 5 * MARGIN
    canvas.paste(Image.fromarray(photo).convert("RGB").resize((PHOTO, PHOTO)), (first, MARGIN))
    diagram(draw, second, MARGIN)
    canvas.paste(marked(photo, corners), (third, MARGIN))
    for end in (second, third):
        arrow(draw, (end - 2 * MARGIN + 4, MARGIN + PHOTO / 2), (end - 4, MARGIN + PHOTO / 2))
    caption = MARGIN + PHOTO + 22
    label(draw, (first + PHOTO / 2, caption), "a photograph, padded by software that Halide compiled")
    label(draw, (second + MIDDLE / 2, caption), "apps/harris.py as hardware (blue: fed by line buffers)")
    wrong = np.count_nonzero(difference)
    label(
        draw, (third + PHOTO / 2, caption), f"{np.count_nonzero(corners)} corners, as the simulated Verilog found them"
    )
    label(draw, (third + PHOTO / 2, caption + 22), f"pixels unlike Halide's: {wrong} of {difference.size}", 15, GREY)
    canvas.save(ROOT / "docs" / "img" / "overview.png", optimize=True)


if __name__ == "__main__":
    main()
