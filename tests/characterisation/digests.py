#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""digests.py FOLDER KEPT RENAMES COMMANDS: for tests/characterise. Copies what the steps named in
COMMANDS left in FOLDER to KEPT, without what may differ from run to run and with the RENAMES of
records, and prints a line "STEP/FILE SHA-256" for each."""

import fnmatch
import hashlib
import json
import os
import re
import struct
import sys

# Files with timing, or with keys that may be renamed: their digests are ignored.
UNSTABLE = re.compile(r"\.(json|jsonl|html|checkpoint)$|(^|/)triggers\.safetensors$")


def read_renames(path):
    with open(path) as file:
        return [line.split() for line in file if line.strip()]


def normal(value, rules, path=""):
    """Applies the renames for its file to a record."""
    if isinstance(value, list):
        return [normal(item, rules, path) for item in value]
    if not isinstance(value, dict):
        for rule in rules:
            if rule[0] == "text" and fnmatch.fnmatchcase(path, rule[2]) and value == rule[3]:
                return rule[4]
        return value
    out = {}
    file = value.get("path", value.get("file"))
    unstable = isinstance(file, str) and UNSTABLE.search(file)
    for key, item in value.items():
        at = f"{path}.{key}" if path else key
        matching = [rule for rule in rules if fnmatch.fnmatchcase(at, rule[2])]
        if any(rule[0] == "drop" for rule in matching) or (unstable and key in ("sha256", "bytes")):
            continue
        name = next((rule[3] for rule in matching if rule[0] == "key"), key)
        if name in out:
            raise ValueError(f'"{at}" and another key are both called "{name}"')
        out[name] = normal(item, rules, at)
    return out


def text_of(value):
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def state(data, rules):
    """A state file: its header with the JSON texts in its metadata as records, and its tensors."""
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    meta = header.get("__metadata__", {})
    for key, text in meta.items():
        try:
            meta[key] = json.loads(text)
        except ValueError:
            pass
    return text_of(normal(header, rules)) + hashlib.sha256(data[8 + size :]).hexdigest().encode() + b"\n"


def figures(page):
    """The numbers with a fraction that a page tells, in order of size: what a page that was laid out
    anew still has."""
    page = re.sub(r"(?s)<(script|style|svg).*?</\1>", "", page)
    numbers = set(re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w.])", re.sub(r"<[^>]*>", " ", page)))
    return "".join(f"{number}\n" for number in sorted(numbers, key=lambda n: (float(n), n))).encode()


def contents(name, data, rules):
    """Yields (name, bytes) of the parts of a file to keep."""
    rules = [rule for rule in rules if fnmatch.fnmatchcase(name, rule[1])]
    if name.endswith(".json"):
        yield name, text_of(normal(json.loads(data), rules))
    elif name.endswith(".jsonl"):
        yield name, b"".join(text_of(normal(json.loads(line), rules)) for line in data.splitlines())
    elif name.endswith(".checkpoint") or name.endswith("/triggers.safetensors"):
        yield name, state(data, rules)
    elif name.endswith(".html"):
        yield name, data
        yield name + ".figures", figures(data.decode())
    else:
        yield name, data


def main():
    folder, kept, renames, commands = sys.argv[1:]
    rules = read_renames(renames)
    with open(commands) as file:
        steps = [line.split("\t")[0] for line in file]
    lines = []
    for step in steps:
        for parent, _, files in os.walk(os.path.join(folder, step)):
            for file in files:
                path = os.path.join(parent, file)
                with open(path, "rb") as opened:
                    data = opened.read().replace(folder.encode(), b"SCRATCH")
                try:
                    for name, content in contents(os.path.relpath(path, folder), data, rules):
                        lines.append(f"{name} {hashlib.sha256(content).hexdigest()}")
                        os.makedirs(os.path.dirname(os.path.join(kept, name)), exist_ok=True)
                        with open(os.path.join(kept, name), "wb") as out:
                            out.write(content)
                except ValueError as error:
                    sys.exit(f"characterise: {os.path.relpath(path, folder)}: {error}")
    print("\n".join(sorted(lines)))


main()
