#!/usr/bin/env python3
"""Make the golden files from PyTorch and transformers. From the repository root:

    make && make build/tests/model/golden.t
    python3 -m venv /tmp/golden
    /tmp/golden/bin/pip install torch==2.15.0 transformers==5.23.0 numpy==2.4.6 safetensors==0.8.0
    /tmp/golden/bin/python testdata/golden/make.py build/tests/model/golden.t

The model directories are written by model_save (golden.t --write DIR), so that
what is proven here is a directory of ours in the hands of the real library.
Everything is computed in float64 and stored in float32.
"""
import json
import math
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
NAMES = ["plain", "bias", "narrow-heads", "gelu-new", "epsilon", "unscaled", "by-layer",
         "own-head", "all-kinds"]
SEEDS = {"all-kinds": 9}  # with 8 a gradient is all but 0, and Adam makes full steps of its rounding
LENGTHS = [17, 1, 5, 9, 2, 12]  # of the sequences of the packed batch


def load(directory, dtype=torch.float64):
    model, info = GPT2LMHeadModel.from_pretrained(directory, output_loading_info=True)
    for what, names in info.items():
        assert not names, (what, names)
    return model.to(dtype).eval()


def check_tokenizer(directory):
    vocab = json.load(open(directory / "vocab.json"))
    tokenizer = AutoTokenizer.from_pretrained(directory)
    characters = list(vocab)
    texts = ["".join(characters), " ".join(characters), "  \n\n ", "".join(reversed(characters))]
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        assert ids == [vocab[c] for c in text], (text, ids)
        assert tokenizer.decode(ids) == text, (text, tokenizer.decode(ids))
    try:
        tokenizer("Ω")
    except Exception:  # the library raises what it likes, as long as it raises
        return
    raise AssertionError("a character outside the vocabulary went through")


def trained(model, bias):
    """The parameters that are ours: all, or all but the biases."""
    named = dict(model.named_parameters())
    return {n: p for n, p in named.items() if bias or not n.endswith(".bias")}


def row_losses(model, tokens, targets):
    """-log p(target) of each row of one sequence, 0 where there is no target."""
    logits = model(torch.tensor([tokens])).logits[0]
    return torch.nn.functional.cross_entropy(
        logits, torch.tensor(targets), ignore_index=-1, reduction="none")


def batch(rng, vocab):
    rows = []
    for length in LENGTHS:
        targets = rng.integers(0, vocab, length)
        targets[rng.random(length) < 0.25] = -1
        rows.append({
            "tokens": rng.integers(0, vocab, length).tolist(),
            "targets": targets.tolist(),
            "weights": (rng.integers(0, 9, length) / 4).tolist(),
        })
    return rows


def gradients(model, rows, bias, out):
    """Each sequence alone; gradients of the weighted losses add up."""
    model.zero_grad()
    losses, logits = [], []
    for row in rows:
        loss = row_losses(model, row["tokens"], row["targets"])
        (loss * torch.tensor(row["weights"])).sum().backward()
        losses.append(loss.detach())
        with torch.no_grad():
            logits.append(model(torch.tensor([row["tokens"]])).logits[0])
    out["losses"] = torch.cat(losses)
    out["logits"] = torch.cat(logits)
    for name, p in trained(model, bias).items():
        out["gradient." + name] = p.grad.clone()


def learning_rate(recipe, step):
    """nanoGPT's get_lr()."""
    lr, low, warmup, steps = (recipe[k] for k in ("lr", "min_lr", "warmup", "steps"))
    if step < warmup:
        return lr * (step + 1) / (warmup + 1)
    if step > steps:
        return low
    part = (step - warmup) / (steps - warmup)
    return low + 0.5 * (1 + math.cos(math.pi * part)) * (lr - low)


def training(model, rng, vocab, bias, out):
    """Ten steps as nanoGPT takes them, but with a weight for each kind of token."""
    recipe = {"lr": 1e-2, "min_lr": 1e-3, "warmup": 3, "steps": 10, "beta1": 0.9,
              "beta2": 0.99, "weight_decay": 0.1, "clip": 1.0, "kind_weight": [1.0, 3.0]}
    params = trained(model, bias)
    optimizer = torch.optim.AdamW(
        [{"params": [p for p in params.values() if p.dim() >= 2], "weight_decay": 0.1},
         {"params": [p for p in params.values() if p.dim() < 2], "weight_decay": 0.0}],
        lr=recipe["lr"], betas=(recipe["beta1"], recipe["beta2"]), eps=1e-8)
    steps = []
    for number in range(recipe["steps"]):
        lr = learning_rate(recipe, number)
        for group in optimizer.param_groups:
            group["lr"] = lr
        examples = [{"tokens": rng.integers(0, vocab, n).tolist(),
                     "kinds": rng.integers(0, 2, n).tolist()} for n in (18, 7, 2, 13)]
        optimizer.zero_grad()
        plain = weighted = weights = 0
        for example in examples:
            tokens = example["tokens"]
            loss = row_losses(model, tokens[:-1], tokens[1:])
            weight = torch.tensor([recipe["kind_weight"][k] for k in example["kinds"][1:]])
            plain += loss.sum()
            weighted += (loss * weight).sum()
            weights += weight.sum()
        (weighted / weights).backward()
        norm = torch.nn.utils.clip_grad_norm_(params.values(), recipe["clip"])
        optimizer.step()
        count = sum(len(e["tokens"]) - 1 for e in examples)
        steps.append({"examples": examples, "lr": lr, "loss": plain.item() / count,
                      "norm": norm.item()})
    for name, p in params.items():
        out["final." + name] = p.detach().clone()
    return {**recipe, "step": steps}


def greedy(model, context):
    """What generate() goes on with, and that no choice is a close one."""
    prompt = [2, 7, 1]
    ids = model.generate(torch.tensor([prompt]), do_sample=False, pad_token_id=0,
                         attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
                         max_new_tokens=context - len(prompt))[0]
    best = model(ids[None, :-1]).logits[0, len(prompt) - 1:].topk(2).values
    assert (best[:, 0] - best[:, 1]).min() > 1e-3
    return {"prompt": prompt, "continuation": ids[len(prompt):].tolist()}


def make(directory, seed):
    rng = np.random.default_rng(seed)
    check_tokenizer(directory)
    bias = json.load(open(directory / "memoscope.json"))["bias"]
    model = load(directory)
    config = model.config
    out = {}
    expected = {"greedy": greedy(model, config.n_positions),
                "batch": batch(rng, config.vocab_size)}
    gradients(model, expected["batch"], bias, out)
    expected["training"] = training(model, rng, config.vocab_size, bias, out)
    save_file({n: t.to(torch.float32).contiguous() for n, t in out.items()},
              directory / "expected.safetensors")
    with open(directory / "expected.json", "w") as file:
        json.dump(expected, file)
        file.write("\n")


def make_saved(directory, **kind):
    """A model that transformers itself wrote, with a vocab.json beside it."""
    shutil.rmtree(directory, ignore_errors=True)
    torch.manual_seed(5)
    config = GPT2Config(n_embd=8, n_head=2, n_positions=6, vocab_size=4, initializer_range=0.3,
                        bos_token_id=None, eos_token_id=None, **kind)
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(".bias"):
                p.normal_(0, 0.3)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    with open(directory / "vocab.json", "w") as file:
        json.dump({"a": 2, "b": 0, "\n": 1, "é": 3}, file)
    tokens = [1, 3, 0, 2, 2, 1]
    logits = load(directory)(torch.tensor([tokens])).logits[0].detach()
    save_file({"logits": logits.to(torch.float32)}, directory / "expected.safetensors")
    with open(directory / "expected.json", "w") as file:
        json.dump({"tokens": tokens}, file)
        file.write("\n")


def main():
    torch.set_num_threads(1)
    subprocess.run([sys.argv[1], "--write", HERE], check=True)
    for seed, name in enumerate(NAMES):
        make(HERE / name, SEEDS.get(name, seed))
    make_saved(HERE / "saved", n_layer=1, activation_function="gelu")
    make_saved(HERE / "saved-tanh", n_layer=1, activation_function="gelu_pytorch_tanh")
    make_saved(HERE / "saved-all-kinds", n_layer=2, n_inner=12, activation_function="gelu_new",
               layer_norm_epsilon=1e-3, scale_attn_weights=False,
               scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True,
               tie_word_embeddings=False)
    for path in HERE.glob("*/*.safetensors"):
        path.chmod(0o644)


main()
