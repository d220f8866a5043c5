# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import pytest

from gateway.assembly.plate_seal import close_picture, close_secret, open_picture, open_secret
from gateway.model.errors import StoreError
from gateway.model.hit import HitSecret
from tests.unit.assembly.plate_parts import PLATE, Lists

SECRET = HitSecret(PLATE, PLATE, (("ZQ471XV", 0.02),), (0.9,) * 7, "denuncia 12/2026")


def test_a_secret_opens_for_its_hit_with_its_key_and_no_other():
    """Neither another hit's id nor another key opens it, and the error tells nothing of it."""
    sealed = close_secret(Lists(), SECRET, "hit-1")
    assert PLATE.encode() not in sealed
    assert open_secret(Lists(), sealed, "hit-1") == SECRET
    for lists, about in ((Lists(), "hit-2"), (Lists(secret=b"x" * 32), "hit-1")):
        with pytest.raises(StoreError) as told:
            open_secret(lists, sealed, about)
        assert PLATE not in str(told.value)


def test_a_picture_is_no_secret_and_a_secret_no_picture():
    """What was sealed as one does not open as the other."""
    sealed = close_picture(Lists(), b"\xff\xd8", "hit-1")
    assert open_picture(Lists(), sealed, "hit-1") == b"\xff\xd8"
    with pytest.raises(StoreError):
        open_secret(Lists(), sealed, "hit-1")
    with pytest.raises(StoreError):
        open_picture(Lists(), close_secret(Lists(), SECRET, "hit-1"), "hit-1")


@pytest.mark.parametrize("text", ["[]", "{}", '{"text": "x"}', "no json"])
def test_what_is_no_secret_is_refused(text):
    """An older or a damaged form is an error of the disk, not a crash."""
    lists = Lists()
    with pytest.raises(StoreError):
        open_secret(lists, lists.seal(text, "hit-1/text"), "hit-1")
    with pytest.raises(StoreError):
        open_picture(lists, lists.seal("no base64!", "hit-1/picture"), "hit-1")
