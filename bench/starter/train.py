"""Train the starter's diffusion model: rectified flow on the pictures' latents. Resumes from its last checkpoint."""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from data import Latents, Prompts, Text, short
from flux2 import Flux2


def levels(count: int, generator: torch.Generator) -> torch.Tensor:
    """Noise levels: logit-normal about the shift at which the starter is sampled, one in eight uniform."""
    normal = (0.4 + 1.1 * torch.randn(count, generator=generator)).sigmoid()
    even = torch.rand(count, generator=generator)
    return torch.where(torch.rand(count, generator=generator) < 0.125, even, normal).clamp(1e-3, 1.0)


def optimizers(model: Flux2, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices (Jordan et al. 2024), AdamW for all else."""
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (matrices if "blocks." in name and parameter.ndim == 2 else others).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.01),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=100, help="of training, in all; the rate falls over them")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--large", type=float, default=0.0, help="share of steps at 256 pixels")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    generator, rng = torch.Generator().manual_seed(1), np.random.default_rng(2)
    latents, prompts = Latents(options.pictures), Prompts(Text(), 3)
    model = Flux2()
    ema = copy.deepcopy(model)
    steps, spent = 0, 0.0
    chosen = optimizers(model, options.rate)
    last = options.out / "last.pt"
    if last.exists():
        state = torch.load(last)
        model.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        for optimizer, saved in zip(chosen, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        steps, spent = state["steps"], state["spent"]
        generator.manual_seed(steps)
        rng = np.random.default_rng(steps)
    run = torch.compile(model, dynamic=False) if options.compile else model
    began, saved_at, losses = time.time(), time.time(), []
    while True:
        minutes = spent + (time.time() - began) / 60
        done = minutes / options.minutes
        if done >= 1:
            break
        rate = options.rate * min(1, (steps + 1) / 50) * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))
        large = bool(rng.random() < options.large)
        batch = options.batch // 4 if large else options.batch
        x, labels = latents.batch(batch, large, rng)
        text, places, counts = short(prompts.batch(labels), generator)
        noise, level = torch.randn(x.shape, generator=generator), levels(batch, generator)
        at = level.view(-1, 1, 1, 1)
        with torch.autocast("cpu", torch.bfloat16):
            velocity = run((1 - at) * x + at * noise, level, text, places, counts)
        loss = (velocity.float() - (noise - x)).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in chosen:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        steps += 1
        decay = min(0.998, (1 + steps) / (20 + steps))
        with torch.no_grad():
            for own, new in zip(ema.parameters(), model.parameters(), strict=True):
                own.lerp_(new, 1 - decay)
        losses.append(loss.item())
        if steps % 20 == 0:
            print(f"{steps} {minutes:.1f} min loss {np.mean(losses[-20:]):.4f} rate {rate:.2e}", flush=True)
            latents.refresh()
        if time.time() - saved_at > 120:
            save(options.out, model, ema, chosen, steps, spent + (time.time() - began) / 60)
            saved_at = time.time()
    save(options.out, model, ema, chosen, steps, options.minutes)


def save(out: Path, model: Flux2, ema: Flux2, chosen: list[torch.optim.Optimizer], steps: int, spent: float) -> None:
    state = {
        "model": model.state_dict(), "ema": ema.state_dict(), "steps": steps, "spent": spent,
        "optimizers": [optimizer.state_dict() for optimizer in chosen],
    }  # fmt: skip
    torch.save(state, out / "part.pt")
    (out / "part.pt").rename(out / "last.pt")


if __name__ == "__main__":
    main()
