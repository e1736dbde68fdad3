# SPDX-License-Identifier: MIT
"""The golden values of tests/unit/test_similarity.c: SSIM as Wang et al. (2004) define it, window by
window in two dimensions, on the images that the test makes. Needs numpy."""
import numpy as np


def made(height, width, channels):
    i = np.arange(height * width * channels, dtype=np.int64)
    a = (i * i * 7 + i * 13) % 256
    b = (a * 3 + i % 50) // 4
    return (x.reshape(height, width, channels).astype(np.float64) for x in (a, b))


def ssim(a, b):
    side = min(11, *a.shape[:2])
    side -= side % 2 == 0
    away = np.arange(side) - side // 2
    window = np.exp(-(away[:, None] ** 2 + away[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for y in range(a.shape[0] - side + 1):
        for x in range(a.shape[1] - side + 1):
            for c in range(a.shape[2]):
                p, q = (i[y:y + side, x:x + side, c] for i in (a, b))
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
                covariance = (window * (p - mp) * (q - mq)).sum()
                values.append((2 * mp * mq + c1) * (2 * covariance + c2)
                              / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return np.mean(values)


for shape in ((32, 30, 3), (28, 28, 1), (8, 13, 1)):
    a, b = made(*shape)
    psnr = 10 * np.log10(255**2 / ((a - b) ** 2).mean())
    print(f"{{{', '.join(map(str, shape))}, {ssim(a, b):.12f}, {psnr:.10f}, "
          f"{int(abs(a - b).max())}}},")
