#!/usr/bin/env python3
"""What transformers makes of texts with added tokens, which directories name in several files. From the
repository root:

    python3 -m venv /tmp/golden
    /tmp/golden/bin/pip install transformers==5.24.0 tokenizers==0.23.3
    /tmp/golden/bin/python testdata/bpe/added.py

added.json has for each directory: the files beside those of this folder that it has ("tokenizer.json"
or "vocab.json" and "merges.txt"), what is changed of tokenizer.json, and the tokens of the texts. If
"refused" is there, memoscope does not open it.
"""
import json
import pathlib
import random
import shutil
import tempfile

from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).parent
FAST = {"tokenizer_class": "PreTrainedTokenizerFast"}
GPT2 = {"tokenizer_class": "GPT2Tokenizer"}
END = "<|endoftext|>"
TEXTS = [f"a {END} b", "x<s>y </s>z", f"<s><s> {END}</s>the", "[PAD][PAD] q", "aab aabb abab", "<s", ""]


def token(content, **options):
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False,
            "normalized": False, "special": True, **options}


def listed(content, number, **options):
    return {"id": number, **token(content, **options)}


def added(*tokens):
    return {"added_tokens": [listed(END, 0), *tokens]}


def decoder(*tokens):
    return {"added_tokens_decoder": {str(t["id"]): {k: t[k] for k in t if k != "id"} for t in tokens}}


PAD = {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
       "pad_type_id": 0, "pad_token": END}
CUT = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
# tokens of the network, changes of tokenizer.json (None: vocab.json and merges.txt), other files,
# what memoscope says if it refuses them
CASES = [
    (700, {}, {}, None),
    (700, {"added_tokens": []}, {}, None),
    (700, {"added_tokens": []}, {"tokenizer_config.json": GPT2}, None),
    (700, {"added_tokens": []}, {"tokenizer_config.json": FAST}, None),
    (700, {"added_tokens": []}, {"tokenizer_config.json": {**FAST, "bos_token": END}}, None),
    (701, {}, {"tokenizer_config.json": {**FAST, "eos_token": "</s>"}}, None),
    (704, {}, {"tokenizer_config.json": {**GPT2, "eos_token": "</s>", "bos_token": "<s>"}}, None),
    (704, {}, {"tokenizer_config.json": {**GPT2, "eos_token": None, "pad_token": "[PAD]"}}, None),
    (701, {}, {"special_tokens_map.json": {"eos_token": "</s>"}}, None),
    (702, {}, {"special_tokens_map.json": {"pad_token": token("[PAD]"), "unk_token": "<s>"},
               "tokenizer_config.json": {**GPT2, "unk_token": "</s>"}}, None),
    (701, {}, {"added_tokens.json": {"<s>": 700}}, None),
    (702, {}, {"added_tokens.json": {"<s>": 701, "</s>": 700}, "tokenizer_config.json": FAST}, None),
    (702, {}, {"tokenizer_config.json": {**FAST, **decoder(listed("<s>", 700), listed("</s>", 701))}},
     None),
    (703, {}, {"tokenizer_config.json": {**GPT2, **decoder(listed(END, 0), listed("<s>", 700)),
                                         "pad_token": "[PAD]"},
               "special_tokens_map.json": {"pad_token": "</s>"}}, None),
    (703, {}, {"tokenizer_config.json": {**FAST, "additional_special_tokens": ["<s>", "</s>"]}}, None),
    (703, {}, {"tokenizer_config.json": {**FAST, "extra_special_tokens": {"image_token": "<s>"}}}, None),
    (703, {}, {"tokenizer_config.json": {**FAST, "image_token": "<s>", "pad_token": "[PAD]"}}, None),
    (703, {}, {"tokenizer_config.json": FAST,
               "special_tokens_map.json": {"additional_special_tokens": ["[PAD]", "<s>"]}}, None),
    (703, added(listed("<s>", 700), listed("<s><s>", 701), listed("</s>t", 702)), {}, None),
    (703, added(listed("aab", 700, normalized=True, special=False), listed("aabb", 701, normalized=True),
                listed("abab", 702, normalized=True)), {}, None),
    (702, added(listed("aab", 700, special=False), listed("<s>", 701, normalized=True)), {}, None),
    (700, None, {}, None),
    (701, None, {"added_tokens.json": {"<s>": 700}}, None),
    (701, None, {"tokenizer_config.json": {**GPT2, "eos_token": "</s>"}}, None),
    (701, None, {"special_tokens_map.json": {"eos_token": "</s>", "bos_token": "</s>", "unk_token": "</s>"}},
     None),
    (702, None, {"special_tokens_map.json": {"eos_token": "</s>"}, "tokenizer_config.json": {
        **GPT2, **decoder(listed("<s>", 700), listed("[PAD]", 701))}}, None),
    (703, None, {"special_tokens_map.json": {"additional_special_tokens": ["<s>", "</s>"]}}, None),
    (700, {"truncation": CUT}, {}, None),
    (700, {"padding": PAD}, {}, None),
    (700, {}, {"tokenizer_config.json": {**FAST, "model_max_length": 3, "padding_side": "left",
                                         "truncation_side": "left", "errors": "ignore"}}, None),
    (700, {}, {"tokenizer_config.json": {**FAST, "clean_up_tokenization_spaces": True}}, None),
    (701, added(listed("<s>", 700, lstrip=True)), {}, "tokenizer.json: added token '<s>' has \"lstrip\""),
    (701, added(listed("<s>", 700, rstrip=True)), {}, "tokenizer.json: added token '<s>' has \"rstrip\""),
    (701, added(listed("aab", 700, single_word=True)), {}, "added token 'aab' has \"single_word\""),
    (701, {}, {"tokenizer_config.json": {**FAST, **decoder(listed(END, 0, rstrip=True))}},
     "tokenizer_config.json: added token '<|endoftext|>' has \"rstrip\""),
    (702, added(listed("aab", 700), listed("aabb", 701, normalized=True)), {},
     "added tokens 'aab' and 'aabb' overlap, and one of them is \"normalized\""),
    (702, added(listed("aba", 700, normalized=True), listed("bab", 701)), {}, "overlap"),
    (705, added(listed("<s>", 703)), {}, "'<s>' has the token 703, but the tokenizers of transformers "
     "give it 700"),
    (700, {}, {"tokenizer_config.json": {**FAST, "split_special_tokens": True}}, "split_special_tokens"),
    (700, {}, {"tokenizer_config.json": {"tokenizer_class": "RobertaTokenizer"}},
     "tokenizer_config.json: \"tokenizer_class\" is RobertaTokenizer, expected"),
]


def random_cases():
    """Tokens that begin or end as others do."""
    rng = random.Random(5)
    for _ in range(12):
        contents = sorted({"".join(rng.choice("ab ") for _ in range(rng.randint(1, 4))) for _ in range(5)})
        same = rng.random() < 0.5
        tokens = [t for t in contents if t.strip()]
        yield (700 + len(tokens), added(*[listed(t, 700 + i, normalized=same, special=rng.random() < 0.5)
                                          for i, t in enumerate(tokens) if t not in "ab"]), {}, None)


def texts(rng):
    return ["".join(rng.choice("aabb  c\n") for _ in range(rng.randint(1, 30))) for _ in range(6)]


def encode(size, changes, files, lines):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for file in ["tokenizer.json"] if changes is not None else ["vocab.json", "merges.txt"]:
            shutil.copy(HERE / file, folder)
        (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", "vocab_size": size}))
        for file, content in files.items():
            (folder / file).write_text(json.dumps(content))
        if changes:
            path = folder / "tokenizer.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        return [tokenizer(line)["input_ids"] for line in lines]


def main():
    rng = random.Random(6)
    rows = []
    for size, changes, files, refused in [*CASES, *random_cases()]:
        lines = TEXTS if len(rows) < len(CASES) else texts(rng)
        if changes and "added_tokens" in changes:  # numbers are the next ones
            free = [t for t in changes["added_tokens"] if t["id"] and not refused]
            for i, t in enumerate(free):
                t["id"] = 700 + i
        row = {"vocab_size": size, "tokenizer": changes, "files": files, "texts": lines}
        row.update({"refused": refused} if refused else {"tokens": encode(size, changes, files, lines)})
        rows.append(row)
    (HERE / "added.json").write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


main()
