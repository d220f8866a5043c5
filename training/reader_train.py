# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Train the reader on synthetic crops: ``python -m training.reader_train --minutes 50 --out DIR``.

Two losses: CTC over all tokens, and, because the generator knows where each sign stands, a cross
entropy that says which token reads which sign; the second teaches quickly, the first decides. A
GPU is used if there is one. A checkpoint is written every minute; ``--resume`` goes on from it.
"""

import argparse
import multiprocessing as mp
import os
import queue
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from training import fonts, layouts
from training.reader_feed import BESIDE, BLANK, CLASSES, IGNORED, TOKENS, Batch, Feed, decoded
from training.reader_net import Reader


def _serve(into: Any, seed: int, size: int, hard: Any) -> None:  # noqa: ANN401  typeshed's are private
    feed = Feed(seed, size)
    parent = os.getppid()
    while os.getppid() == parent:
        batch = feed.batch(hard.value)
        try:
            into.put(batch, timeout=600)
        except queue.Full:
            return


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are made orthogonal (K. Jordan, 2024), for matrices and kernels."""

    def __init__(self, params: list[nn.Parameter], lr: float, decay: float = 0.02) -> None:
        super().__init__(params, {"lr": lr, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ANN401  as torch has it
        """Take one step."""
        del closure
        for group in self.param_groups:
            for one in group["params"]:
                if one.grad is None:
                    continue
                state = self.state[one]
                speed = state.setdefault("speed", torch.zeros_like(one))
                speed.lerp_(one.grad, 0.05)
                push = orthogonal(one.grad.lerp(speed, 0.95).reshape(one.shape[0], -1))
                one.mul_(1 - group["lr"] * group["decay"])
                scale = 0.2 * max(push.shape) ** 0.5
                one.add_(push.reshape(one.shape), alpha=-group["lr"] * scale)


def orthogonal(matrix: torch.Tensor, rounds: int = 5) -> torch.Tensor:
    """Return roughly U V^T of a matrix (a quintic Newton-Schulz iteration)."""
    turned = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if turned else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.T if turned else x


def losses(
    logits: torch.Tensor, batch: Batch, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the CTC loss and the loss of tokens told where signs stand."""
    chances = logits.float().log_softmax(-1)
    lengths = torch.tensor([len(text) for text in batch.texts])
    target = torch.tensor([kind for text in batch.texts for kind in text])
    steps = torch.full((len(batch.texts),), TOKENS)
    ctc = nn.functional.ctc_loss(
        chances.transpose(0, 1).cpu(), target, steps, lengths, BLANK, zero_infinity=True
    )
    wanted = torch.from_numpy(batch.tokens).to(device).reshape(-1)
    flat = chances.reshape(-1, CLASSES)
    picked = -flat.gather(1, wanted.clamp(min=0)[:, None])[:, 0]
    beside = (wanted <= BESIDE) & (wanted != IGNORED)
    same = flat[beside].gather(1, (BESIDE - wanted[beside])[:, None])[:, 0]
    doubled = -torch.logaddexp(same, flat[beside, BLANK])
    sign = (wanted >= 0) & (wanted != BLANK)
    told = picked[sign].mean() + picked[wanted == BLANK].mean() + doubled.mean()
    return ctc.to(device), told


def standardised(pictures: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Return what the net eats: (g - mean) / (std + 8) of each crop."""
    x = torch.from_numpy(pictures).to(device).float()
    mean, spread = x.mean((1, 2), keepdim=True), x.std((1, 2), keepdim=True)
    return ((x - mean) / (spread + 8))[:, None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for on the command line."""

    minutes: float
    seed: int
    out: Path
    resume: bool
    batch: int
    workers: int
    rate: float


class Trainer:
    """A training run: net, slow average of it, optimisers, clock of the schedule."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = Reader().to(self.device, memory_format=torch.channels_last)
        matrices = [p for n, p in self.net.named_parameters() if p.ndim >= 2 and self._inner(n)]
        rest = [p for n, p in self.net.named_parameters() if not (p.ndim >= 2 and self._inner(n))]
        self.muon = Muon(matrices, plan.rate)
        self.adam = torch.optim.AdamW(rest, plan.rate, weight_decay=0.0)
        self.slow = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.steps, self.seconds = 0, 0.0
        if plan.resume:
            self._load()

    @staticmethod
    def _inner(name: str) -> bool:
        return not name.startswith(("out", "place", "features.0"))

    @property
    def share(self) -> float:
        """Which part of the time asked for is over."""
        return min(1.0, self.seconds / (60 * self.plan.minutes))

    def step(self, batch: Batch) -> tuple[float, float]:
        """Learn from a batch; return the loss and the share of crops read without a fault."""
        self._set_rate()
        logits = self.net(
            standardised(batch.pictures, self.device).to(memory_format=torch.channels_last)
        )
        ctc, told = losses(logits, batch, self.device)
        early = self.share < 0.12
        loss = 0.2 * ctc + told if early else ctc + 0.35 * told
        self.muon.zero_grad()
        self.adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 3.0)
        self.muon.step()
        self.adam.step()
        self.steps += 1
        self._average()
        read = decoded(logits.detach().float().cpu().numpy())
        texts = ["".join(layouts.ALPHABET[kind] for kind in text) for text in batch.texts]
        right = sum(one == other for one, other in zip(read, texts, strict=True))
        return float(loss.detach()), right / len(texts)

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        kept = {
            "net": self.net.state_dict(),
            "slow": self.slow,
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "steps": self.steps,
            "seconds": self.seconds,
            "seed": self.plan.seed,
            "batch": self.plan.batch,
        }
        fresh = self.plan.out / "reader.pt.new"
        torch.save(kept, fresh)
        fresh.replace(self.plan.out / "reader.pt")

    def _load(self) -> None:
        kept = torch.load(self.plan.out / "reader.pt", map_location=self.device)
        self.net.load_state_dict(kept["net"])
        self.slow = kept["slow"]
        self.muon.load_state_dict(kept["muon"])
        self.adam.load_state_dict(kept["adam"])
        self.steps, self.seconds = kept["steps"], kept["seconds"]

    def _set_rate(self) -> None:
        warm = min(1.0, (self.steps + 1) / 60)
        rate = self.plan.rate * warm * (0.02 + 0.49 * (1 + float(np.cos(np.pi * self.share))))
        for group in (*self.muon.param_groups, *self.adam.param_groups):
            group["lr"] = rate

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(0.998, self.steps / (self.steps + 20))
        for name, value in self.net.state_dict().items():
            if value.dtype.is_floating_point:
                self.slow[name].lerp_(value, 1 - keep)
            else:
                self.slow[name].copy_(value)


def train(plan: Plan) -> None:
    """Train until the minutes are over; print progress; leave ``reader.pt`` in the folder."""
    plan.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    trainer = Trainer(plan)
    batches: Any = mp.Queue(8)
    hard = mp.Value("d", 0.0)
    first = plan.seed * 1000 + trainer.steps
    makers = [
        mp.Process(target=_serve, args=(batches, first + n, plan.batch, hard), daemon=True)
        for n in range(plan.workers)
    ]
    for maker in makers:
        maker.start()
    print(f"{len(fonts.available())} fonts in {fonts.cache()}, {trainer.device}", flush=True)
    loss = right = 0.0
    before = saved = time.monotonic()
    while trainer.share < 1.0:
        hard.value = min(1.0, 0.1 + trainer.share / 0.35)
        got = trainer.step(batches.get(timeout=600))
        loss, right = 0.97 * loss + 0.03 * got[0], 0.97 * right + 0.03 * got[1]
        now = time.monotonic()
        trainer.seconds, before = trainer.seconds + now - before, now
        if trainer.steps % 25 == 0:
            left = plan.minutes * (1 - trainer.share)
            print(
                f"{trainer.share:6.1%}  {left:5.1f} min left  step {trainer.steps}"
                f"  crops {trainer.steps * plan.batch}  loss {loss:.3f}  right {right:.3f}"
                f"  waiting {batches.qsize()}  cpu {time.process_time():.0f} s",
                flush=True,
            )
        if now - saved > 60:
            trainer.save()
            saved = now
    trainer.save()
    for maker in makers:
        maker.terminate()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=50.0)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--rate", type=float, default=3e-3)
    train(Plan(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
