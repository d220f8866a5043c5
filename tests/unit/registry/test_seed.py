# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Seeds: read, merged, compared."""

from dataclasses import replace

import pytest
from hypothesis import given

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.model.registry import Edge, empty_registry
from gateway.registry.entities import flatten
from gateway.registry.seed import Seed, check_alone, compare, merge, parse_seed, read_seed
from gateway.registry.seed_text import to_toml
from tests.unit.registry.worlds import SEED, few, registries, small


def seed_of(registry, *kinds):
    return Seed("s", {k: e for k, e in flatten(registry).items() if not kinds or k[0] in kinds})


def test_a_seed_says_what_the_model_means(tmp_path):
    """Every key of a hand-written seed reaches its field."""
    (tmp_path / "seed.toml").write_text(SEED)
    seed = read_seed(tmp_path / "seed.toml")
    assert merge(empty_registry(), seed) == small()
    assert seed.places["camera", "banco"] == f"{tmp_path}/seed.toml:13"


def test_all_faults_of_a_seed_are_listed_at_once():
    """Ids used twice and values out of range come together, in the order of the lines."""
    text = SEED.replace('"verdi"', '"Verdi"').replace("210", "999")
    text += '\n[[controller]]\nid = "farmacia"\nname = "Altra"\n'
    with pytest.raises(ConfigErrors) as caught:
        parse_seed(text, "s")
    assert [problem.key for problem in caught.value.problems] == [
        "camera[banco].azimuth_deg",
        "user[Verdi].id",
        "controller[farmacia].id",
    ]


def test_a_list_where_a_table_is_wanted_is_a_fault_of_the_text():
    """Odd shapes are refused, not stumbled over."""
    for text in ("camera = 1\n", "camera = [1]\n", "[camera]\nid = 'a'\n", "[[camera]]\nid = 1\n"):
        with pytest.raises(ConfigErrors):
            parse_seed(text, "s")


def test_merging_replaces_what_is_named_and_leaves_the_rest():
    """A seed of one camera changes one camera."""
    world = small()
    camera = replace(world.cameras["banco"], name="Nuovo")
    after = merge(world, Seed("s", {("camera", "banco"): camera}))
    assert after.cameras["banco"].name == "Nuovo"
    assert replace(after, cameras=world.cameras) == world


def test_removing_leaves_only_what_is_named():
    """With remove, the seed is the whole registry."""
    world = small()
    after = merge(world, seed_of(world, "controller", "site"), remove=True)
    assert flatten(after).keys() == {("controller", "farmacia"), ("site", "sede")}


def test_removing_what_others_need_is_refused():
    """A camera cannot lose its site."""
    world = small()
    with pytest.raises(ConfigErrors, match=r"camera\[banco\]\.site: there is no site sede"):
        merge(world, seed_of(world, "camera"), remove=True)


@pytest.mark.parametrize("remove", [False, True])
def test_users_keep_their_passwords(remove):
    """A seed has no passwords, so it takes none away."""
    world = small()
    user = replace(world.users["verdi"], password_hash="$argon2id$x")
    world = replace(world, users={"verdi": user})
    after = merge(world, parse_seed(SEED.replace("Luca", "Lucio"), "s"), remove=remove)
    assert after.users["verdi"].password_hash == "$argon2id$x"
    assert after.users["verdi"].name == "Lucio Verdi"


@few
@given(registries(), registries())
def test_a_comparison_names_what_is_new_different_and_gone(one, other):
    """Applying what a comparison says to one world gives the other."""
    change = compare(one, other)
    before, after = flatten(one), flatten(other)
    keys = {tuple(name.split("/", 1)) for name in (*change.added, *change.changed)}
    gone = {tuple(name.split("/", 1)) for name in change.removed}
    rebuilt = {key: e for key, e in before.items() if key not in gone}
    rebuilt |= {key: after[key] for key in keys}
    assert rebuilt == after
    assert not set(change.added) & set(change.changed)


@few
@given(registries())
def test_a_world_does_not_differ_from_itself(registry):
    """Merging a registry's own seed changes nothing."""
    after = merge(registry, seed_of(registry))
    assert compare(registry, after).empty
    assert compare(registry, merge(registry, seed_of(registry), remove=True)).empty


def test_a_seed_checked_alone_must_bring_everything():
    """What would be missing on an empty box is told with its line."""
    assert len(check_alone(parse_seed(SEED, "s")).added) == 8
    text = SEED[SEED.index("[[camera]]") :]
    with pytest.raises(ConfigErrors, match=r"^s:1: camera\[banco\]\.site: there is no site sede"):
        check_alone(parse_seed(text, "s"))


def test_an_empty_seed_is_good_and_does_nothing():
    """No tables, no change."""
    assert check_alone(parse_seed("", "s")).empty


def test_a_seed_that_is_not_there_is_a_fault_of_configuration(tmp_path):
    """The path is named."""
    with pytest.raises(ConfigError, match=r"nix\.toml: no such file"):
        read_seed(tmp_path / "nix.toml")


EDGE = '[[edge]]\nid = "nord"\nname = "Nord"\norganisations = ["sala"]\nmost_kbps = 4000\n'
FOREIGN = f'certificate_sha256 = "{"0f" * 32}"\n'


def with_edge(version=3, **more):
    """Return the small world with an edge that was enrolled."""
    nord = Edge("nord", "N", "ab" * 32, ledger_vkey="varco/nord+1+k", **more)
    return replace(small(), version=version, edges={"nord": nord})


def test_an_edge_keeps_what_it_was_enrolled_with():
    """A document that says nothing of it changes the rest; one that repeats it is good."""
    world = with_edge()
    for text in (EDGE, EDGE + f'certificate_sha256 = "{"ab" * 32}"\n'):
        after = merge(world, parse_seed(text, "s")).edges["nord"]
        assert (after.certificate_sha256, after.ledger_vkey) == ("ab" * 32, "varco/nord+1+k")
        assert (after.name, after.organisations, after.most_kbps) == ("Nord", ("sala",), 4000)
    gone = merge(world, parse_seed(SEED, "s"), remove=True)
    assert gone.edges == {}


@pytest.mark.parametrize("more", [FOREIGN, 'ledger_vkey = "varco/x+1+k"\n'])
@pytest.mark.parametrize("world", [with_edge(), replace(small(), version=3)], ids=["old", "new"])
def test_a_document_enrols_nobody(world, more):
    """Whoever may apply one could else let a box of their own in, or rewrite a log's key."""
    with pytest.raises(ConfigErrors, match="comes with an enrolment, not with a document"):
        merge(world, parse_seed(EDGE + more, "s"))


def test_an_empty_box_takes_edges_as_they_were():
    """That is how one is restored from an export."""
    world = with_edge(version=0)
    text = to_toml(world)
    again = merge(empty_registry(), parse_seed(text, "s"))
    assert again.edges == world.edges


def test_what_does_not_fit_an_edge_is_told():
    """An organisation that is not there; a certificate that two show."""
    with pytest.raises(ConfigErrors, match="there is no controller or recipient nowhere"):
        merge(small(), parse_seed(EDGE.replace('"sala"', '"nowhere"'), "s"))
    twice = EDGE + FOREIGN + EDGE.replace('"nord"', '"sud"') + FOREIGN
    with pytest.raises(ConfigErrors, match="is that of edge nord too"):
        merge(small(), parse_seed(twice, "s"))
