# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A whole gateway with cameras to look at, as an installer sets it up: seed and configuration."""

from collections.abc import Sequence

from benchmarks.lab.interconnection import View, edge_seed

HOUSE, OWNER = "casa", "titolare"
WHY = "purpose=titolare"


def seed(port: int, warm: int, cold: int) -> str:
    """Return what the gateway knows: cameras that it pulls always, and some that rest."""
    return edge_seed(HOUSE, views(port, warm, cold), {})


def views(port: int, warm: int, cold: int) -> Sequence[View]:
    """Return the cameras; the first of each kind is `warm-0` or `cold-0`."""
    names = [f"warm-{n}" for n in range(warm)] + [f"cold-{n}" for n in range(cold)]
    return [
        View(
            name, f"rtsp://127.0.0.1:{port}/{number}", watched=False,
            continuous=name.startswith("warm"),
        )
        for number, name in enumerate(names)
    ]  # fmt: skip


def config() -> str:
    """Return its configuration, without paths, ports and the seed."""
    return (
        f'id = "{HOUSE}"\nname = "Casa di prova"\n[analytics]\nworkers = 1\n'
        '[log]\nlevel = "warning"\n'
    )


def reachable(text: str, *addresses: str) -> str:
    """Return a configuration whose pictures are offered at these addresses."""
    told = ", ".join(f'"{one}"' for one in addresses)
    return text.replace("[media]\n", f'[media]\nhost = "0.0.0.0"\ncandidates = [{told}]\n')


def path_of(camera: str) -> str:
    """Return the WHEP endpoint of a camera."""
    return f"/whep/{camera}?{WHY}"
