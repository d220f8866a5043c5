# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.model.why: every rule has its sentence, and none says more than is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.alarm import Kind, Why
from gateway.model.registry import Analytic
from gateway.model.why import sentence


@pytest.mark.parametrize(
    ("why", "italian", "english"),
    [
        (
            Why("intrusione", 7, seconds=1.24, metres=1.71, confidence=0.82),
            "Movimento nella zona «Retro» da 1,2 s; altezza circa 1,7 m; attendibilità 82 %.",
            "Movement in the zone “Retro” for 1.2 s; about 1.7 m high; confidence 82 %.",
        ),
        (
            Why("targa-cercata", confidence=0.97, detail="A1/entrata/Corsia-1-est/"),
            "Targa nella lista A1 (veicoli rubati), in entrata in città al varco «Retro»,"
            " corsia 1 est; attendibilità 97 %.",
            "Plate on list A1 (stolen vehicles), entering the city at the gate “Retro”,"
            " corsia 1 est; confidence 97 %.",
        ),
        (
            Why("targa-cercata", confidence=0.61, detail="C/uscita/2/da-verificare"),
            "Targa nella lista C (segnalata da un ufficio), in uscita dalla città al varco «Retro»,"
            " corsia 2, da verificare; attendibilità 61 %.",
            "Plate on list C (reported), leaving the city at the gate “Retro”, lane 2,"
            " to be verified; confidence 61 %.",
        ),
        (
            Why("attraversamento", 7, Kind.PERSON, detail="ba"),
            "Persona attraverso la linea «Retro», dal lato B al lato A.",
            "A person across the line “Retro”, from side B to side A.",
        ),
        (
            Why("stazionamento", 7, seconds=61, mode="key-units-alone-by-budget"),
            "Movimento che resta nella zona «Retro» da 61 s;"
            " visto nei soli fotogrammi chiave perché il gateway è carico.",
            "Movement that stays in the zone “Retro”, for 61 s now;"
            " seen in key pictures alone because the gateway is busy.",
        ),
        (
            Why("veicolo-fermo", 7, seconds=300),
            "Oggetto grande quanto un veicolo, fermo, nella zona «Retro» da 5 min.",
            "Something the size of a vehicle standing in the zone “Retro” for 5 min.",
        ),
        (
            Why("veicolo-fermo", 7, Kind.VEHICLE, seconds=7300),
            "Veicolo fermo nella zona «Retro» da 2 h.",
            "A vehicle standing in the zone “Retro” for 2 h.",
        ),
        (
            Why("manomissione", seconds=8, detail="sfocata"),
            "Inquadratura sfocata da 8,0 s.",
            "The view has been out of focus for 8.0 s.",
        ),
        (
            Why("perdita-video", seconds=30, detail="main"),
            "Nessuna immagine dalla telecamera da 30 s.",
            "No picture from the camera for 30 s.",
        ),
    ],
)
def test_a_sentence_in_two_languages(why: Why, italian: str, english: str) -> None:
    """What, where, for how long, and how sure; numbers as each language writes them."""
    assert sentence(why, "it", zone="Retro") == italian
    assert sentence(why, "en", zone="Retro") == english


def test_every_rule_of_ours_has_a_sentence() -> None:
    """Plates are told by their own words; a rule of another's has none, and nothing fails."""
    for analytic in set(Analytic) - {Analytic.PLATES}:
        assert sentence(Why(analytic.value, detail="?"), "it"), analytic
    assert sentence(Why("domani"), "it") == ""


@given(
    rule=st.sampled_from([one.value for one in Analytic]),
    seconds=st.floats(0, 1e7),
    zone=st.text(max_size=20),
)
def test_without_a_model_nobody_is_called_a_person(rule: str, seconds: float, zone: str) -> None:
    """Movement is movement (A-43), whatever the zone is called."""
    words = sentence(Why(rule, 1, seconds=seconds), "it", zone="").lower()
    assert "persona" not in words
    assert "{" not in sentence(Why(rule, 1, seconds=seconds), "en", zone=zone.replace("{", ""))
