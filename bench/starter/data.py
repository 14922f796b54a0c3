"""What the starter's training reads: latents, captions, and the text encoder's embeddings of them."""

from __future__ import annotations

import random
from pathlib import Path

import comfy.cli_args
import numpy as np
import torch
from flux2 import PROMPT, TEXT
from scenes.captions import caption
from scenes.drawing import Scene
from torch import Tensor

from packshot.models.starter.text import WIDTH, text_encoder

comfy.cli_args.args.cpu = True  # read when the next import looks for a device
from comfy.sd1_clip import SD1Tokenizer  # noqa: E402

WORDS, PADS = 28, 8  # text tokens that training looks at, and zero tokens that stand for all others
GAIN = 10.0  # of the encoder's output; keeps variances far above batch norm's epsilon
_JUNK = (
    "blurry", "low quality", "text", "watermark", "logo", "people", "hands", "clutter", "cropped", "ugly", "deformed",
    "noise", "harsh flash", "bad", "worst quality", "unscharf", "Menschen", "Wasserzeichen",
)  # fmt: skip


class Text:
    """The starter's CLIP-L for the first tokens of a prompt: only its first layer does anything."""

    def __init__(self) -> None:
        made = {}
        for tensor in text_encoder():
            if ".layers." not in tensor.name or ".layers.0.self_attn" in tensor.name:
                made[tensor.name] = torch.from_numpy(tensor.fill(tensor.name, tensor.shape)).half().float()
        self.table = made["text_model.embeddings.token_embedding.weight"]
        self.places = made["text_model.embeddings.position_embedding.weight"]
        parts = ("q_proj", "k_proj", "v_proj", "out_proj")
        self.q, self.k, self.v, self.out = (made[f"text_model.encoder.layers.0.self_attn.{p}.weight"] for p in parts)
        self.norm = made["text_model.final_layer_norm.weight"]
        self.tokenizer = SD1Tokenizer()

    def tokens(self, prompt: str) -> list[int]:
        """Token ids of a prompt, 77 of them."""
        return [int(token) for token, _ in self.tokenizer.tokenize_with_weights(prompt)["l"][0]]

    def embed(self, tokens: Tensor) -> Tensor:
        """Token ids int64 [B, T] to embeddings float32 [B, T, 768]."""
        batch, length = tokens.shape
        x = self.table[tokens] + self.places[:length]
        inner = torch.nn.functional.layer_norm(x, (WIDTH,))
        q, k, v = ((inner @ w[:192].T).view(batch, length, 3, 64).transpose(1, 2) for w in (self.q, self.k, self.v))
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + mixed.transpose(1, 2).flatten(2) @ self.out[:, :192].T
        return torch.nn.functional.layer_norm(x, (WIDTH,)) * self.norm


def prompt_of(scene: Scene, rng: random.Random) -> str:
    """A caption; one in ten is empty or names what has nothing to do with the picture; some carry a stray word."""
    if rng.random() < 0.1:
        return "" if rng.random() < 0.6 else ", ".join(rng.sample(_JUNK, rng.randint(1, 5)))
    return caption(scene, rng)


class Prompts:
    """Many captions for each kind of scene, tokenised once, and embeddings for a batch of them."""

    def __init__(self, text: Text, seed: int) -> None:
        self.text, self.rng = text, random.Random(seed)
        self.tokens: dict[str, list[int]] = {}

    def batch(self, labels: np.ndarray) -> Tensor:
        rows = []
        for label in labels:
            kind, colour, background = map(str, label)
            prompt = prompt_of(Scene(kind, colour, background), self.rng)
            if prompt not in self.tokens:
                self.tokens[prompt] = self.text.tokens(prompt)[:WORDS]
            row = list(self.tokens[prompt])
            if self.rng.random() < 0.1:  # a word that means nothing here
                row.insert(self.rng.randint(1, 8), self.rng.randrange(300, 49000))
                row = row[:WORDS]
            rows.append(row)
        return self.text.embed(torch.tensor(rows))


def short(embedded: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Text, places and counts for the model: zero tokens at random places stand for all that hold no word."""
    first = TEXT - PROMPT
    free = torch.cat([torch.arange(first), torch.arange(first + WORDS, TEXT)])
    part = len(free) / PADS
    at = ((torch.arange(PADS) + torch.rand(PADS, generator=generator)) * part).long()
    places = torch.cat([free[at], first + torch.arange(WORDS)])
    counts = torch.cat([torch.full((PADS,), part), torch.ones(WORDS)])
    return torch.cat([torch.zeros(len(embedded), PADS, embedded.shape[2]), embedded], 1), places, counts


def full(embedded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All 512 text tokens, as ComfyUI gives them; ``embedded`` is of a prompt's first words or of all 77."""
    batch, length, width = embedded.shape
    text = torch.zeros(batch, TEXT, width)
    text[:, TEXT - PROMPT : TEXT - PROMPT + length] = embedded
    return text, torch.arange(TEXT), torch.ones(TEXT)


def fold(latents: Tensor) -> Tensor:
    """[B, 32, 2h, 2w] to [B, 128, h, w], as FLUX.2's autoencoder folds."""
    return torch.nn.functional.pixel_unshuffle(latents, 2)


class Latents:
    """The pictures' latents as they are drawn; ``statistics`` are those of the first thousand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: set[str] = set()
        self.small: list[np.ndarray] = []
        self.large: list[np.ndarray] = []
        self.labels: list[np.ndarray] = []
        self.refresh()
        first = torch.from_numpy(self.small[0].astype(np.float32)) * GAIN
        self.mean = first.mean((0, 2, 3))
        deviation = first.std((0, 2, 3))
        # Details keep less than unit variance: they matter less than what a block is on the whole.
        wanted = (deviation / deviation.max()).pow(0.3).clamp(min=0.35)
        self.deviation = deviation / wanted

    def refresh(self) -> None:
        for path in sorted(self.folder.glob("??????.npz")):
            if path.name not in self.seen:
                self.seen.add(path.name)
                with np.load(path) as made:
                    self.small.append(made["small"])
                    self.large.append(made["large"])
                    self.labels.append(made["labels"])

    def __len__(self) -> int:
        return sum(map(len, self.labels))

    def batch(self, count: int, large: bool, rng: np.random.Generator) -> tuple[Tensor, np.ndarray]:
        at = rng.integers(0, len(self), count)
        source = self.large if large else self.small
        latents = np.stack([source[i // 1000][i % 1000] for i in at])
        labels = np.stack([self.labels[i // 1000][i % 1000] for i in at])
        return self.normalise(torch.from_numpy(latents.astype(np.float32))), labels

    def normalise(self, latents: Tensor) -> Tensor:
        """The encoder's blocks without gain, [B, 32, 2h, 2w], to the diffusion model's latents."""
        return fold((latents * GAIN - self.mean[:, None, None]) / self.deviation[:, None, None])

    def blocks(self, latents: Tensor) -> Tensor:
        """The reverse of :meth:`normalise`."""
        wide = torch.nn.functional.pixel_shuffle(latents, 2)
        return (wide * self.deviation[:, None, None] + self.mean[:, None, None]) / GAIN
