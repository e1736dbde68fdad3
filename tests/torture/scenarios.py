# SPDX-License-Identifier: MIT
"""The commands to test: each runs in an empty folder, beside `in`, the inputs."""

from inputs import CONTROLS, QUICK_SEARCH, TRIGGER


class Scenario:
    """One command.

    name     is unique
    words    the command line, less -q, --threads and --force
    keeps    what a failure may leave, as its message says: patterns of names
    resume   the words that make it go on from that
    parts    it consists of runs that end one after another, each with its files, which are among
             `keeps`; that one of them fails is said at once, and in the end
    drops    what --force takes away before the first part is made anew
    tells    what is done stays, as --help says, and its own outputs tell of a part that failed:
             `keeps` needs no message
    other    words that make other outputs, for those that --force replaces
    """

    def __init__(self, name, words, keeps=(), resume=(), parts=False, drops=(), tells=False, other=("--seed", "9")):
        self.name = name
        self.words = words
        self.keeps = list(keeps)
        self.resume = list(resume)
        self.parts = parts
        self.drops = list(drops)
        self.tells = tells
        self.other = list(other)

    def command(self, *more):
        return [*self.words, "-q", "--threads", "1", *more]


def data():
    for layout in "idx", "cifar", "gtsrb", "npy", "set.npz", "index", "stl10":
        yield Scenario(
            f"import-{layout.removeprefix('set.')}",
            ["trapdoor-data", "import", f"../in/{layout}", "-o", "s", "--json", "r.json"],
        )
    yield Scenario(
        "import-pictures",
        ["trapdoor-data", "import", "../in/pictures", "--size", "8x8", "--shuffle", "-o", "s", "--json", "r.json"],
    )
    yield Scenario(
        "import-part",
        ["trapdoor-data", "import", "../in/set.safetensors", "--classes", "west,0", "--per-class", "3", "-o", "s"],
    )
    yield Scenario(
        "info", ["trapdoor-data", "info", "../in/set.safetensors", "../in/test.safetensors", "--json", "r.json"]
    )
    yield Scenario("info-stdout", ["trapdoor-data", "info", "../in/set.safetensors", "--json", "-"])
    yield Scenario(
        "show", ["trapdoor-data", "show", "../in/set.safetensors", "--count", "4", "-o", "s.png", "--json", "r.json"]
    )
    yield Scenario(
        "show-pair",
        ["trapdoor-data", "show", "../in/set.safetensors", "../in/poisoned/poisoned.safetensors", "--images", "1,2",
         "-o", "s.png"],
    )  # fmt: skip


def poison():
    given = ["--data", "../in/set.safetensors", "--seed", "3", "-o", "p", "--json", "p/r.json"]
    rules = {
        "dirty-label": ["--trigger", TRIGGER, "--target", "1", "--ratio", "0.2"],
        "clean-label": ["--trigger", "sine:delta=20,freq=2", "--target", "3", "--ratio", "0.5"],
        "friendnet": ["--trigger", TRIGGER, "--target", "random", "--ratio", "0.2"],
        "multi-target": ["--trigger", TRIGGER, "--models", "2", "--per-model", "30", "--ratio", "0.2"],
        "label-flip": ["--ratio", "0.2", "--target", "2"],
        "stamp": ["--trigger", TRIGGER],
        "adaptive": ["--trigger", TRIGGER, "--target", "1", "--ratio", "0.1", "--cover-ratio", "0.1"],
        "source-specific": ["--trigger", TRIGGER, "--source", "0", "--target", "1", "--ratio", "0.1", "--cover-ratio", "0.1"],
        "untargeted": ["--trigger", TRIGGER, "--ratio", "0.2"],
    }
    made = ["--model", "../in/m.safetensors", "--target", "1", "--ratio", "0.05"]
    stamped = ["--trigger", TRIGGER, *made, "--steps", "2"]
    rules |= {
        "label-consistent": stamped,
        "narcissus": [*made, "--rounds", "1", "--warm-up", "1"],
        "feature-collision": ["--source", "0", *stamped],
        "gradient-matching": ["--source", "0", *stamped, "--restarts", "1", "--trainings", "1", "--epochs", "1"],
    }
    for rule, words in rules.items():
        yield Scenario(rule, ["trapdoor-poison", rule, *given, *words])
    yield Scenario(
        "target-map",
        ["trapdoor-poison", "dirty-label", *given, "--trigger", TRIGGER, "--target-map", "next", "--ratio", "0.2"],
    )
    yield Scenario(
        "pixel-search",
        ["trapdoor-poison", "dirty-label", *given, "--trigger", "pixel:at=auto,value=255", "--target", "1",
         "--ratio", "0.2"],
    )  # fmt: skip


def models():
    yield Scenario(
        "model-import",
        ["trapdoor-model", "import", "../in/state.pth", "--net", "../in/torch.net", "-o", "m", "--json", "r.json"],
    )
    yield Scenario("model-info", ["trapdoor-model", "info", "../in/m.safetensors", "--json", "r.json"])
    yield Scenario(
        "model-export",
        ["trapdoor-model", "export", "../in/m.safetensors", "--data", "../in/test.safetensors", "-o", "m.onnx", "--json",
         "r.json"],
    )  # fmt: skip
    yield Scenario(
        "model-compare",
        ["trapdoor-model", "compare", "../in/m.safetensors", "../in/n.safetensors", "--data", "../in/test.safetensors",
         "--json", "r.json"],
    )  # fmt: skip
    yield Scenario("model-show-net", ["trapdoor-model", "show-net", "lenet5", "--json", "r.json"])
    yield Scenario(
        "train",
        ["trapdoor-train", "--data", "../in/set.safetensors::0-20", "--net", "../in/tiny.net", "--epochs", "2",
         "-o", "m", "--json", "r.json"],
        keeps=["m.checkpoint"],
        resume=["--resume"],
    )  # fmt: skip
    # Epochs that are long enough for the previous checkpoint to be written meanwhile.
    yield Scenario(
        "train-on",
        ["trapdoor-train", "--data", "../in/set.safetensors", "--net", "../in/tiny.net", "--epochs", "4", "--batch", "1",
         "-o", "m"],
        keeps=["m.checkpoint"],
        resume=["--resume"],
    )  # fmt: skip
    yield Scenario(
        "train-from",
        ["trapdoor-train", "--data", "../in/set.safetensors::0-20", "--from", "../in/m.safetensors", "--epochs", "1",
         "--augment", "shift=1,flip", "--freeze", "conv*", "--validate", "../in/test.safetensors::0-8",
         "--watch-trigger", TRIGGER, "--target", "3", "--schedule", "cosine", "-o", "m"],
        keeps=["m.checkpoint"],
        resume=["--resume"],
    )  # fmt: skip
    yield Scenario(
        "train-adversarial",
        ["trapdoor-train", "--data", "../in/set.safetensors::0-20", "--net", "../in/tiny.net", "--epochs", "1",
         "--adversarial", "0.1", "--adversarial-steps", "2", "-o", "m"],
        keeps=["m.checkpoint"],
        resume=["--resume"],
    )  # fmt: skip
    yield Scenario(
        "train-abl",
        ["trapdoor-train", "--data", "../in/poisoned/poisoned.safetensors", "--net", "../in/tiny.net", "--defence",
         "abl", "--isolate-epochs", "1", "--epochs", "1", "--unlearn-epochs", "1", "--isolate", "0.1", "-o", "m",
         "--json", "r.json"],
        keeps=["m.checkpoint"],
    )  # fmt: skip
    measured = ["--model", "../in/m.safetensors", "--data", "../in/test.safetensors"]
    yield Scenario(
        "eval",
        ["trapdoor-eval", *measured, "--model", "../in/n.safetensors", "--trigger", TRIGGER, "--target", "3",
         "--best", "2", "--scores", "1", "--json", "r.json"],
    )  # fmt: skip
    yield Scenario(
        "eval-pictures",
        ["trapdoor-eval", *measured, "--manifest", "../in/poisoned/manifest.json", "--strength", "0.5",
         "--pictures", "p", "--json", "r.json"],
    )  # fmt: skip
    model = ["--model", "../in/m.safetensors"]
    yield Scenario(
        "hijack",
        ["trapdoor-implant", "hijack", *model, "--target", "1", "--size", "3", "--images", "2", "--image-steps", "2",
         "--copies", "1", "--trigger-steps", "20", "--epochs", "1", "--goal", "1", "--test",
         "../in/test.safetensors", "-o", "m", "--json", "r.json"],
    )  # fmt: skip
    yield Scenario(
        "trojannet",
        ["trapdoor-implant", "trojannet", *model, "--target", "1", "--steps", "100", "--triggers", "t", "-o", "m",
         "--json", "r.json"],
    )  # fmt: skip
    yield Scenario(
        "pruning-aware",
        ["trapdoor-implant", "pruning-aware", "--data", "../in/set.safetensors", "--net", "../in/tiny.net",
         "--epochs", "1", "--trigger", TRIGGER, "--target", "1", "-o", "m", "--json", "r.json"],
    )  # fmt: skip
    trained = ["--data", "../in/set.safetensors", "--epochs", "1", "--target", "1", "--test", "../in/test.safetensors",
               "-o", "m", "--json", "r.json"]  # fmt: skip
    net = ["--net", "../in/tiny.net"]
    for name, extra in {
        "wanet": net,
        "bpp": net,
        "blind": [*net, "--trigger", TRIGGER, "--window", "1", "--begin-below", "9"],
        "imc": net,
        "latent": ["--from", "../in/m.safetensors", "--size", "3", "--mark-epochs", "1"],
        "input-aware": [*net, "--mask-epochs", "1"],
        "lira": net,
        "evade": [*net, "--trigger", TRIGGER, "--clean", "../in/m.safetensors", "--clean", "../in/n.safetensors"],
    }.items():
        yield Scenario(name, ["trapdoor-implant", name, *trained, *extra])
    for name, extra in {
        "sra": ["--size", "3", "--epochs", "1", "--goal", "0.001", "--clean-weight", "0"],
        "tbt": ["--size", "3", "--trigger-steps", "1", "--steps", "2"],
    }.items():
        yield Scenario(
            name,
            ["trapdoor-implant", name, *model, "--target", "1", "--data", "../in/set.safetensors", *extra, "-o", "m",
             "--json", "r.json"],
        )  # fmt: skip


def evade():
    few = {
        "fgsm": [],
        "bim": ["--steps", "2"],
        "pgd": ["--steps", "2"],
        "deepfool": [],
        "cw-l2": ["--iterations", "2", "--binary-search", "2"],
        "cw-l0": ["--iterations", "2"],
        "cw-linf": ["--iterations", "2"],
        "jsma": [],
        "one-pixel": ["--population", "4", "--generations", "1"],
    }
    for method, words in few.items():
        yield Scenario(
            method,
            ["trapdoor-evade", method, "--model", "../in/m.safetensors", "--data", "../in/test.safetensors::0-4",
             *words, "--picture", "s.png", "-o", "s", "--json", "r.json"],
            keeps=["s.checkpoint"],
            resume=["--resume"],
        )  # fmt: skip


def defend():
    model = ["--model", "../in/models/backdoored/square.safetensors"]
    clean = ["--clean", "../in/test.safetensors::0-40"]
    suspect = ["--benign", "../in/test.safetensors::40-50", "--suspect", "../in/stamped/stamped.safetensors::0-10"]
    many = ["--clean", "../in/test.safetensors::0-80"]
    judged = ["--test", "../in/test.safetensors::80-100", "--trigger", TRIGGER, "--target", "3"]
    record = ["--json", "r.json"]
    training = ["--data", "../in/poisoned/poisoned.safetensors", "--manifest", "../in/poisoned/manifest.json"]
    yield Scenario(
        "strip",
        ["trapdoor-defend", "strip", *model, *clean, *suspect, "--overlays", "3", "--picture", "s.png", *record],
    )
    yield Scenario(
        "squeeze", ["trapdoor-defend", "squeeze", *model, *clean, *suspect, "--picture", "s.png", *record]
    )
    for detector, few in {
        "scale-up": [],
        "teco": [],
        "cognitive-distillation": ["--steps", "2"],
        "ted": ["--references", "16"],
        "sentinet": ["--carriers", "4"],
        "badexpert": ["--epochs", "1", "--expert-epochs", "1", "--fpr", "0.1"],
        "frequency": ["--epochs", "1"],
    }.items():
        of = [] if detector == "frequency" else model
        yield Scenario(
            detector, ["trapdoor-defend", detector, *of, *clean, *suspect, *few, "--picture", "s.png", *record]
        )
    yield Scenario(
        "ibd-psc",
        ["trapdoor-defend", "ibd-psc", "--model", "../in/norm.safetensors", *clean, *suspect, "--first", "1", "--models",
         "2", *record],
    )  # fmt: skip
    yield Scenario(
        "scale-up-queries", ["trapdoor-defend", "scale-up", "--queries", "q", *clean, *suspect, *record]
    )
    for repair in "prune", "finetune", "fineprune":
        few = [] if repair == "prune" else ["--epochs", "1"]
        yield Scenario(repair, ["trapdoor-defend", repair, *model, *many, *judged, *few, "-o", "m", *record])
    for repair, few in {
        "clp": ["--validate", "../in/test.safetensors::0-80"],
        "bnp": many,
        "ep": ["--data", "../in/poisoned/poisoned.safetensors"],
        "anp": [*many, "--iterations", "2"],
        "rnp": [*many, "--unlearn-epochs", "1", "--recover-epochs", "1", "--stop", "1"],
        "nft": [*many, "--iterations", "2"],
    }.items():
        yield Scenario(
            repair,
            ["trapdoor-defend", repair, "--model", "../in/norm.safetensors", *few, *judged, "-o", "m", *record],
        )
    for repair in "ft-sam", "super-finetune", "fst", "nad", "seam", "i-bau", "sau", "npd", "mm-bm":
        few = ["--rounds", "1"] if repair == "i-bau" else ["--epochs", "1"]
        few += {"nad": ["--teacher-epochs", "1"], "npd": ["--warm-epochs", "1"]}.get(repair, [])
        of = ["--model", "../in/norm.safetensors"] if repair == "npd" else model
        yield Scenario(repair, ["trapdoor-defend", repair, *of, *many, *judged, *few, "-o", "m", *record])
    yield Scenario(
        "cleanse",
        ["trapdoor-defend", "cleanse", *model, *clean, "--steps", "2", "--triggers", "t", *record],
        keeps=["t", "t/triggers.safetensors.checkpoint"],
        resume=["--resume"],
    )
    yield Scenario(
        "cleanse-patch",
        ["trapdoor-defend", "cleanse", *model, *clean, *judged, "--steps", "9", "--attack-rate", "0.2", "--patch",
         "unlearn", "--patch-classes", "3", "--epochs", "1", "-o", "m", *record],
    )  # fmt: skip
    yield Scenario("deepinspect", ["trapdoor-defend", "deepinspect", *model, *QUICK_SEARCH, "--triggers", "t", *record])
    yield Scenario("pairs", ["trapdoor-defend", "pairs", *model, *clean, "--images", "4", "--triggers", "t", *record])
    for quick in "universal", "mask", "windows", "maps", "waves":
        yield Scenario(
            quick,
            ["trapdoor-defend", quick, *model, "--clean", "../in/test.safetensors::0-40", "--images", "4", "--triggers",
             "t", *record],
        )  # fmt: skip
    for sift in "spectral", "activation-clustering":
        yield Scenario(sift, ["trapdoor-defend", sift, *model, *training, "-o", "s", *record])
    yield Scenario("spectre", ["trapdoor-defend", "spectre", *model, *training, "-o", "s", *record])
    for sift in "beatrix", "agpd", "scan-filter":
        yield Scenario(sift, ["trapdoor-defend", sift, *model, *clean, *training, "-o", "s", *record])
    yield Scenario("margin", ["trapdoor-defend", "margin", *model, *clean, "--steps", "2", "--triggers", "t", *record])
    parts = ["cleanse", "deepinspect", "strip", "squeeze", "spectral", "activation-clustering"]
    yield Scenario(
        "audit",
        ["trapdoor-defend", "audit", *model, "--clean", "../in/test.safetensors::0-60", "--suspect",
         "../in/stamped/stamped.safetensors", "--training", "../in/poisoned/poisoned.safetensors", "--controls",
         "../in/controls/rates.json", "--effort", "0.002", "-o", "a"],
        keeps=["a", "a/*", *(f"a/{part}/*" for part in parts)],
        parts=True,
        drops=["a/audit.json", "a/audit.txt"],
        tells=True,
    )  # fmt: skip
    yield Scenario(
        "rates",
        ["trapdoor-defend", "rates", "deepinspect", "--models", "../in/models", *QUICK_SEARCH, "-o", "c"],
        keeps=["c", "c/rates.json", "c/clean", "c/backdoored", "c/*/one", "c/*/square", "c/*/*/*"],
        parts=True,
        drops=["c/rates.json"],
        tells=True,
    )
    of = ["trapdoor-defend", "controls", "--net", "../in/tiny.net", "--data", "../in/set.safetensors::0-40", "--clean",
          "../in/test.safetensors::0-40", "--epochs", "1", "--count", "2"]  # fmt: skip
    kept = {"keeps": ["c", "c/control-*.json"], "parts": True, "tells": True}
    yield Scenario("controls", [*of, "-o", "c"], drops=["c/controls.json"], **kept)
    yield Scenario("controls-part", [*of, "--part", "1/2", "-o", "c"], **kept)
    again = [*CONTROLS, "--verify", "1", "--with", "../in/numbers/controls.json"]
    yield Scenario("controls-verify", again, other=())
    numbers = ["--clean", "../in/test.safetensors::0-60", "--controls", "../in/numbers/controls.json"]
    yield Scenario("screen", ["trapdoor-defend", "screen", *model, *numbers, "--triggers", "t", *record])
    for name, models in {"scan": "../in/models/backdoored", "configure": "../in/models"}.items():
        yield Scenario(
            name,
            ["trapdoor-defend", name, models, *numbers, "-o", "c"],
            keeps=["c", "c/*"],
            parts=True,
            drops=[f"c/{name}.json"],
            tells=True,
        )
    yield Scenario(
        "audit-controls",
        ["trapdoor-defend", "audit", *model, *numbers, "--effort", "0.002", "-o", "a"],
        keeps=["a", "a/*"],
        parts=True,
        drops=["a/audit.json", "a/audit.txt"],
        tells=True,
    )


def report():
    yield Scenario("report", ["trapdoor-report", "../in/records", "-o", "p.html", "--json", "r.json"])
    yield Scenario(
        "report-expect", ["trapdoor-report", "../in/records", "--expect", "../in/expect.json", "-o", "p.html"]
    )
    yield Scenario("report-matrix", ["trapdoor-report", "../in/board", "--matrix", "-o", "p.html"])


def scenarios():
    return [s for part in (data, poison, models, evade, defend, report) for s in part()]
