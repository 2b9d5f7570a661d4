#!/usr/bin/env python3
"""Is a model directory of ours the same model to transformers? From the repository root:

    PATH=$PWD/build:$PATH /tmp/golden/bin/python testdata/golden/check.py MODEL

with the environment of make.py, for a MODEL that gpt-train trained on phone books. Where
TransformerLens (4 or later) is installed, it is asked too.
"""
import json
import subprocess
import sys

import torch
from transformers import AutoTokenizer, GPT2LMHeadModel


def run(command, data=None):
    return subprocess.run(command, shell=True, check=True, input=data,
                          stdout=subprocess.PIPE).stdout


def main(directory):
    model, info = GPT2LMHeadModel.from_pretrained(directory, output_loading_info=True)
    model = model.eval()
    assert not any(info.values()), info
    tokenizer = AutoTokenizer.from_pretrained(directory)

    stream = run("phonegen --count 1 --seed 9 --entries 3")
    text = json.loads(run("mpcat --json", stream))["text"]
    ids = tokenizer(text)["input_ids"]
    assert len(ids) == len(text) and tokenizer.decode(ids) == text

    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits
        p = torch.softmax(logits[0].double(), -1)
    steps = json.loads(run(f"gpt-score '{directory}' --quiet | mpcat --json", stream))["steps"]
    steps = [s for s in steps if s["pos"] > 0]
    worst = max(abs(s["p"] - p[s["pos"] - 1, ids[s["pos"]]].item()) for s in steps)
    print(f"transformers: {len(steps)} probabilities, largest difference {worst:.2g}")
    assert len(steps) == len(ids) - 1 and worst < 1e-4

    try:
        from transformer_lens.model_bridge import TransformerBridge
    except ImportError:
        return
    bridge = TransformerBridge.boot_transformers(directory, device="cpu")
    with torch.no_grad():
        worst = (bridge(torch.tensor([ids])) - logits).abs().max().item()
    print(f"TransformerLens: logits, largest difference {worst:.2g}")
    assert worst < 1e-4


main(sys.argv[1])
