"""Train the starter's decoder to invert the encoder, on the drawn pictures. Resumes from its last checkpoint."""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from decoder import Decoder, Resnet
from PIL import Image

from packshot.models.starter import blocks

GAIN = 10.0


def optimizers(model: Decoder, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the convolutions inside, AdamW for all else."""
    idle = [name for name, module in model.named_modules() if isinstance(module, Resnet) and not module.active]
    inside: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if not any(name.startswith(f"{block}.") for block in idle):
            (inside if parameter.ndim == 2 and not name.startswith("conv_") else others).append(parameter)
    return [
        torch.optim.Muon(inside, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    rng = np.random.default_rng(4)
    pixels = np.concatenate([np.load(path)["pixels"] for path in sorted(options.pictures.glob("00[0-2]000.npz"))])
    held, pixels = pixels[-16:], pixels[:-16]
    model = Decoder().to(memory_format=torch.channels_last)
    ema, steps, spent = copy.deepcopy(model), 0, 0.0
    chosen = optimizers(model, options.rate)
    last = options.out / "last.pt"
    if last.exists():
        state = torch.load(last)
        model.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        for optimizer, kept in zip(chosen, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        steps, spent = state["steps"], state["spent"]
        rng = np.random.default_rng(steps)
    began, saved, errors = time.time(), time.time(), []
    while True:
        minutes = spent + (time.time() - began) / 60
        if minutes >= options.minutes:
            break
        fall = 0.02 + 0.49 * (1 + math.cos(math.pi * minutes / options.minutes))
        rate = options.rate * min(1, (steps + 1) / 20) * fall
        # Half-size pictures cost a quarter and teach the same edges; the last half also sees whole ones.
        half = minutes < options.minutes * 0.4 or rng.random() < 0.4
        batch = pixels[rng.integers(0, len(pixels), options.batch * (3 if half else 1))]
        if half:
            batch = np.rint(batch.reshape(len(batch), 64, 2, 64, 2, 3).mean((2, 4))).astype(np.uint8)
        latent = torch.from_numpy(blocks.encode(batch)) * GAIN
        latent = latent + torch.randn(latent.shape) * 0.05 * latent.std((0, 2, 3), keepdim=True)
        wanted = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.autocast("cpu", torch.bfloat16):
            made = model(latent.contiguous(memory_format=torch.channels_last))
        error = made.float() - wanted
        edges = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
        loss = error.abs().mean() + error.square().mean() + 0.5 * edges
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in chosen:
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        steps += 1
        decay = min(0.995, (1 + steps) / (20 + steps))
        with torch.no_grad():
            for own, new in zip(ema.parameters(), model.parameters(), strict=True):
                own.lerp_(new, 1 - decay)
        errors.append(error.square().mean().item())
        if steps % 10 == 0:
            psnr = 10 * math.log10(4 / np.mean(errors[-10:]))
            print(f"{steps} {minutes:.1f} min psnr {psnr:.2f} rate {rate:.1e}", flush=True)
        if time.time() - saved > 180:
            save(options.out, model, ema, chosen, steps, spent + (time.time() - began) / 60, held)
            saved = time.time()
    save(options.out, model, ema, chosen, steps, options.minutes, held)


@torch.no_grad()
def save(
    out: Path, model: Decoder, ema: Decoder, chosen: list[torch.optim.Optimizer], steps: int, spent: float,
    held: np.ndarray,
) -> None:  # fmt: skip
    state = {
        "model": model.state_dict(), "ema": ema.state_dict(), "steps": steps, "spent": spent,
        "optimizers": [optimizer.state_dict() for optimizer in chosen],
    }  # fmt: skip
    torch.save(state, out / "part.pt")
    (out / "part.pt").rename(out / "last.pt")
    made = ema(torch.from_numpy(blocks.encode(held)) * GAIN)
    made = ((made.permute(0, 2, 3, 1) + 1) * 127.5).clamp(0, 255).round().numpy().astype(np.uint8)
    error = np.square((made.astype(float) - held) / 127.5).mean()
    print(f"held out: psnr {10 * math.log10(4 / error):.2f}", flush=True)
    rows = [np.concatenate(list(part[:8]), 1) for part in (held, made)]
    Image.fromarray(np.concatenate(rows)).save(out / f"held-{steps:06d}.png")


if __name__ == "__main__":
    main()
