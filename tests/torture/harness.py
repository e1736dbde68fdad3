# SPDX-License-Identifier: MIT
"""Common code of `run` and `kill`: folders, the tools' environment, and comparing outputs."""

import json
import os
import re
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SLOW = 60  # seconds after which a command hangs, as communicate() counts them


class Outcome:
    """The result of a command: status (negative: a signal; None: it hangs), stdout, stderr."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err


def state(pid):
    """Whether a process sleeps, and the seconds that it has computed."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return True, 0
    return fields[0] in "SD", (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def communicate(process, limit=SLOW):
    """As process.communicate(timeout=limit), but only seconds in which the process sleeps or computes count: not
    those in which the machine has no processor for it, or someone has stopped it."""
    counted = computed = 0
    while True:
        try:
            return process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            sleeps, now = state(process.pid)
            counted += 1 if sleeps else now - computed
            computed = now
            if counted >= limit:
                raise


def environment(build):
    """For the tools of a build."""
    tools = os.path.join(build, "tools")
    folders = sorted(os.path.join(tools, name) for name in os.listdir(tools))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TRAPDOOR_", "OMP_", "MALLOC_"))}
    env.update(PATH=":".join(folders) + ":" + os.environ["PATH"], LC_ALL="C", TERM="dumb", NO_COLOR="1")
    version = subprocess.run(
        ["trapdoor-train", "--version"], env=env, stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    # As in tests/cli/run.sh: a kernel newer than OpenBLAS's core gives a note on stderr.
    if re.search(r"(Haswell|Zen)\)", version):
        env["TRAPDOOR_KERNEL"] = "avx2"
    elif not re.search(r"(Cooperlake|SkylakeX|Sapphirerapids)\)|kernel baseline", version):
        env["TRAPDOOR_KERNEL"] = "sse2"
    return env


def scratch_folder():
    """In memory if possible, because syncing a file system is slow."""
    shared = "/dev/shm"
    place = shared if "TMPDIR" not in os.environ and os.access(shared, os.W_OK) else None
    return tempfile.mkdtemp(prefix="torture-", dir=place)


class Place:
    """A folder with `in`, the inputs, `out`, where a command runs, and `tmp`, its TMPDIR."""

    def __init__(self, path, inputs):
        self.path = path
        self.out = os.path.join(path, "out")
        self.tmp = os.path.join(path, "tmp")
        os.makedirs(self.tmp)
        os.makedirs(self.out)
        os.symlink(inputs, os.path.join(path, "in"))

    def run(self, words, env, limit=SLOW):
        env = dict(env, TMPDIR=self.tmp)
        process = subprocess.Popen(
            words, cwd=self.out, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            out, err = communicate(process, limit)
            return Outcome(process.returncode, out, err.decode(errors="replace"))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return Outcome(None, b"", "")

    def fill(self, tree):
        """Writes a tree into `out`."""
        for name, content in sorted(tree.items()):
            path = os.path.join(self.out, name)
            if content is None:
                os.makedirs(path, exist_ok=True)
            else:
                with open(path, "wb") as file:
                    file.write(content)

    def tree(self):
        """The files below `out`, and those left in `tmp`: names and bytes; None for a folder."""
        found = {}
        for top, prefix in (self.out, ""), (self.tmp, "$TMPDIR/"):
            for folder, folders, files in os.walk(top):
                below = os.path.relpath(folder, top)
                for name in folders:
                    found[prefix + os.path.normpath(os.path.join(below, name))] = None
                for name in files:
                    with open(os.path.join(folder, name), "rb") as file:
                        found[prefix + os.path.normpath(os.path.join(below, name))] = file.read()
        return found

    def remove(self):
        shutil.rmtree(self.path)


# --- comparing ---


def without_times(value):
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in ("timing", "seconds")}
    return [without_times(v) for v in value] if isinstance(value, list) else value


TIMES = re.compile(rb"^.*(seconds|SHA-256 of the record).*$", re.MULTILINE)


def plain(content):
    """The bytes of a file less what may differ from run to run, the times that it took: of JSON, and of
    pages and texts made of it."""
    if content is None:
        return None
    if content[:1] in (b"{", b"["):
        try:
            return json.dumps(without_times(json.loads(content))).encode()
        except ValueError:
            return content
    return TIMES.sub(b"", content) if content[:1] in (b"<", b"#") else content


def same(a, b):
    return a == b or (a is not None and b is not None and plain(a) == plain(b))


# Names the process that makes a recipe's folder (tools/recipes/lock).
LOCK = re.compile(r"(^|/)\.making[^/]*$")


def differing(a, b):
    """The names at which two trees differ, except a recipe's lock."""
    names = (name for name in a.keys() | b.keys() if not LOCK.search(name))
    return sorted(name for name in names if (name in a) != (name in b) or not same(a[name], b[name]))
