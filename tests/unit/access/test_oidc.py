# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Sign-in at an identity provider: what is asked, what is believed, what is not."""

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk, jwt

from gateway.access.oidc import BEGUN_S, OidcProblem, client_key, safe_next
from gateway.access.oidc_http import Answer
from tests.unit.access.oidc_parts import CALLBACK, ISSUER, World, public, segment


def pem(key):
    """Return a private key as an administrator stores it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, secret="s3cret", acr=("L2", "L3"))


async def test_what_is_asked(world):
    """Code flow with S256, state, nonce, the levels, and a fresh proof of identity."""
    asked, _ = await world.begin()
    other, _ = await world.begin()
    assert asked["response_type"] == "code"
    assert asked["scope"] == "openid"
    assert asked["acr_values"] == "L2 L3"
    assert asked["redirect_uri"] == CALLBACK
    assert asked["prompt"] == "login"
    assert asked["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 43
        assert asked[name] != other[name]


async def test_a_good_answer_signs_in(world):
    """The account is `issuer|sub` with the level; the verifier fits its challenge."""
    asked, cookie = await world.begin("/#/alarms")
    finished = await world.finish(asked, cookie)
    assert finished.sign_in.actor.id == "anna"
    assert (finished.problem, finished.next) == (None, "/#/alarms")
    assert world.made == [(f"{ISSUER}|4711", "L2", "192.0.2.7")]
    url, form, authorization = world.http.forms[0]
    assert url == ISSUER + "/token"
    challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() == asked["code_challenge"]
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"varco:s3cret"
    assert "s3cret" not in repr(form)


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(65537, 2048),
        lambda: ec.generate_private_key(ec.SECP256R1()),
    ],
)
async def test_private_key_jwt(tmp_path, make):
    """Instead of a secret: a statement that our key signed, for this provider, short and once."""
    text = pem(make())
    world = World(tmp_path, private_key=text)
    assert (await world.sign_in()).sign_in is not None
    _, form, authorization = world.http.forms[0]
    algorithm, key = client_key(text)
    token = jwt.decode(form["client_assertion"], key, algorithms=[algorithm])
    assert authorization == ""
    assert (token.claims["iss"], token.claims["sub"], token.claims["aud"]) == (
        "varco",
        "varco",
        ISSUER,
    )
    assert token.claims["exp"] - token.claims["iat"] <= 60
    assert len(token.claims["jti"]) >= 16
    assert text not in repr(world.client)


def test_weak_and_odd_client_keys_are_refused():
    """RSA below 2048 bits, other curves, other kinds."""
    for key in (
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ):
        with pytest.raises(ValueError, match="neither"):
            client_key(pem(key))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": []},
        {"aud": None},
        {"aud": ["varco", "another"]},
        {"aud": ["varco", "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": 0},
        {"exp": None},
        {"exp": "2999-01-01"},
        {"exp": True},
        {"iat": 0},
        {"iat": None},
        {"iat": 99_999_999_999},
        {"nbf": 99_999_999_999},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ""},
        {"nonce": 5},
        {"sub": ""},
        {"sub": None},
        {"sub": 4711},
        {"sub": "x" * 256},
        {"sub": "a\nb"},
    ],
)
async def test_claims_that_do_not_fit(world, claims):
    """Another issuer, audience or party, too old, too early, another nonce, no subject: nobody."""
    world.http.claims = claims
    finished = await world.sign_in()
    assert (finished.sign_in, finished.problem) == (None, OidcProblem.TOKEN)
    assert world.made == []
    assert world.refused == ["oidc-token"]


async def test_our_audience_among_others_with_the_party_named(world):
    """OpenID Connect Core §3.1.3.7 items 3 to 5."""
    world.http.claims = {"aud": ["varco", "another"], "azp": "varco"}
    assert (await world.sign_in()).sign_in is not None


@pytest.mark.parametrize("acr", ["L1", "", None, 2, ["L2"]])
async def test_a_level_that_is_not_enough(world, acr):
    """The level has to be one of those configured, whatever was asked for."""
    world.http.claims = {"acr": acr}
    finished = await world.sign_in()
    assert finished.problem is OidcProblem.LEVEL
    assert world.refused == ["oidc-level"]
    world.http.claims = {"acr": "L3"}
    assert (await world.sign_in()).sign_in.actor.acr == "L3"


async def answered(world, make):
    """Finish with a token that `make` makes of a good one."""
    asked, cookie = await world.begin()
    token = make(world.http.token())
    world.http.answer = Answer(200, {"id_token": token})
    return await world.finish(asked, cookie)


def without_signature(token):
    _, body, _ = token.split(".")
    return f"{segment({'alg': 'none'})}.{body}."


def with_header(**header):
    def make(token):
        _, body, signature = token.split(".")
        return f"{segment(header)}.{body}.{signature}"

    return make


def tampered(token):
    head, body, signature = token.split(".")
    text = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).replace(b"4711", b"4712")
    return f"{head}.{base64.urlsafe_b64encode(text).rstrip(b'=').decode()}.{signature}"


@pytest.mark.parametrize(
    "make",
    [
        without_signature,
        with_header(alg="none", kid="k1"),
        with_header(alg="None", kid="k1"),
        with_header(alg="HS256", kid="k1"),
        with_header(alg="RS256", kid="k1"),
        with_header(alg=["ES256"], kid="k1"),
        with_header(kid="k1"),
        with_header(alg="ES256", kid="k2"),
        tampered,
        lambda token: token[:-4] + "AAAA",
        lambda token: token + ".x",
        lambda token: "",
        lambda token: "a.b.c",
        lambda token: "." * 3,
        lambda token: "x" * 20_000,
        lambda token: {"not": "text"},
    ],
)
async def test_tokens_that_prove_nothing(world, make):
    """No signature, a shared secret, another key, a changed body: nobody gets in."""
    finished = await answered(world, make)
    assert (finished.sign_in, finished.problem) == (None, OidcProblem.TOKEN)
    assert world.made == []


async def test_the_public_key_is_no_shared_secret(world):
    """The old trick: a token that is signed with the public key as if it were a password."""
    secret = world.http.key.as_pem(private=False)

    def forged(token):
        signed = f"{segment({'alg': 'HS256', 'kid': 'k1'})}.{token.split('.')[1]}"
        mac = hmac.new(secret, signed.encode(), "sha256").digest()
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    assert (await answered(world, forged)).problem is OidcProblem.TOKEN


async def test_short_rsa_keys_count_for_nothing(world, recwarn):
    """A provider that signs with 1024 bits signs for everybody."""
    world.http.key = jwk.RSAKey.import_key(pem(rsa.generate_private_key(65537, 1024)))
    world.http.keys = [public(world.http.key, "k1")]
    world.http.header = {"alg": "RS256"}
    assert (await world.sign_in()).problem is OidcProblem.TOKEN
    recwarn.clear()


async def test_keys_for_encryption_sign_nothing(world):
    """`use` and `alg` of a key are meant."""
    for more in ({"use": "enc"}, {"alg": "ES384"}, {"use": ["sig"]}, {"x": 5}):
        world.http.keys = [public(world.http.key, "k1") | more]
        world.restart()
        world.file.unlink(missing_ok=True)
        assert (await world.sign_in()).problem is OidcProblem.TOKEN


async def test_without_a_key_id_only_a_lone_key_counts(world):
    """Two keys and no id: we do not try which one fits."""
    world.http.header = {"kid": None}
    assert (await world.sign_in()).sign_in is not None
    world.http.keys.append(public(jwk.ECKey.generate_key("P-256"), "k2"))
    world.clock.advance(7200)
    assert (await world.sign_in()).problem is OidcProblem.TOKEN


async def test_a_new_key_is_fetched_when_a_token_names_it(world):
    """Rotation: the next token is believed although the copy is fresh; floods are not followed."""
    assert (await world.sign_in()).sign_in is not None
    world.http.key = jwk.ECKey.generate_key("P-256")
    world.http.keys, world.http.kid = [public(world.http.key, "k2")], "k2"
    world.clock.advance(61)
    assert (await world.sign_in()).sign_in is not None
    before = len(world.http.asked)
    world.http.kid = "k3"
    for _ in range(20):
        assert (await world.sign_in()).problem is OidcProblem.TOKEN
    assert len(world.http.asked) <= before + 2


async def test_another_key_under_the_old_id_is_noticed(world):
    """A signature that does not fit has the keys asked for, too."""
    assert (await world.sign_in()).sign_in is not None
    world.http.key = jwk.ECKey.generate_key("P-256")
    world.http.keys = [public(world.http.key, "k1")]
    world.clock.advance(61)
    assert (await world.sign_in()).sign_in is not None


@pytest.mark.parametrize("change", ["state", "cookie", "no cookie", "late", "restart", "empty"])
async def test_only_the_browser_that_began_may_finish(world, change):
    """Login CSRF: a foreign or missing cookie, another state, too late: the code is not used."""
    asked, cookie = await world.begin()
    _, other = await world.begin()
    match change:
        case "state":
            asked["state"] = "x" * 43
        case "cookie":
            cookie = other
        case "no cookie":
            cookie = ""
        case "late":
            world.clock.advance(BEGUN_S)
        case "restart":
            world.restart()
        case _:
            asked["state"], cookie = "", "."
    finished = await world.finish(asked, cookie)
    assert finished.problem is OidcProblem.STATE
    assert world.http.forms == []
    assert world.refused == []


async def test_a_cookie_cannot_be_rewritten(world):
    """Every changed byte of it is noticed."""
    asked, cookie = await world.begin()
    for place in range(0, len(cookie), 7):
        other = cookie[:place] + ("A" if cookie[place] != "A" else "B") + cookie[place + 1 :]
        assert (await world.finish(asked, other)).problem is OidcProblem.STATE


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"error": "access_denied", "code": None}, OidcProblem.REFUSED),
        ({"code": None}, OidcProblem.REFUSED),
        ({"code": "x" * 5000}, OidcProblem.REFUSED),
        ({"iss": "https://evil.example"}, OidcProblem.STATE),
        ({"iss": ISSUER}, None),
    ],
)
async def test_what_the_browser_brings(world, more, problem):
    """A refusal, nothing, too much, or the answer of another issuer (mix-up, RFC 9207)."""
    assert (await world.sign_in(**more)).problem is problem


async def test_a_provider_that_names_itself_always_does(world):
    """Its description says so: an answer without `iss` is not its own."""
    world.http.described["authorization_response_iss_parameter_supported"] = True
    assert (await world.sign_in()).problem is OidcProblem.STATE
    assert (await world.sign_in(iss=ISSUER)).problem is None


@pytest.mark.parametrize(
    "answer",
    [Answer(400, {"error": "invalid_grant"}), Answer(200, {}), Answer(500, {"id_token": "x"})],
)
async def test_a_code_that_the_provider_does_not_take(world, answer):
    """A replayed code ends here: nobody is signed in."""
    world.http.answer = answer
    assert (await world.sign_in()).problem is OidcProblem.TOKEN


async def test_an_account_that_is_bound_to_nobody(world):
    """Nobody is made up."""
    world.http.claims = {"sub": "4712"}
    finished = await world.sign_in()
    assert (finished.sign_in, finished.problem) == (None, OidcProblem.UNKNOWN)


async def test_away(world):
    """A provider that goes away between the two halves is told as that."""
    asked, cookie = await world.begin()
    world.http.down = True
    assert (await world.finish(asked, cookie)).problem is OidcProblem.AWAY
    assert world.made == []


@pytest.mark.parametrize(
    "next_",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "evil",
        "", "javascript:alert(1)", "/\n/evil.example", "/\t/evil.example", "/" + "x" * 600,
        "/é", " /", "/ a", "///evil.example", "http:/evil.example",
    ],
)  # fmt: skip
async def test_no_open_redirect(world, next_):
    """`next` is a path of this console or it is the first page."""
    assert safe_next(next_) == "/"
    asked, cookie = await world.begin(next_)
    assert (await world.finish(asked, cookie)).next == "/"


@pytest.mark.parametrize("next_", ["/", "/#/cameras", "/#/alarms/018f?x=1", "/static/a.css"])
def test_paths_of_ours_stay(next_):
    """Fragments are how the pages are addressed."""
    assert safe_next(next_) == next_


async def test_unknown_providers(world):
    """None of that name; the only one needs none."""
    assert await world.oidc.begin("altro", "/") is None
    assert (await world.oidc.begin("", "/")) is not None
    assert world.oidc.names == [("comune", "Comune")]


@pytest.mark.parametrize(
    ("client", "claims", "strong"),
    [
        ({}, {}, False),
        ({}, {"acr": "0"}, False),
        ({}, {"acr": "L2"}, False),
        ({}, {"amr": "mfa"}, False),
        ({}, {"amr": ["pwd"]}, False),
        ({}, {"amr": ["pwd", "mfa"]}, True),
        ({}, {"acr": "https://refeds.org/profile/mfa"}, True),
        ({"mfa": True}, {}, True),
        ({"acr": ("L2",)}, {"acr": "L2"}, True),
    ],
)
async def test_an_account_with_a_second_factor_needs_the_providers_word(
    tmp_path, client, claims, strong
):
    """The token says it, or the configuration: else the level is not enough."""
    world = World(tmp_path, secret="s3cret", **client)
    world.http.claims = claims
    world.needs_factor = True
    found = await world.sign_in()
    assert world.strong == [strong]
    assert (found.sign_in is not None) is strong
    assert found.problem is (None if strong else OidcProblem.LEVEL)
