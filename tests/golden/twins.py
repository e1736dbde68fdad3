"""The nets of the zoo in PyTorch, with the same parameter names. To add one: a class and a row in
NETS here, `make_golden.py NET`, and a row in test_golden.c."""
import collections

import torch
from torch import nn


class Cnn(nn.Module):
    """--net cnn"""

    def __init__(self, height, width, channels, classes):
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(channels, 32, 3), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(32, 32, 3), nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.conv3, self.relu3 = nn.Conv2d(32, 64, 3), nn.ReLU()
        self.conv4, self.relu4 = nn.Conv2d(64, 64, 3), nn.ReLU()
        self.pool4 = nn.MaxPool2d(2)
        flat = 64 * (((height - 4) // 2 - 4) // 2) * (((width - 4) // 2 - 4) // 2)
        self.fc1, self.relu5 = nn.Linear(flat, 200), nn.ReLU()
        self.fc2, self.relu6 = nn.Linear(200, 200), nn.ReLU()
        self.fc3 = nn.Linear(200, classes)

    def forward(self, x):
        x = x * (1 / 255)
        x = self.relu1(self.conv1(x))
        x = self.pool2(self.relu2(self.conv2(x)))
        x = self.relu3(self.conv3(x))
        x = self.pool4(self.relu4(self.conv4(x)))
        x = self.relu5(self.fc1(torch.flatten(x, 1)))
        return self.fc3(self.relu6(self.fc2(x)))


# What a net is tested and timed on: raw pixels [height, width, channels], and images at once.
Net = collections.namedtuple("Net", "make height width channels classes golden_batch bench_batch")

NETS = {
    "cnn": Net(Cnn, 28, 28, 1, 10, 8, 128),
}


def build(name):
    net = NETS[name]
    return net.make(net.height, net.width, net.channels, net.classes)


def nchw(images):
    """NHWC, as ours has them, to what PyTorch takes; the values are not moved."""
    return images.permute(0, 3, 1, 2)
