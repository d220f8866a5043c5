# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Fetch the free fonts that synthetic plates are lettered with into a cache outside the tree.

``python -m training.fonts`` asks the package client (``npm pack``) for the packages listed in
``fonts.toml`` and turns the Latin weights wanted into TrueType files. Fonts are never committed:
their names and licences are.
"""

import argparse
import os
import subprocess
import tarfile
import tempfile
import tomllib
from pathlib import Path

LISTED = Path(__file__).with_name("fonts.toml")


def cache() -> Path:
    """Return the folder of converted fonts: ``$VARCO_FONTS`` or one in the user's cache."""
    return Path(os.environ.get("VARCO_FONTS") or Path.home() / ".cache" / "varco" / "fonts")


def available(folder: Path | None = None) -> tuple[Path, ...]:
    """Return the TrueType files that were fetched, by name; empty if none were."""
    return tuple(sorted((folder or cache()).glob("*.ttf")))


def fetch(folder: Path) -> int:
    """Fetch and convert every listed font that is missing; return how many files there are."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = tomllib.loads(LISTED.read_text(encoding="utf-8"))
    for font in listed["font"]:
        stem = font["package"].rpartition("/")[2]
        wanted = [weight for weight in font["weights"] if not _file(folder, stem, weight).exists()]
        if wanted:
            _unpack(f"{font['package']}@{font['version']}", stem, wanted, folder)
    return len(available(folder))


def _file(folder: Path, stem: str, weight: int) -> Path:
    return folder / f"{stem}-{weight}.ttf"


def _unpack(package: str, stem: str, weights: list[int], folder: Path) -> None:
    from fontTools.ttLib import TTFont  # noqa: PLC0415  the training extra only

    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", "--silent", "--pack-destination", scratch, package]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            for weight in weights:
                member = f"package/files/{stem}-latin-{weight}-normal.woff2"
                archive.extract(member, scratch, filter="data")
                font = TTFont(Path(scratch) / member)
                font.flavor = None
                font.save(_file(folder, stem, weight))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=cache())
    folder = parser.parse_args().cache
    print(f"{fetch(folder)} fonts in {folder}")


if __name__ == "__main__":
    main()
