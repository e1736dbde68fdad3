"""What each net of the zoo is measured on: the height, width and channels of the images, and how
many make a batch. As in meson.build."""
import collections

Size = collections.namedtuple("Size", "height width channels batch")

SIZES = {
    "cnn": Size(28, 28, 1, 128),
    "cnn-bn": Size(28, 28, 1, 64),
    "lenet5": Size(32, 32, 3, 64),
    "vgg16": Size(32, 32, 3, 64),
    "resnet18": Size(32, 32, 3, 64),
    "resnet34": Size(32, 32, 3, 64),
    "resnet34-small": Size(32, 32, 3, 64),
    "preact-resnet18": Size(32, 32, 3, 64),
}
