# SPDX-License-Identifier: MIT
"""The nets of the zoo in PyTorch, with the same parameter names: VGG-16 and the ResNets as
torchvision builds them, PreActResNet-18 as pytorch-cifar and BackdoorBench do. To add one: a class
and a row in NETS here, `make_golden.py NET`, and rows in test_golden.c, ../bench/sizes.py and
../bench/meson.build."""
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


class CnnBn(nn.Module):
    """--net cnn-bn"""

    def __init__(self, height, width, channels, classes):
        super().__init__()
        for number, inputs, outputs in (1, channels, 32), (2, 32, 32), (3, 32, 64), (4, 64, 64):
            setattr(self, f"conv{number}", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
            setattr(self, f"bn{number}", nn.BatchNorm2d(outputs))
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        flat = 64 * (height // 4) * (width // 4)
        self.fc1, self.drop5 = nn.Linear(flat, 512), nn.Dropout(0.2)
        self.fc2 = nn.Linear(512, classes)

    def forward(self, x):
        x = x * (1 / 255)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.pool(self.relu(self.bn2(self.conv2(x))))
        x = self.relu(self.bn3(self.conv3(x)))
        x = self.pool(self.relu(self.bn4(self.conv4(x))))
        x = self.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc2(self.drop5(x))


class LeNet5(nn.Module):
    """--net lenet5"""

    def __init__(self, height, width, channels, classes):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, 6, 5), nn.Conv2d(6, 16, 5)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        flat = 16 * (((height - 4) // 2 - 4) // 2) * (((width - 4) // 2 - 4) // 2)
        self.fc1, self.fc2 = nn.Linear(flat, 120), nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x):
        x = x * (1 / 255)
        x = self.pool(self.relu(self.conv1(x)))
        x = self.pool(self.relu(self.conv2(x)))
        x = self.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc3(self.relu(self.fc2(x)))


class Vgg16(nn.Module):
    """--net vgg16: torchvision's vgg16_bn, but for the sizes of the dense layers and no pooling
    before them."""

    def __init__(self, height, width, channels, classes):
        super().__init__()
        layers = []
        for width_or_pool in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0,
                              512, 512, 512, 0):
            if width_or_pool == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [nn.Conv2d(channels, width_or_pool, 3, padding=1),
                       nn.BatchNorm2d(width_or_pool), nn.ReLU()]
            channels = width_or_pool
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512 * (height // 32) * (width // 32), 512), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, classes))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x * (1 / 255)), 1))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                            nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet34(nn.Module):
    """--net resnet34: torchvision's resnet34"""

    blocks = (3, 4, 6, 3)

    def __init__(self, height, width, channels, classes):
        super().__init__()
        self.stem(channels)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        inputs = 64
        for number, outputs, blocks in zip((1, 2, 3, 4), (64, 128, 256, 512), self.blocks):
            layer = []
            for block in range(blocks):
                layer.append(BasicBlock(inputs, outputs, 2 if number > 1 and block == 0 else 1))
                inputs = outputs
            setattr(self, f"layer{number}", nn.Sequential(*layer))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, classes)

    def stem(self, channels):
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.maxpool = nn.MaxPool2d(3, 2, 1)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x * (1 / 255)))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class ResNet34Small(ResNet34):
    """--net resnet34-small"""

    def stem(self, channels):
        self.conv1 = nn.Conv2d(channels, 64, 3, 1, 1, bias=False)
        self.maxpool = nn.Identity()


class ResNet18(ResNet34Small):
    """--net resnet18: torchvision's resnet18, but for the stem"""

    blocks = (2, 2, 2, 2)


class PreActBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.relu = nn.ReLU()
        self.shortcut = None
        if stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))

    def forward(self, x):
        y = self.relu(self.bn1(x))
        skip = x if self.shortcut is None else self.shortcut(y)
        return self.conv2(self.relu(self.bn2(self.conv1(y)))) + skip


class PreActResNet18(nn.Module):
    """--net preact-resnet18"""

    def __init__(self, height, width, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 3, 1, 1, bias=False)
        self.layer1 = nn.Sequential(PreActBlock(64, 64, 1), PreActBlock(64, 64, 1))
        self.layer2 = nn.Sequential(PreActBlock(64, 128, 2), PreActBlock(128, 128, 1))
        self.layer3 = nn.Sequential(PreActBlock(128, 256, 2), PreActBlock(256, 256, 1))
        self.layer4 = nn.Sequential(PreActBlock(256, 512, 2), PreActBlock(512, 512, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(512, classes)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(x * (1 / 255))))))
        return self.linear(torch.flatten(self.avgpool(x), 1))


# Raw pixels [height, width, channels] and batch size of the golden files: small, so that no
# activation need be near a kink (norm_bias: see made.fill_weights).
Golden = collections.namedtuple("Golden", "height width channels batch norm_bias")
Net = collections.namedtuple("Net", "make golden")
CLASSES = 10

NETS = {
    "cnn": Net(Cnn, Golden(28, 28, 1, 8, 0)),
    "cnn-bn": Net(CnnBn, Golden(28, 28, 1, 8, 0)),
    "lenet5": Net(LeNet5, Golden(32, 32, 3, 8, 0)),
    "vgg16": Net(Vgg16, Golden(32, 32, 3, 2, 2)),
    "resnet18": Net(ResNet18, Golden(16, 16, 3, 2, 2)),
    "resnet34": Net(ResNet34, Golden(48, 48, 3, 2, 2)),
    "resnet34-small": Net(ResNet34Small, Golden(16, 16, 3, 2, 2)),
    "preact-resnet18": Net(PreActResNet18, Golden(16, 16, 3, 2, 2)),
}


# torchvision's own nets, for measuring.
TORCHVISION = {"resnet18-large": "resnet18", "mobilenet-v2": "mobilenet_v2",
               "vgg16-bn-large": "vgg16_bn"}


def build(name, size=None):
    """The twin for images of `size`, which has height, width and channels; the golden files' if
    None."""
    if name in TORCHVISION:
        import peers
        return peers.torchvision().models.get_model(TORCHVISION[name], weights=None,
                                                    num_classes=CLASSES)
    size = size or NETS[name].golden
    return NETS[name].make(size.height, size.width, size.channels, CLASSES)


def nchw(images):
    """Converts our NHWC to PyTorch's layout without moving values."""
    return images.permute(0, 3, 1, 2)


def without_dropout(model):
    """The same model, for comparing values: no two programs draw the same numbers."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0
    return model
