#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""make_resize.py: writes resized.h beside this script, what Pillow makes of a picture of made values
for tests/unit/test_fit.c."""
import pathlib

from PIL import Image

WIDTH, HEIGHT = 9, 7
FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC,
           "lanczos": Image.LANCZOS}
# Width, height and mode: smaller, larger, one of each, one side as it was.
SIZES = [(4, 3, "L"), (11, 8, "L"), (4, 9, "L"), (9, 2, "L"), (3, 7, "L"), (3, 2, "RGB")]
BOX = (2, 1, 8, 6)


def picture(mode):
    """The values that made() in test_fit.c gives: i·i·7 + i·31, modulo 256; steps and slopes."""
    channels = len(mode)
    values = bytes((i * i * 7 + i * 31) % 256 for i in range(WIDTH * HEIGHT * channels))
    return Image.frombytes(mode, (WIDTH, HEIGHT), values)


def rows():
    for name, resample in FILTERS.items():
        for width, height, mode in SIZES:
            yield name, width, height, mode, 0, picture(mode).resize((width, height), resample)
        cut = picture("RGB").crop(BOX).convert("L").resize((4, 4), resample)
        yield name, 4, 4, "RGB", 1, cut


def main():
    lines = ["/* Written by tests/golden/make_resize.py from Pillow's results. */",
             "/* clang-format off */",
             "static const struct {",
             "    const char *filter;",
             "    size_t width, height;",
             "    size_t from, to; /* channels */",
             "    bool cut;        /* to columns 2 to 8 and rows 1 to 6 */",
             "    uint8_t values[96];",
             "} resized[] = {"]
    for name, width, height, mode, cut, image in rows():
        lines.append(f'    {{"{name}", {width}, {height}, {len(mode)}, {len(image.mode)}, {cut},')
        values = [f"{value}," for value in image.tobytes()]
        for start in range(0, len(values), 18):
            lines.append("     " + ("{" if start == 0 else " ") + " ".join(values[start:start + 18]))
        lines[-1] += "}},"
    lines.append("};")
    lines.append("/* clang-format on */")
    pathlib.Path(__file__).with_name("resized.h").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
