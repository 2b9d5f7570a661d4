#!/usr/bin/env python3
"""Make tiny GPT-2s with the vocabulary of make.py, and train them on as PyTorch does. From the
repository root, with the environment of testdata/foreign/make.py and nanoGPT beside it:

    /tmp/golden/bin/python testdata/bpe/train_on.py /tmp/nanoGPT

half        transformers: float16, tied, gelu_new; with tokenizer.json
all-kinds   transformers: bfloat16 in two files, a head of its own, and other kinds of GPT-2;
            with vocab.json and merges.txt
nanogpt     testdata/foreign/nanogpt-bpe

The folders have no vocabulary: a copy of make.py's files belongs beside them. train-on.json holds
records with spans and, for each model: the tokens of the records, the probability of each token but
the first, the loss of a span of each kind, the attention of the first record, and the losses of AdamW's steps on two records each,
without weights and with them.
"""
import json
import pathlib
import random
import shutil
import sys

import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
STEPS, BATCH = 4, 2
WEIGHTS = {"answer": 5, "name": 0.5, "other": 0}


def fresh(name, files, kind, dtype, **more):
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    torch.manual_seed(8)
    model = GPT2LMHeadModel(GPT2Config(
        vocab_size=700, n_positions=32, n_embd=4, n_head=2, n_layer=1, bos_token_id=0,
        eos_token_id=0, **kind))
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.6)
    model.to(dtype).save_pretrained(directory, **more)
    (directory / "generation_config.json").unlink()
    for path in directory.glob("*.safetensors"):
        path.chmod(0o644)
    for file in files:
        shutil.copy(HERE / file, directory)
    return directory


def load(directory):
    model = GPT2LMHeadModel.from_pretrained(directory, attn_implementation="eager")
    return model.to(torch.float64).eval()


def nanogpt(path):
    sys.path.insert(0, path)
    import model as code
    checkpoint = torch.load(HERE.parent / "foreign/nanogpt-bpe/ckpt.pt", weights_only=False)
    model = code.GPT(code.GPTConfig(**checkpoint["model_args"]))
    model.load_state_dict(checkpoint["model"])
    return model.to(torch.float64).eval()


def records():
    """Books of one short line, as mptext reads them."""
    rng = random.Random(9)
    rows = []
    for i in range(STEPS * BATCH):
        name = rng.choice(["Zoë", "Al Fox", "D'Or", "Eve", "日", "Li"])
        number = f"{rng.randint(0, 99):02}-{rng.randint(0, 999):03}"
        text, spans = "", []
        for kinds in (("name", "number"), ("ask", "answer")):
            for kind, part in zip(kinds, (name, number)):
                spans.append([len(text), len(text) + len(part), kind, 0, 0])
                text += part + (": " if part == name else " \n")
        rows.append({"id": i, "text": text, "spans": spans})
    return rows


def kinds(tokenizer, record):
    """Of each token: it is of the span that its last character is in."""
    ends = [end for _, end in tokenizer(record["text"], return_offsets_mapping=True)["offset_mapping"]]
    return [next((s[2] for s in record["spans"] if s[0] < end <= s[1]), "other") for end in ends]


def weights(tokenizer, record):
    return torch.tensor([float(WEIGHTS.get(kind, 1)) for kind in kinds(tokenizer, record)])


def by_kind(tokenizer, rows, nats):
    """The mean loss of a span; the first one has a token that is not predicted."""
    return {kind: sum(n for row, line in zip(rows, nats)
                      for k, n in zip(kinds(tokenizer, row)[1:], line) if k == kind) / len(rows)
            for kind in ("number", "ask", "answer")}


def logits_of(model, tokens):
    if isinstance(model, GPT2LMHeadModel):
        return model(torch.tensor([tokens])).logits[0]
    return model(torch.tensor([tokens]), torch.tensor([tokens]))[0][0]


def losses(model, tokens):
    return torch.nn.functional.cross_entropy(logits_of(model, tokens[:-1]), torch.tensor(tokens[1:]),
                                             reduction="none")


def train(model, biases, lines, weight):
    params = [p for n, p in model.named_parameters() if biases or not n.endswith(".bias")]
    optimizer = torch.optim.AdamW(
        [{"params": [p for p in params if p.dim() >= 2], "weight_decay": 0.1},
         {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0}],
        lr=0.01, betas=(0.9, 0.99), eps=1e-8)
    steps = []
    for i in range(0, len(lines), BATCH):
        optimizer.zero_grad()
        loss = torch.cat([losses(model, tokens) for tokens in lines[i:i + BATCH]])
        w = torch.cat([w[1:] for w in weight[i:i + BATCH]])
        (loss * w).sum().div(w.sum()).backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        steps.append(round(loss.mean().item(), 9))
    after = [round(losses(model, tokens).mean().item(), 9) for tokens in lines]
    return {"losses": steps, "after": after}


def say(make, tokenizer, rows, biases):
    model = make()
    lines = [tokenizer(row["text"])["input_ids"] for row in rows]
    assert all(tokenizer.decode(t) == r["text"] for t, r in zip(lines, rows))
    weight = [weights(tokenizer, row) for row in rows]
    with torch.no_grad():
        said = {
            "tokens": lines,
            "p": [[round(p, 9) for p in losses(model, tokens).neg().exp().tolist()]
                  for tokens in lines],
        }
        nats = [losses(model, tokens).tolist() for tokens in lines]
        said["nats"] = {k: round(n, 9) for k, n in by_kind(tokenizer, rows, nats).items()}
        if isinstance(model, GPT2LMHeadModel):
            attention = model(torch.tensor(lines[:1]), output_attentions=True).attentions
            said["attention"] = [[[[round(p, 9) for p in row[:i + 1]] for i, row in enumerate(head)]
                                  for head in layer[0].tolist()] for layer in attention]
    said["even"] = train(make(), biases, lines, [torch.ones_like(w) for w in weight])
    said["weighted"] = train(make(), biases, lines, weight)
    return said


def main():
    torch.set_num_threads(1)
    half = fresh("half", ["tokenizer.json"], {"activation_function": "gelu_new"}, torch.float16)
    other = {
        "tie_word_embeddings": False, "activation_function": "gelu_pytorch_tanh",
        "layer_norm_epsilon": 0.01, "n_inner": 7, "scale_attn_weights": False,
        "scale_attn_by_inverse_layer_idx": True,
    }
    every = fresh("all-kinds", ["vocab.json", "merges.txt"], other, torch.bfloat16,
                  max_shard_size="6KB")
    assert len(list(every.glob("model-*.safetensors"))) == 2
    rows = records()
    said = {"weights": WEIGHTS, "records": rows}
    for directory in (half, every):
        tokenizer = AutoTokenizer.from_pretrained(directory)
        said[directory.name] = say(lambda: load(directory), tokenizer, rows, True)
        for file in ("tokenizer.json", "vocab.json", "merges.txt"):
            (directory / file).unlink(missing_ok=True)
    said["nanogpt"] = say(lambda: nanogpt(sys.argv[1]), tokenizer, rows, False)
    with open(HERE / "train-on.json", "w") as file:
        json.dump(said, file)
        file.write("\n")


main()
