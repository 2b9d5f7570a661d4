#!/usr/bin/env python3
"""Train a model on as PyTorch does: AdamW on the parameters that the model has, with new moments.
From the repository root, with the environment of make.py:

    /tmp/golden/bin/python testdata/golden/train_on.py

train-on.json holds, for each model, the texts, two for each step, the loss of each step, and the
loss of each text after the last one.
"""
import json
import pathlib

import torch
from transformers import GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
NAMES = ["plain", "all-kinds", "saved-all-kinds"]
STEPS, BATCH = 4, 2


def losses(model, texts):
    """Of all tokens but the first of each text."""
    out = []
    for tokens in texts:
        logits = model(torch.tensor([tokens[:-1]])).logits[0]
        out.append(torch.nn.functional.cross_entropy(logits, torch.tensor(tokens[1:]),
                                                     reduction="none"))
    return out


def train_on(name):
    vocab = json.load(open(HERE / name / "vocab.json"))
    model = GPT2LMHeadModel.from_pretrained(HERE / name).to(torch.float64).eval()
    biases = json.load(open(HERE / name / "memoscope.json"))["bias"] \
        if (HERE / name / "memoscope.json").exists() else True
    params = [p for n, p in model.named_parameters() if biases or not n.endswith(".bias")]
    optimizer = torch.optim.AdamW(
        [{"params": [p for p in params if p.dim() >= 2], "weight_decay": 0.1},
         {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0}],
        lr=0.01, betas=(0.9, 0.99), eps=1e-8)
    generator = torch.Generator().manual_seed(13)
    most = model.config.n_positions
    texts = [torch.randint(len(vocab), (most - i % 3,), generator=generator).tolist()
             for i in range(STEPS * BATCH)]
    steps = []
    for i in range(STEPS):
        optimizer.zero_grad()
        loss = torch.cat(losses(model, texts[BATCH * i:BATCH * (i + 1)])).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        steps.append(round(loss.item(), 9))
    characters = {token: character for character, token in vocab.items()}
    return {
        "texts": ["".join(characters[t] for t in tokens) for tokens in texts],
        "losses": steps,
        "after": [round(l.mean().item(), 9) for l in losses(model, texts)],
    }


def main():
    torch.set_num_threads(1)
    with open(HERE / "train-on.json", "w") as file:
        json.dump({name: train_on(name) for name in NAMES}, file)
        file.write("\n")


main()
