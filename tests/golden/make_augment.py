#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""make_augment.py: writes augmented.h beside this script, what SciPy makes of a picture of made values
by Keras's composition of rotation, shift, shear and zoom, for tests/unit/test_augment.c."""
import pathlib

import numpy as np
from scipy import ndimage

SIDE = 6
# Rotation and shear in degrees, shift down the columns and rows in pixels, zoom of each axis.
CASES = [(8, 0, 0, 0, 1, 1), (0, 0.48, -0.31, 0, 1, 1), (0, 0, 0, 12, 1, 1), (0, 0, 0, 0, 0.92, 1.07),
         (-7.5, 0.4, 0.25, 0.3, 1.08, 0.93), (30, -1.5, 2.25, -20, 0.6, 1.4)]


def picture():
    """The values of made() in test_augment.c."""
    return np.array([(i * i * 7 + i * 31) % 256 for i in range(SIDE * SIDE)], float).reshape(SIDE, SIDE)


def matrix(theta, tx, ty, shear, zx, zy):
    """O·R·T·S·Z·O⁻¹ on points (x, y, 1)."""
    t, s, middle = np.deg2rad(theta), np.deg2rad(shear), (SIDE - 1) / 2
    r = np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    moved = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    sheared = np.array([[1, -np.sin(s), 0], [0, np.cos(s), 0], [0, 0, 1]])
    offset = np.array([[1, 0, middle], [0, 1, middle], [0, 0, 1]])
    return offset @ r @ moved @ sheared @ np.diag([zx, zy, 1]) @ np.linalg.inv(offset)


def augmented(case):
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])  # SciPy's points are (row, column)
    a = swap @ matrix(*case) @ swap
    return ndimage.affine_transform(picture(), a[:2, :2], a[:2, 2], order=1, mode="nearest")


def main():
    lines = ["/* SPDX-License-Identifier: MIT */", "/* Written by tests/golden/make_augment.py from SciPy's results. */",
             "/* clang-format off */",
             "static const struct {",
             "    double theta, tx, ty, shear, zx, zy;",
             f"    float values[{SIDE * SIDE}];",
             "} augmented[] = {"]
    for case in CASES:
        lines.append("    {" + ", ".join(str(value) for value in case) + ",")
        for row, values in enumerate(augmented(case)):
            lines.append("     " + ("{" if row == 0 else " ") +
                         " ".join(f"{value:.4f}F," for value in values))
        lines[-1] += "}},"
    lines += ["};", "/* clang-format on */"]
    pathlib.Path(__file__).with_name("augmented.h").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
