# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Train the finder on painted scenes: ``python -m training.finder_train OUT --minutes 25``.

One process paints, this one learns, on the CPU by default (``--device cuda`` where there is
one). Every fifty steps the averaged weights are written to OUT.
"""

import argparse
import math
import multiprocessing
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.finder_model import Finder
from training.finder_truth import Truth, truth
from training.fonts import available
from training.glyphs import faces
from training.layouts import layouts
from training.plates import Printer
from training.scenes import Painter, Picture

BATCH = 16
_LR, _WARM_STEPS = 4e-3, 100
_REPORT_STEPS = 50
_LEAST_PHOTO_PX = 150


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training run needs."""

    out: Path
    minutes: float
    """Processor time of the learning process."""
    seed: int
    photos: Path | None
    start: Path | None
    device: str
    rate: float = _LR


def photographs(folder: Path | None) -> list[Picture]:
    """Read the pictures in a folder that are large enough; they must show no legible plate."""
    if folder is None:
        return []
    read = (cv2.imread(str(path)) for path in sorted(folder.iterdir()))
    return [
        one.astype(np.uint8) for one in read
        if one is not None and min(one.shape[:2]) >= _LEAST_PHOTO_PX
    ]  # fmt: skip


def painter(seed: int, photos: Path | None) -> Painter:
    """Return the painter of a seed, with the plate generator of the same seed."""
    printer = Printer(layouts(), faces(available()), seed)
    return Painter(seed, printer.plate, photographs(photos))


def loss(answer: Tensor, cells: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the loss of the logits (focal) and of the corners (relative to the height)."""
    yes, weight, corners, tall = cells
    logit = answer[:, 0]
    share = torch.sigmoid(logit)
    right = share * yes + (1 - share) * (1 - yes)
    entropy = functional.binary_cross_entropy_with_logits(logit, yes, reduction="none")
    found = ((1 - right) ** 2 * entropy * weight).sum() / (yes * weight).sum().clamp(min=1)
    own = yes > 0
    if not bool(own.any()):
        return found, found.new_zeros(())
    is_, should = (part.permute(0, 2, 3, 1)[own] for part in (answer[:, 1:], corners))
    scale = tall[own][:, None]
    placed = functional.smooth_l1_loss(is_ / scale, should / scale, beta=0.15)
    return found, placed * 4


def paint(queue: "Queue[tuple[Picture, Truth]]", seed: int, photos: Path | None) -> None:
    """Paint batches for ever: pictures (BATCH, SIDE, SIDE, 3) and their truth."""
    cv2.setNumThreads(1)
    own = painter(seed, photos)
    while True:
        scenes = [own.scene() for _ in range(BATCH)]
        queue.put((np.stack([scene.picture for scene in scenes]), truth(scenes)))


class Learner:
    """A net, its optimiser and the average of its weights."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.device = torch.device(plan.device)
        self.net = Finder().to(self.device, memory_format=torch.channels_last)
        if plan.start is not None:
            self.net.load_state_dict(torch.load(plan.start, weights_only=True))
        self.rate, self.steps = plan.rate, 0
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=plan.rate, weight_decay=0.01)
        self.average = {key: value.clone() for key, value in self.net.state_dict().items()}

    def step(self, pictures: Picture, cells: Truth, done: float) -> tuple[float, float]:
        """Learn one batch; `done`: which part of the run is over. Return the two losses."""
        warm = min(1.0, (self.steps + 1) / _WARM_STEPS)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * warm * (0.49 * (1 + math.cos(math.pi * done)) + 0.02)
        x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().to(self.device)
        x = ((x / 255 - 0.45) / 0.25).contiguous(memory_format=torch.channels_last)
        parts = (cells.yes, cells.weight, cells.corners, cells.tall)
        should = [torch.from_numpy(part).to(self.device) for part in parts]
        found, placed = loss(self.net(x), should)
        self.optimiser.zero_grad()
        (found + placed).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 4.0)
        self.optimiser.step()
        self.steps += 1
        self._remember()
        return found.item(), placed.item()

    def _remember(self) -> None:
        keep = min(0.997, self.steps / (self.steps + 20))
        for key, value in self.net.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[key].mul_(keep).add_(value.detach(), alpha=1 - keep)
            else:
                self.average[key].copy_(value)


def train(plan: Plan, say: Callable[[str], None]) -> None:
    """Train as planned and write the averaged weights to `plan.out`."""
    random.seed(plan.seed)
    forked = multiprocessing.get_context("spawn")
    queue: Queue[tuple[Picture, Truth]] = forked.Queue(6)
    painting = forked.Process(target=paint, args=(queue, plan.seed, plan.photos), daemon=True)
    painting.start()
    learner, began, mean = Learner(plan), time.process_time(), np.zeros(2)
    try:
        while (done := (time.process_time() - began) / (60 * plan.minutes)) < 1:
            losses = np.array(learner.step(*queue.get(timeout=600), done))
            mean = losses if learner.steps == 1 else 0.98 * mean + 0.02 * losses
            if learner.steps % _REPORT_STEPS == 0:
                say(f"{done:.0%} {learner.steps} steps, found {mean[0]:.3f} placed {mean[1]:.3f}")
                torch.save(learner.average, plan.out)
    finally:
        painting.kill()
    torch.save(learner.average, plan.out)
    say(f"{learner.steps} steps, {learner.steps * BATCH} scenes")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--photos", type=Path, help="folder of free photographs without plates")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--rate", type=float, default=_LR)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    if given.device == "cpu":
        torch.set_num_threads(1)
    train(Plan(**vars(given)), lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
