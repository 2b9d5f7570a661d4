#!/usr/bin/env python3
"""Make patching.json and patching.tsv in some model directories, after make.py, in its environment.
From the repository root:

    /tmp/golden/bin/python testdata/golden/patching.py

patching.json has texts and their partners, as lines for mptext. patching.tsv has what act-patch says
of them: after each line "# OPTIONS" its table for these options. All comes from forward hooks of
PyTorch in transformers' GPT2LMHeadModel, in float64.

Path patching is done as Wang et al. (2022) describe it, in two passes. In the first, all heads and
feed-forward parts are frozen to what they are in the text, but for the sender, which is the
partner's; it shows what the receiver then makes of its input. In the second, the receiver is
patched to that and all else is computed. A graph is run in the same way, receiver by receiver.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0.
"""
import argparse
import itertools
import json
import pathlib

import numpy as np
import torch
from transformers import GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
NAMES = ["plain", "bias", "all-kinds"]

# id, and stretches of the text and its partner: kind ("": no span), entry, length, the partner's length
PAIRS = [
    (0, [("", -1, 1, 1), ("name", 0, 2, 2), ("number", 0, 2, 2), ("", -1, 1, 1), ("name", 1, 2, 2),
         ("number", 1, 2, 2), ("ask", 1, 2, 2), ("answer", 1, 2, 2), ("", -1, 1, 1)]),
    (3, [("", -1, 1, 1), ("name", 0, 2, 3), ("number", 0, 2, 2), ("rule", -1, 0, 1), ("number", 1, 1, 2),
         ("", -1, 1, 2), ("answer", 1, 1, 1), ("", -1, 2, 2), ("answer", 0, 1, 1), ("", -1, 1, 2)]),
    (4, [("", -1, 2, 2), ("name", 0, 3, 3), ("number", 0, 4, 4), ("name", 1, 1, 1), ("number", 1, 3, 3),
         ("ask", -1, 2, 2), ("", -1, 1, 1), ("answer", 1, 2, 2)]),
]
ALIKE = [4]  # here the partner has the same answer
ALONE = [1, 2, 12]  # partners of no text

# Of all networks, which have two layers and two heads or more.
OPTIONS = [
    "--at resid:0",
    "--at resid:1 --rows number",
    "--at resid:2",
    "--at resid_mid:0,mlp:1",
    "--at head:1.0 --rows answer",
    "--at 0.1,1.0-1 --rows number",
    "--at q:1.0,k:0-1.1 --rows name",
    "--at v:0-1",
    "--at attn:0,head:1.1",
    "--at mlp_pre:0,ln2:1,ln1:1",
    "--at mlp_post:0-1 --rows answer",
    "--at resid:1,q:1.1,resid_mid:1 --rows number",
    "--at head:0-1 --answer number",
    "--except head:1.0,mlp:0",
    "--except 0.0,1.1,mlp:0-1 --rows number",
    "--sweep resid",
    "--sweep resid --rows answer --layer 1",
    "--sweep attn --each span",
    "--sweep mlp --each span --rows number",
    "--sweep mlp --each all",
    "--sweep head",
    "--sweep head --each row --rows answer --head 1",
    "--sweep k --each span --rows name",
    "--paths",
    "--paths --rows number --senders embed,mlp:0 --receivers head:1,mlp:1",
    "--graph graph",
]

# The file "graph": paths, of which some lead from parts that none leads to
GRAPH = [
    ("embed", "head:0.0", "k"), ("embed", "head:0.0", "v"), ("embed", "mlp:0", "-"), ("head:0.0", "mlp:0", "-"),
    ("mlp:0", "head:1.1", "q"), ("head:0.1", "head:1.1", "k"), ("head:0.0", "head:1.1", "v"),
    ("embed", "head:1.0", "q"), ("head:1.0", "mlp:1", "-"), ("embed", "logits", "-"), ("mlp:0", "logits", "-"),
    ("head:1.1", "logits", "-"), ("mlp:1", "logits", "-"),
]


# ---- texts ----

class Text:
    """Tokens, their spans as stretches [begin, end, kind, entry], and for each token its span."""

    def __init__(self, number, stretches):
        self.number = number
        self.spans, at = [], 0
        for kind, entry, length in stretches:
            if kind and length:
                self.spans.append((at, at + length, kind, entry))
            at += length
        self.tokens = [0] * at

    def span_of(self, row):
        """The span that a token is in, or None."""
        return next((s for s in self.spans if s[0] <= row < s[1]), None)

    def of_kind(self, kind):
        return [s for s in self.spans if s[2] == kind]

    def begin_of(self, row):
        """What the offset of a token counts from: (kind, how many of that kind come before, whether
        it counts from the end of that span)."""
        span = self.span_of(row)
        if span:
            return span[2], self.of_kind(span[2]).index(span), False
        before = [s for s in self.spans if s[1] <= row]
        if not before:
            return None, 0, False
        return before[-1][2], self.of_kind(before[-1][2]).index(before[-1]), True

    def at(self, kind, number, behind):
        if kind is None:
            return 0
        return self.of_kind(kind)[number][1 if behind else 0]

    def record(self, characters):
        return {"id": self.number, "text": "".join(characters[t] for t in self.tokens),
                "spans": [[*span, 0] for span in self.spans]}


def fellow(a, b, row):
    """The partner's row at the same span and offset."""
    where = a.begin_of(row)
    found = b.at(*where) + row - a.at(*where)
    assert b.begin_of(found) == where
    return found


def answers(a, b, kind):
    """Of each token of a's answer: its place, and its partner's."""
    assert len(a.of_kind(kind)) <= len(b.of_kind(kind))
    return [(row, fellow(a, b, row)) for span in a.of_kind(kind) for row in range(*span[:2])]


def fill(model, text, rng, alike=None):
    """Draw the tokens. Those of the answer are what the model likes most, or those of alike."""
    text.tokens = rng.integers(0, model.config.vocab_size, len(text.tokens)).tolist()
    given = iter(alike.tokens[p] for s in alike.of_kind("answer") for p in range(*s[:2])) if alike else None
    for span in text.of_kind("answer"):
        for row in range(*span[:2]):
            best = model(torch.tensor([text.tokens[:row]])).logits[0, -1].argmax().item()
            text.tokens[row] = next(given) if given else best


def make_pairs(model, rng):
    pairs = []
    for number, stretches in PAIRS:
        while True:
            a = Text(number, [(k, e, n) for k, e, n, _ in stretches])
            b = Text(number, [(k, e, n) for k, e, _, n in stretches])
            fill(model, a, rng)
            fill(model, b, rng, a if number in ALIKE else None)
            differ = [a.tokens[i] != b.tokens[j] for i, j in answers(a, b, "answer")]
            if number not in ALIKE and not (any(differ) and (number == 0 or not all(differ))):
                continue
            if all(Pair(model, a, b, options(text)).is_clear() for text in ["", "--answer number"]):
                break
        pairs.append((a, b))
    return pairs


# ---- the network's places ----

# In the order of the pass: the module, and whether the place is its input or its output
PLACES = {
    "resid": (lambda gpt, l: gpt.h[l] if l < len(gpt.h) else gpt.ln_f, "in"),
    "ln1": (lambda gpt, l: gpt.h[l].ln_1, "out"),
    "q": (lambda gpt, l: gpt.h[l].attn.c_attn, "out"),
    "k": (lambda gpt, l: gpt.h[l].attn.c_attn, "out"),
    "v": (lambda gpt, l: gpt.h[l].attn.c_attn, "out"),
    "head": (lambda gpt, l: gpt.h[l].attn.c_proj, "in"),
    "attn": (lambda gpt, l: gpt.h[l].attn.c_proj, "out"),
    "resid_mid": (lambda gpt, l: gpt.h[l].ln_2, "in"),
    "ln2": (lambda gpt, l: gpt.h[l].ln_2, "out"),
    "mlp_pre": (lambda gpt, l: gpt.h[l].mlp.c_fc, "out"),
    "mlp_post": (lambda gpt, l: gpt.h[l].mlp.c_proj, "in"),
    "mlp": (lambda gpt, l: gpt.h[l].mlp.c_proj, "out"),
}
OF_HEADS = ["q", "k", "v", "head"]


def columns(model, place, head):
    """Those of a head in the tensor of a place; head None: of all heads."""
    if place not in OF_HEADS:
        return slice(None)
    width, heads = model.config.n_embd, model.config.n_head
    begin = {"q": 0, "k": width, "v": 2 * width, "head": 0}[place]
    if head is None:
        return slice(begin, begin + width)
    return slice(begin + head * width // heads, begin + (head + 1) * width // heads)


def hook(module, side, change):
    """Call change with the input or the output of a module, and put what it returns there."""
    if side == "in":
        return module.register_forward_pre_hook(lambda m, i: (change(i[0]), *i[1:]))
    return module.register_forward_hook(lambda m, i, o: change(o))


def run(model, tokens, patches=(), watch=()):
    """Logits [T, vocabulary], and {(place, layer): tensor [T, width]} of those to watch. A patch is
    (place, layer, head or None, rows, values [rows, columns]). What is watched is seen before a patch
    of the same place."""
    seen, hooks = {}, []
    gpt = model.transformer

    def look(place, layer):
        def change(x):
            seen[place, layer] = x[0].clone()
            return x
        module, side = PLACES[place]
        hooks.append(hook(module(gpt, layer), side, change))

    def put(place, layer, head, rows, values):
        module, side = PLACES[place]

        def change(x):
            x = x.clone()
            x[0, rows, columns(model, place, head)] = values
            return x

        def change_sum(x):
            # The sum is taken outside of all modules: what attention adds makes it what it is to be.
            x = x.clone()
            x[0, rows] = values - before[0][0, rows]
            return x

        if place != "resid_mid":
            hooks.append(hook(module(gpt, layer), side, change))
            return
        before = []
        hooks.append(hook(gpt.h[layer], "in", lambda x: (before.clear(), before.append(x), x)[-1]))
        hooks.append(hook(gpt.h[layer].attn.c_proj, "out", change_sum))

    for place, layer in watch:
        look(place, layer)
    for patch in sorted(patches, key=lambda p: list(PLACES).index(p[0])):
        put(*patch)
    logits = model(torch.tensor([tokens])).logits[0]
    for h in hooks:
        h.remove()
    return logits, seen


# ---- what options say ----

def numbers(text, count):
    first, _, last = text.partition("-")
    assert int(last or first) < count
    return range(int(first), int(last or first) + 1)


def parts(model, text):
    """[(place, layer, head or None)] of "resid:1,head:2.0-3,1.0,mlp:0" """
    found = []
    for item in text.split(","):
        place, _, where = item.rpartition(":")
        if item == "embed":
            found.append(("embed", 0, None))
            continue
        place = place or "head"
        layers, _, heads = where.partition(".")
        for layer in numbers(layers, model.config.n_layer + (place == "resid")):
            if place in OF_HEADS:
                for head in numbers(heads, model.config.n_head) if heads else range(model.config.n_head):
                    found.append((place, layer, head))
            else:
                found.append((place, layer, None))
    return found


def options(text):
    parser = argparse.ArgumentParser()
    for name in ["at", "except", "sweep", "each", "rows", "layer", "head", "senders", "receivers",
                 "graph"]:
        parser.add_argument("--" + name)
    parser.add_argument("--answer", default="answer")
    parser.add_argument("--paths", action="store_true")
    return vars(parser.parse_args(text.split()))


# ---- tables ----

SITE = ["id", "at", "layer", "head", "row", "kind", "entry", "offset"]
PATH = ["id", "from", "to", "through"]
SAID = ["right", "partner", "effect", "is_right", "is_partner"]


class Pair:
    """A text and its partner, of which everything is known."""

    def __init__(self, model, a, b, option):
        self.model, self.a, self.b = model, a, b
        layers = range(model.config.n_layer)
        watch = [(p, l) for p in PLACES for l in layers] + [("resid", len(layers))]
        context = model.config.n_positions
        self.tokens, other = a.tokens[:context], b.tokens[:context]
        self.logits, self.mine = run(model, self.tokens, watch=watch)
        logits, self.partners = run(model, other, watch=watch)
        places = answers(a, b, option["answer"])
        self.right = [(i - 1, a.tokens[i]) for i, _ in places]
        self.differ = [(i - 1, a.tokens[i], b.tokens[j]) for i, j in places if a.tokens[i] != b.tokens[j]]
        there = [(j - 1, a.tokens[i], b.tokens[j]) for i, j in places if a.tokens[i] != b.tokens[j]]
        self.low, self.high = self.difference(self.logits, self.differ), self.difference(logits, there)
        # Rows after the last that predicts a token of the answer are not patched.
        self.rows = [r for r in range(self.right[-1][0] + 1)
                     if option["rows"] in [None, (a.span_of(r) or (0, 0, "other"))[2]]]

    def is_clear(self):
        """Do text and partner differ by so much that effects, which are divided by it, are exact?"""
        return not self.differ or abs(self.high - self.low) > 1

    @staticmethod
    def difference(logits, differ):
        p = logits.log_softmax(-1)
        return sum((p[i, x] - p[i, y]).item() for i, x, y in differ)

    def said(self, logits):
        """The last columns of a line, for the logits of a run that was patched."""
        p, before = logits.log_softmax(-1), self.logits.log_softmax(-1)
        gains = p - before
        best = logits.topk(2).values
        assert all((best[i, 0] - best[i, 1]).item() > 1e-4 for i, _ in self.right)
        is_right = all(logits[i].argmax() == x for i, x in self.right)
        if not self.differ:
            return [sum(gains[i, x].item() for i, x in self.right), "-", "-", int(is_right), "-"]
        effect = (self.difference(logits, self.differ) - self.low) / (self.high - self.low)
        return [sum(gains[i, x].item() for i, x, _ in self.differ),
                sum(gains[i, y].item() for i, _, y in self.differ), effect, int(is_right),
                int(all(logits[i].argmax() == y for i, _, y in self.differ))]

    def patch(self, place, layer, head, rows):
        """The patch that takes these rows from the partner."""
        values = self.partners[place, layer][[fellow(self.a, self.b, r) for r in rows]]
        return place, layer, head, rows, values[:, columns(self.model, place, head)]

    def patched(self, sites, rows):
        patches = [self.patch(*site, rows) for site in sites]
        return self.said(run(self.model, self.tokens, patches)[0])

    def groups(self, each):
        """The rows that are patched at once, with the columns row, kind, entry and offset."""
        if each == "all":
            return [(self.rows, ["-"] * 4)]
        # A stretch that is in no span is patched as one, too.
        key = (lambda row: row) if each == "row" else \
            (lambda row: self.a.span_of(row) or self.a.begin_of(row))
        found = []
        for _, rows in itertools.groupby(self.rows, key):
            rows = list(rows)
            _, _, kind, entry = self.a.span_of(rows[0]) or (0, 0, "-", -1)
            offset = rows[0] - self.a.span_of(rows[0])[0] if each == "row" and kind != "-" else "-"
            found.append((rows, [rows[0], kind, "-" if entry < 0 else entry, offset]))
        return found

    # ---- paths ----

    def frozen(self, sender, watch):
        """A run in which only the sender is not what it is in the text."""
        every = list(range(len(self.tokens)))
        patches = [(place, l, None, every, self.mine[place, l])
                   for l in range(self.model.config.n_layer) for place in ["head", "mlp"]]
        place, layer, head = sender
        patches.append(self.patch("resid" if place == "embed" else place, layer, head, self.rows))
        return run(self.model, self.tokens, patches, watch)

    def path(self, sender, receiver, through):
        place, layer, head = receiver
        if place == "logits":
            return self.said(self.frozen(sender, [])[0])
        place = through or place
        seen = self.frozen(sender, [(place, layer)])[1][place, layer]
        every = list(range(len(self.tokens)))
        patch = (place, layer, head, every, seen[:, columns(self.model, place, head)])
        return self.said(run(self.model, self.tokens, [patch])[0])

    # ---- graphs ----

    def graph(self, parts):
        """What the paths of GRAPH can do alone; parts: all, in the order of the pass."""
        every, led = list(range(len(self.tokens))), {}  # led: part -> its output, which the text leads to

        def reads(receiver, through, watch):
            """A run in which all that the receiver reads is as it should be."""
            senders = [s for s, r, t in GRAPH if r == name(receiver) and t == through]
            patches = [self.patch(place, layer, None, self.rows)
                       for layer in range(self.model.config.n_layer) for place in ["head", "mlp"]]
            if "embed" not in senders:
                patches.append(self.patch("resid", 0, None, self.rows))
            patches += [(*part, every, led[part]) for part in led if name(part) in senders]
            return run(self.model, self.tokens, patches, watch)

        for part in parts:
            place, layer, head = part
            if place == "mlp":
                led[part] = reads(part, "-", [("mlp", layer)])[1]["mlp", layer]
                continue
            patches = []
            for what in "qkv":
                seen = reads(part, what, [(what, layer)])[1][what, layer]
                patches.append((what, layer, head, every, seen[:, columns(self.model, what, head)]))
            seen = run(self.model, self.tokens, patches, [("head", layer)])[1]["head", layer]
            led[part] = seen[:, columns(self.model, "head", head)]
        return self.said(reads(("logits", 0, None), "-", [])[0])


def name(part):
    place, layer, head = part
    if place in ["embed", "logits"]:
        return place
    return f"{place}:{layer}" + ("" if head is None else f".{head}")


def before(sender, receiver):
    """Is it? Of a block the heads come first, then the feed-forward part."""
    def when(part):
        place, layer, _ = part
        return {"embed": -1, "logits": 2 ** 30}.get(place, 2 * layer + (place == "mlp"))
    return when(sender) < when(receiver)


def lines(model, pair, option):
    layers, heads = range(model.config.n_layer), range(model.config.n_head)
    all_parts = [p for l in layers for p in [*(("head", l, h) for h in heads), ("mlp", l, None)]]
    if option["paths"]:
        senders = parts(model, option["senders"]) if option["senders"] else [("embed", 0, None), *all_parts]
        receivers = parts(model, option["receivers"]) if option["receivers"] else \
            [*all_parts, ("logits", 0, None)]
        for sender in senders:
            for receiver in receivers:
                if before(sender, receiver):
                    for through in "qkv" if receiver[0] == "head" else [None]:
                        yield [name(sender), name(receiver), through or "-",
                               *pair.path(sender, receiver, through)]
    elif option["graph"]:
        yield [option["graph"], *["-"] * 6, *pair.graph(all_parts)]
    elif option["sweep"]:
        place = option["sweep"]
        if option["head"]:
            heads = numbers(option["head"], len(heads))
        if option["layer"]:
            layers = numbers(option["layer"], len(layers))
        elif place == "resid":
            layers = range(len(layers) + 1)  # also after the last
        each = option["each"] or ("all" if place in OF_HEADS else "row")
        for layer in layers:
            for head in heads if place in OF_HEADS else [None]:
                site = (place, layer, head)
                for rows, what in pair.groups(each):
                    yield [name(site), layer, "-" if head is None else head, *what,
                           *pair.patched([site], rows)]
    else:
        given = option["at"] or option["except"]
        sites = parts(model, given)
        if option["except"]:
            sites = [p for p in all_parts if p not in sites]
        yield [given, *["-"] * 6, *pair.patched(sites, pair.rows)]


def table(model, pairs, option):
    found = [(PATH if option["paths"] else SITE) + SAID]
    for a, b in pairs:
        pair = Pair(model, a, b, option)
        assert pair.is_clear()
        found += [[a.number, *line] for line in lines(model, pair, option)]
    return [[f"{x:.6f}" if isinstance(x, float) else str(x) for x in line] for line in found]


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    for seed, directory in enumerate(HERE / name for name in NAMES):
        model = GPT2LMHeadModel.from_pretrained(directory, attn_implementation="eager")
        model = model.to(torch.float64).eval()
        vocab = json.load(open(directory / "vocab.json"))
        characters = {token: character for character, token in vocab.items()}
        pairs = make_pairs(model, np.random.default_rng(seed))
        alone = [Text(number, [("answer", 0, 2)]) for number in ALONE]
        partners = sorted([b for _, b in pairs] + alone, key=lambda text: text.number)
        with open(directory / "patching.json", "w") as file:
            json.dump({"texts": [a.record(characters) for a, _ in pairs],
                       "partners": [b.record(characters) for b in partners],
                       "graph": ["\t".join(path) for path in GRAPH]}, file)
            file.write("\n")
        ends = set()
        with open(directory / "patching.tsv", "w") as file:
            for text in OPTIONS:
                print("#", text, file=file)
                for line in table(model, pairs, options(text)):
                    print(*line, sep="\t", file=file)
                    ends.add((line[-2], line[-1]))
        assert {("1", "0"), ("0", "1"), ("0", "0"), ("1", "-"), ("0", "-")} <= ends, ends


main()
