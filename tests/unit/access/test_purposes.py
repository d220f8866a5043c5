# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The rules of the purposes: complete, in two languages, and of the kind the law knows."""

import pytest

from gateway.access import purposes
from gateway.access.purposes import Case, Kind
from gateway.model.access import Purpose


def test_every_purpose_has_its_rule():
    """The file and the list of codes agree."""
    assert set(purposes.rules()) == set(Purpose)


def test_every_purpose_has_words_of_its_own_in_both_languages():
    """Nobody chooses between two purposes that read the same."""
    told = purposes.rules().values()
    for one in told:
        assert one.text_it.strip() == one.text_it != ""
        assert one.text_en.strip() == one.text_en != ""
        assert one.text_it != one.text_en
    assert len({one.text_it for one in told}) == len({one.text_en for one in told}) == len(Purpose)


def test_what_each_kind_demands():
    """A room always needs a case; an alarm's number is one for two purposes; one is a shift's."""
    rules = purposes.rules()
    room = {one.purpose for one in rules.values() if one.kind is Kind.ROOM}
    assert room == {one.purpose for one in rules.values() if one.case is not Case.NONE}
    assert {p for p in Purpose if rules[p].by_alarm} == {Purpose.ALARM, Purpose.INCIDENT}
    assert [p for p in Purpose if rules[p].shift] == [Purpose.SERVICE]
    assert [p for p in Purpose if rules[p].case is Case.ALARM] == [Purpose.ALARM]
    assert {p for p in Purpose if rules[p].own} == {Purpose.OWNER, Purpose.INSTALLATION}
    log = {Purpose.LEGALITY, Purpose.INTERNAL_CONTROL, Purpose.INTEGRITY, Purpose.PROCEEDINGS}
    assert {p for p in Purpose if rules[p].kind is Kind.LOG} == log


@pytest.mark.parametrize(
    ("written", "wrong", "error"),
    [
        ("[servizio]", "[servizi]", KeyError),
        ('kind = "casa"', 'kind = "cosa"', ValueError),
        ('case = "alarm"', 'case = "maybe"', ValueError),
        ('en = "Incident"', "", KeyError),
    ],
)
def test_a_file_with_a_gap_is_refused(tmp_path, monkeypatch, written, wrong, error):
    """A purpose that is missing, half translated or of no known kind stops the start."""
    text = purposes.resources.files("gateway.access").joinpath(purposes.FILE).read_text("utf-8")
    assert written in text
    (tmp_path / purposes.FILE).write_text(text.replace(written, wrong), "utf-8")
    monkeypatch.setattr(purposes.resources, "files", lambda _: tmp_path)
    with pytest.raises(error):
        purposes.rules.__wrapped__()
