#!/usr/bin/env python3
"""Train a tiny byte-level BPE, and write down what the library makes of a text. From the repository root:

    python3 -m venv /tmp/golden
    /tmp/golden/bin/pip install tokenizers==0.23.3
    /tmp/golden/bin/python testdata/bpe/make.py

tokenizer.json, vocab.json and merges.txt are the library's own. expected.json has texts, and the
tokens that the library makes of them. No library tokenizes bytes that are not UTF-8: for these, its
pre-tokenizer splits the text with U+FFFD in the place of each, and its model encodes the bytes.
"""
import json
import pathlib

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
END = "<|endoftext|>"
TEXTS = [
    "I'll say they've can't won't it's he'd we're I'M don'T o'clock 'tis ''s",
    "12345 1 000 3.14 ½ ² Ⅷ ٣٤ 7th a1b2",
    "one  two   three    four \n five\n\n six \n\n\n  seven\t\teight\t nine \r\n ten   ",
    "   leading\u00a0no-break\u2003em\u3000wide\u2028line\u0085next\u180evowel\u200bzero",
    "café naïve Ångström Ελλάδα Привет e\u0301 ñ",
    "👩‍🚀 🎉🎉 😀! ❤️ 🇪🇺",
    "日本語の文章。 中文句子，没有空格。 한국어 ไทย",
    "Who wrote this? She did!!! ... --- (x) [y] {z} a_b-c+d=e; <b>&amp;</b> $5 50%",
    END + "one" + END + END + " two <|endoftext| <|end" + END + ">",
    "\x00\x01\x7f\x1b[0m",
    "a" * 300 + " " * 300 + "!" * 100 + "\n" * 70 + "the" * 60,
    "",
]
BROKEN = [
    b"caf\xe9 na\xefve",
    b"\xff\xfe \xc3 \xe2\x82 \xf0\x9f\x98 end\xc3",
    b"a\x80b 1\x802 '\xbfs the\xed\xa0\x80\xc0\xaf the \xf5\xf8\xff!?\xff\n\xff",
    b"\xe2\x82<|endoftext|>\x80",
]


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    corpus = [(ROOT / "testdata/quiz.jsonl").read_text()] + TEXTS[4:8] * 4 + TEXTS[:1] * 4
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=700, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(END, special=True)], show_progress=False))
    return tokenizer


def glyphs():
    """GPT-2's characters for bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def characters(data):
    """The characters of bytes, of which each that is not UTF-8 is one."""
    at = 0
    while at < len(data):
        for size in (1, 2, 3, 4):
            try:
                yield data[at:at + size].decode(), data[at:at + size]
                break
            except UnicodeDecodeError:
                continue
        else:
            size = 1
            yield "\ufffd", data[at:at + 1]
        at += size


def encode_broken(tokenizer, data):
    glyph, ids = glyphs(), []
    parts = data.split(END.encode())
    for i, part in enumerate(parts):
        if i > 0:
            ids.append(tokenizer.token_to_id(END))
        pairs = list(characters(part))
        split = tokenizer.pre_tokenizer.pre_tokenize_str("".join(c for c, _ in pairs))
        for _, (begin, end) in split:
            word = b"".join(b for _, b in pairs[begin:end])
            ids += [t.id for t in tokenizer.model.tokenize("".join(glyph[b] for b in word))]
    return ids


def main():
    tokenizer = train()
    tokenizer.save(str(HERE / "tokenizer.json"))
    tokenizer.model.save(str(HERE))
    rows = [(t.encode(), tokenizer.encode(t).ids) for t in TEXTS]
    for data, ids in rows: # the two ways agree where both can go
        assert encode_broken(tokenizer, data) == ids, data
        assert tokenizer.decode(ids, skip_special_tokens=False).encode() == data
    rows += [(data, encode_broken(tokenizer, data)) for data in BROKEN]
    with open(HERE / "expected.json", "w") as file:
        json.dump([{"bytes": list(data), "tokens": ids} for data, ids in rows], file)
        file.write("\n")


main()
