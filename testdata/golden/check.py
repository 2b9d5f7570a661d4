#!/usr/bin/env python3
"""Is a model directory of ours the same model to transformers? From the repository root:

    PATH=$PWD/build:$PATH /tmp/golden/bin/python testdata/golden/check.py MODEL

with the environment of make.py, for a MODEL that gpt-train trained on phone books, or with
byte-level BPE on anything. Tokens, probabilities and attention are compared. Where TransformerLens
(4 or later) is installed, it is asked too.
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
    model, info = GPT2LMHeadModel.from_pretrained(directory, output_loading_info=True,
                                                  attn_implementation="eager")
    model = model.double().eval()
    assert not any(info.values()), info
    tokenizer = AutoTokenizer.from_pretrained(directory)

    stream = run("phonegen --count 1 --seed 9 --entries 1")
    text = json.loads(run("mpcat --json", stream))["text"]
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert json.loads(run(f"tokenize --vocab '{directory}' | mpcat", stream))["tokens"] == ids

    with torch.no_grad():
        said = model(torch.tensor([ids]), output_attentions=True)
        logits = said.logits
        p = torch.softmax(logits[0], -1)
    steps = json.loads(run(f"gpt-score '{directory}' --quiet | mpcat --json", stream))["steps"]
    assert len(steps) == len(ids) - 1
    worst = max(abs(s["p"] - p[i, ids[i + 1]].item()) for i, s in enumerate(steps))
    print(f"transformers: {len(steps)} probabilities, largest difference {worst:.2g}")
    assert worst < 1e-5

    worst = 0
    for line in run(f"attn-dump '{directory}' --quiet | mpcat", stream).splitlines():
        record = json.loads(line)
        head = said.attentions[record["layer"]][0, record["head"]]
        for i, row in zip(record["rows"], record["probs"]):
            worst = max(worst, (torch.tensor(row) - head[i, :len(row)]).abs().max().item())
    print(f"transformers: attention, largest difference {worst:.2g}")
    assert worst < 1e-5

    try:
        from transformer_lens.model_bridge import TransformerBridge
    except ImportError:
        return
    bridge = TransformerBridge.boot_transformers(directory, device="cpu")
    with torch.no_grad():
        worst = (bridge(torch.tensor([ids])).double() - logits).abs().max().item()
    print(f"TransformerLens: logits, largest difference {worst:.2g}")
    assert worst < 1e-4


main(sys.argv[1])
