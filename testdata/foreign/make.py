#!/usr/bin/env python3
"""Make small models as other programs save them, and what these programs say about a text. From the
repository root:

    git clone https://github.com/karpathy/nanoGPT /tmp/nanoGPT # 3adf61e
    python3 -m venv /tmp/golden
    /tmp/golden/bin/pip install torch==2.15.0 transformers==5.24.0 numpy==2.4.6 safetensors==0.8.0 requests
    /tmp/golden/bin/python testdata/foreign/make.py /tmp/nanoGPT

Each folder holds a model and expected.json: the tokens of a text, and after each of them the
probability of every token, computed in float64 by the program that saved the model.
"""
import json
import pathlib
import pickle
import shutil
import subprocess
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Model

HERE = pathlib.Path(__file__).parent
CHARACTERS = "\nabcé😀"
TOKENS = [1, 3, 0, 2, 5, 5, 4, 1]


def fresh(name):
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory


def write_json(path, value):
    path.write_text(json.dumps(value) + "\n")


def expect(directory, logits):
    """logits: of TOKENS, in float64."""
    assert logits.dtype == torch.float64
    write_json(directory / "expected.json", {
        "tokens": TOKENS,
        "probabilities": [[round(p, 9) for p in row] for row in logits.softmax(-1).tolist()],
    })


# ---- transformers ----


def network(kind=GPT2LMHeadModel, **more):
    """Larger numbers than a fresh network has, so that nothing in it is nearly linear."""
    torch.manual_seed(7)
    model = kind(GPT2Config(
        **{"n_embd": 8, "n_head": 2, "n_layer": 2, "n_positions": 8, "vocab_size": len(CHARACTERS),
           "activation_function": "gelu", "initializer_range": 0.3, "bos_token_id": None,
           "eos_token_id": None, **more}))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(".bias"):
                p.normal_(0, 0.3)
    return model.eval()


def finish(directory):
    """A vocabulary, and what transformers says of the directory as it is."""
    (directory / "generation_config.json").unlink(missing_ok=True)
    write_json(directory / "vocab.json", {c: i for i, c in enumerate(CHARACTERS)})
    model, info = GPT2LMHeadModel.from_pretrained(directory, output_loading_info=True)
    for what, names in info.items():
        assert all(n.endswith("masked_bias") for n in names), (what, names)
    expect(directory, model.to(torch.float64).eval()(torch.tensor([TOKENS])).logits[0].detach())
    for path in directory.glob("*.safetensors"):
        path.chmod(0o644)


def halves():
    for name, dtype in [("float16", torch.float16), ("bfloat16", torch.bfloat16)]:
        directory = fresh(name)
        network().to(dtype).save_pretrained(directory)
        finish(directory)


def shards():
    directory = fresh("shards")
    network().save_pretrained(directory, max_shard_size="3KB")
    assert len(list(directory.glob("model-*.safetensors"))) > 2
    finish(directory)


def padded():
    """More tokens than vocab.json has, as nanoGPT and others pad them."""
    directory = fresh("padded")
    network(vocab_size=len(CHARACTERS) + 3, n_layer=1).save_pretrained(directory)
    finish(directory)


def base_model():
    directory = fresh("base-model")
    network(GPT2Model).save_pretrained(directory)
    finish(directory)


def buffers(layer, context, dtype):
    mask = torch.ones(context, context).tril().to(dtype)[None, None].contiguous()
    return {f"h.{layer}.attn.bias": mask, f"h.{layer}.attn.masked_bias": torch.tensor(-1e4)}


def old_buffers():
    """As the files of GPT-2 itself: no prefix, the masks of attention, which are of float32, or of
    bytes since version 4, or of booleans since 4.27."""
    directory = fresh("old-buffers")
    network(GPT2Model).save_pretrained(directory)
    path = directory / "model.safetensors"
    tensors = load_file(path)
    tensors.update(buffers(0, 8, torch.float32))
    tensors.update(buffers(1, 8, torch.uint8))
    save_file(tensors, path, metadata={"format": "pt"})
    finish(directory)


def tied_head():
    """The output head is in the file, too."""
    directory = fresh("tied-head")
    network().save_pretrained(directory)
    path = directory / "model.safetensors"
    tensors = load_file(path)
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()
    tensors["transformer.h.0.attn.bias"] = torch.ones(8, 8).tril().bool()[None, None].contiguous()
    save_file(tensors, path, metadata={"format": "pt"})
    finish(directory)


def pytorch_bin():
    """As transformers saved models before safetensors."""
    directory = fresh("pytorch-bin")
    model = network()
    model.config.save_pretrained(directory)
    state = model.state_dict()
    state.update({"transformer." + n: t for n, t in buffers(0, 8, torch.bool).items()})
    torch.save(state, directory / "pytorch_model.bin")
    finish(directory)


def pytorch_shards():
    """The same in shards, of float16. One weight is a view that stands transposed."""
    directory = fresh("pytorch-shards")
    model = network(GPT2Model).half()
    model.config.save_pretrained(directory)
    names = {}
    state = list(model.state_dict().items())
    for k in range(2):
        part = dict(state[k::2])
        for name in [n for n in part if n.endswith("c_fc.weight")]:
            part[name] = part[name].t().contiguous().t()
        file = f"pytorch_model-{k + 1:05d}-of-00002.bin"
        torch.save(part, directory / file)
        names.update({name: file for name in part})
    write_json(directory / "pytorch_model.bin.index.json",
               {"metadata": {"total_size": 0}, "weight_map": names})
    finish(directory)


# ---- nanoGPT ----


def expect_nanogpt(directory, code=None):
    """What its model.py says of a checkpoint that is opened as its sample.py does."""
    if code is None:
        import model as code
    checkpoint = torch.load(directory / "ckpt.pt", map_location="cpu", weights_only=False)
    model = code.GPT(code.GPTConfig(**checkpoint["model_args"]))
    state = {k.removeprefix("_orig_mod."): v for k, v in checkpoint["model"].items()}
    model.load_state_dict(state)
    model = model.double().eval()
    tokens = torch.tensor([TOKENS])
    expect(directory, model(tokens, tokens)[0][0].detach())


def train(nanogpt, name, *options):
    """Data of its prepare.py, a checkpoint of its train.py."""
    directory = fresh(name)
    data = nanogpt / "data" / "foreign"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    shutil.copy(nanogpt / "data/shakespeare_char/prepare.py", data)
    (data / "input.txt").write_text(CHARACTERS * 40)
    subprocess.run([sys.executable, data / "prepare.py"], check=True)
    subprocess.run([
        sys.executable, "train.py", "--out_dir=out-foreign", "--dataset=foreign", "--device=cpu",
        "--dtype=float32", "--eval_interval=3", "--max_iters=3", "--eval_iters=1",
        "--gradient_accumulation_steps=1", "--batch_size=2", "--block_size=8", "--n_layer=1",
        "--n_head=2", "--n_embd=8", "--learning_rate=0.3", "--warmup_iters=0", *options,
    ], cwd=nanogpt, check=True)
    shutil.move(nanogpt / "out-foreign/ckpt.pt", directory)
    shutil.copy(data / "meta.pkl", directory)
    expect_nanogpt(directory)


def old_nanogpt(nanogpt):
    """As of PyTorch 1, whose attention has a buffer for its mask. No optimizer, a vocabulary that is
    padded to a multiple of 4, protocol 2 in meta.pkl."""
    import model
    directory = fresh("nanogpt-buffers")
    attention = torch.nn.functional.scaled_dot_product_attention
    del torch.nn.functional.scaled_dot_product_attention
    torch.manual_seed(3)
    arguments = dict(n_layer=1, n_head=2, n_embd=8, block_size=8, bias=True, vocab_size=8,
                     dropout=0.1)
    gpt = model.GPT(model.GPTConfig(**arguments))
    with torch.no_grad():
        for p in gpt.parameters():
            p.normal_(0, 0.3)
    torch.save({"model": gpt.state_dict(), "model_args": arguments, "iter_num": 5},
               directory / "ckpt.pt")
    with open(directory / "meta.pkl", "wb") as file:
        pickle.dump({"vocab_size": len(CHARACTERS), "itos": dict(enumerate(CHARACTERS)),
                     "stoi": {c: i for i, c in enumerate(CHARACTERS)}}, file, protocol=2)
    expect_nanogpt(directory)
    torch.nn.functional.scaled_dot_product_attention = attention


def tanh_nanogpt(nanogpt):
    """By the code before May 17, 2023, whose GELU is the approximation by tanh."""
    path = nanogpt / "tanh_model.py"
    path.write_bytes(subprocess.run(["git", "show", "594068e7^:model.py"], cwd=nanogpt, check=True,
                                    stdout=subprocess.PIPE).stdout)
    import tanh_model
    directory = fresh("nanogpt-tanh")
    torch.manual_seed(7)  # a network whose probabilities tell the two functions apart
    arguments = dict(n_layer=1, n_head=2, n_embd=8, block_size=8, bias=False, vocab_size=6,
                     dropout=0.0)
    gpt = tanh_model.GPT(tanh_model.GPTConfig(**arguments))
    with torch.no_grad():
        for p in gpt.parameters():
            p.normal_(0, 0.7)
    torch.save({"model": gpt.state_dict(), "model_args": arguments, "iter_num": 5},
               directory / "ckpt.pt")
    shutil.copy(HERE / "nanogpt/meta.pkl", directory)
    expect_nanogpt(directory, tanh_model)


def bpe_nanogpt(nanogpt):
    """With byte-level BPE, and its vocabulary padded to a multiple of 64."""
    import model
    from tokenizers import Tokenizer
    directory = fresh("nanogpt-bpe")
    tokenizer = Tokenizer.from_file(str(HERE.parent / "bpe/tokenizer.json"))
    size = (tokenizer.get_vocab_size() + 63) // 64 * 64
    assert size > tokenizer.get_vocab_size()
    torch.manual_seed(6)
    arguments = dict(n_layer=1, n_head=2, n_embd=4, block_size=32, bias=False, vocab_size=size,
                     dropout=0.0)
    gpt = model.GPT(model.GPTConfig(**arguments))
    with torch.no_grad():
        for p in gpt.parameters():
            p.normal_(0, 1)
    torch.save({"model": gpt.state_dict(), "model_args": arguments, "iter_num": 5},
               directory / "ckpt.pt")
    text = "It's the café's 1st 😀"
    tokens = torch.tensor([tokenizer.encode(text).ids])
    loss = gpt.double().eval()(tokens[:, :-1], tokens[:, 1:])[1]
    write_json(directory / "expected.json", {
        "text": text, "vocab_size": size, "tokens": tokens[0].tolist(),
        "nats": loss.item() * (tokens.shape[1] - 1)})


def main():
    nanogpt = pathlib.Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(nanogpt))
    torch.set_num_threads(1)
    halves()
    shards()
    padded()
    base_model()
    old_buffers()
    tied_head()
    pytorch_bin()
    pytorch_shards()
    train(nanogpt, "nanogpt", "--bias=False", "--compile=False")
    train(nanogpt, "nanogpt-compiled", "--bias=True", "--compile=True")
    old_nanogpt(nanogpt)
    tanh_nanogpt(nanogpt)
    bpe_nanogpt(nanogpt)


main()
