"""The lines that `examples/derive_vectors.rs` writes, and descriptors that differ from them."""

import json
import re


def read(path, policies):
    """The lines of a file, which must hold so many policies."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    names = {line["policy"] for line in lines}
    if len(names) < policies:
        raise SystemExit(f"{path} holds {len(names)} policies and not {policies}")
    return lines


def body(descriptor):
    """A descriptor without its checksum."""
    return descriptor.split("#")[0]


def move_branch(text):
    """The first key on another pair of branches."""
    return re.sub(r"<(\d+);(\d+)>", lambda pair: "<%d;%d>" % (int(pair[1]) + 1000, int(pair[2]) + 1000), text, count=1)


def shorten_wait(text):
    """The first relative lock one shorter, where it can be."""
    return re.sub(r"older\((?!1\)|4194305\))(\d+)\)", lambda lock: "older(%d)" % (int(lock[1]) - 1), text, count=1)


def swap_keys(text):
    """The first two keys of the first threshold in each other's place."""
    return re.sub(r"(multi(?:_a)?\(\d+),([^,()]+),([^,()]+)", r"\1,\3,\2", text, count=1)


def some(lines):
    """Every fourth line with its number, for trials that need not be made with all."""
    return list(enumerate(lines))[::4]


def altered(text, number):
    """The descriptor with one thing changed, which thing depending on the number."""
    changes = [move_branch, shorten_wait, swap_keys]
    for change in changes[number % 3 :] + changes:
        other = change(text)
        if other != text:
            return other
    raise SystemExit(f"nothing can be changed in {text}")


class Report:
    """Counts what agrees and prints what does not."""

    def __init__(self):
        self.agreed = 0
        self.wrong = 0

    def compare(self, line, what, ours, theirs):
        if ours == theirs:
            self.agreed += 1
            return
        self.wrong += 1
        if self.wrong <= 10:
            print(f"{line['policy']}, {line['stage']}: {what} differs\n  ours:   {shortened(ours)}\n  theirs: {shortened(theirs)}")

    def finish(self, who, descriptors, noticed, tried):
        print(f"{who}: {descriptors} descriptors, {self.agreed} comparisons agree, {self.wrong} do not; {noticed} of {tried} altered descriptors noticed")
        if self.wrong or not self.agreed or not tried or noticed < tried:
            raise SystemExit(1)


def shortened(value):
    text = str(value)
    return text if len(text) < 160 else f"{text[:60]} ... {text[-60:]}"
