# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The acceptance sheet of a camera (A-08, B-41): what was promised against what was measured. Pure.

The figures that decide are constants here and classes in `density.toml`, so that a sheet can be
read again years later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.ingest.findings import (
    LEAST_FPS,
    MOST_GOP_S,
    OFFSET_FAIL_S,
    OFFSET_WARN_S,
    WORST_FPS,
    WORST_GOP_S,
    offset_of,
)
from gateway.ingest.probed import Outcome, ProbeResult
from gateway.model.errors import ConfigError, WireError
from gateway.model.media import Codec
from gateway.model.registry import Camera
from gateway.model.time import Moment
from gateway.runtime.documents import check, parse_toml

FORM = "varco.acceptance/1"
"""Name and version of the JSON form; docs/ref/acceptance.md describes it."""
FILE = "density.toml"
WORST_LOSS = 0.01
PACKET_BYTES = 1200
"""What an RTP packet carries, more or less: losses are told in packets, arrivals in bytes."""
GOOD_PX = 1280 * 720
LEAST_PX = 640 * 480


class Mark(Enum):
    """How one row, or the whole sheet, came out."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    """Passed with a remark."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class DensityClass:
    """A class of pixel density."""

    id: str
    name_it: str
    name_en: str
    least_px_m: float


@dataclass(frozen=True, slots=True)
class DensityClasses:
    """The classes of one edition of the standard, from the coarsest to the finest."""

    edition: str
    classes: tuple[DensityClass, ...]

    def reached(self, px_m: float) -> DensityClass | None:
        """Return the finest class that a density reaches."""
        found = [one for one in self.classes if px_m >= one.least_px_m]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Row:
    """One question of the sheet."""

    code: str
    requirement: str
    """Id of the requirement, `B-41`."""
    mark: Mark
    title_it: str
    title_en: str
    value: str
    """What was measured, with its unit; a dash if nothing was."""
    reason_it: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What is accepted, and who does it: the head of the sheet."""

    camera: Camera
    site: str
    """Its name; so are the others."""
    controller: str
    installer: str
    box: str = ""
    exercise: bool = False
    """Simulated pictures: the sheet is no proof of anything."""
    clear_reason: str = ""
    """Why pictures may travel in clear, as the installer states it."""
    picture_problem: str = ""
    """Why there is no picture of it on the sheet; empty if there is one."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """An acceptance sheet."""

    form: str
    camera: str
    name: str
    site: str
    controller: str
    installer: str
    box: str
    exercise: bool
    utc: str
    address: str
    maker: str
    edition: str
    """Of the standard by which the density was judged."""
    target_width_m: float
    density_px_m: float
    size_px: tuple[int, int]
    rows: tuple[Row, ...]
    mark: Mark
    """FAIL if any row fails, WARN if any has a remark."""
    probe: ProbeResult

    @property
    def passed(self) -> bool:
        """Return whether the camera may be taken over."""
        return self.mark is not Mark.FAIL


class _ClassTable(BaseModel):
    """One `[[class]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    name_it: Annotated[str, Field(min_length=1)]
    name_en: Annotated[str, Field(min_length=1)]
    least_px_m: Annotated[float, Field(gt=0)]


class _ClassFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    edition: Annotated[str, Field(min_length=1)]
    classes: Annotated[tuple[_ClassTable, ...], Field(alias="class", min_length=1)]


def parse_classes(text: str, where: str) -> DensityClasses:
    """Return the classes of a text; ConfigError names what is wrong with it."""
    read = check(parse_toml(text, where), _ClassFile)
    made = [DensityClass(**one.model_dump()) for one in read.classes]
    if len({one.id for one in made}) != len(made):
        raise ConfigError(where, "class", "an id is there twice", "give each class its own")
    return DensityClasses(read.edition, tuple(sorted(made, key=lambda one: one.least_px_m)))


def read_classes() -> DensityClasses:
    """Return the classes that came with the program."""
    place = resources.files("gateway.ingest").joinpath(FILE)
    return parse_classes(place.read_text("utf-8"), FILE)


def judge(result: ProbeResult, subject: Subject, classes: DensityClasses, now: Moment) -> Sheet:
    """Return the sheet of a camera as it was measured."""
    camera = subject.camera
    rows = (
        _picture(result, subject.picture_problem),
        _density(result, camera, classes),
        _resolution(result),
        _codec(result),
        _fps(result),
        _gop(result),
        _losses(result),
        _time(result),
        _encryption(result, subject.clear_reason),
        _authentication(result),
        _audio(),
    )
    return Sheet(
        form=FORM,
        camera=camera.id,
        name=camera.name,
        site=subject.site,
        controller=subject.controller,
        installer=subject.installer,
        box=subject.box,
        exercise=subject.exercise,
        utc=now.iso(),
        address=result.address,
        maker=_maker(result),
        edition=classes.edition,
        target_width_m=camera.target_width_m,
        density_px_m=round(_px_m(result, camera), 1),
        size_px=result.session.size_px,
        rows=rows,
        mark=_worst(rows),
        probe=result,
    )


def _worst(rows: Sequence[Row]) -> Mark:
    order = list(Mark)
    return max((row.mark for row in rows), key=order.index)


def _maker(result: ProbeResult) -> str:
    device = result.device
    known = f"{device.manufacturer} {device.model} {device.firmware}".strip() if device else ""
    return known or result.session.server


def _px_m(result: ProbeResult, camera: Camera) -> float:
    if camera.target_width_m <= 0:
        return 0.0
    return result.session.size_px[0] / camera.target_width_m


def _picture(result: ProbeResult, problem: str) -> Row:
    key_s = result.stream.first_key_s
    if result.outcome is Outcome.MEASURED and key_s is not None and not problem:
        reasons = ("la prima immagine è arrivata", "the first picture came")
        return Row("picture", "A-01", Mark.PASS, "Immagine", "Picture", f"{key_s:.1f} s", *reasons)
    why = result.problem or problem or result.outcome.value
    it, en = f"nessuna immagine: {why}", f"no picture: {why}"
    return Row("picture", "A-01", Mark.FAIL, "Immagine", "Picture", "–", it, en)


def _density(result: ProbeResult, camera: Camera, classes: DensityClasses) -> Row:
    px_m, promised = _px_m(result, camera), camera.density_class
    value = f"{px_m:.0f} px/m" if px_m else "–"
    mark, it, en = _density_verdict(px_m, promised, classes, surveyed=camera.target_width_m > 0)
    return Row("density", "B-41", mark, "Densità al bersaglio", "Density at target", value, it, en)


def _density_verdict(
    px_m: float, promised: str, classes: DensityClasses, *, surveyed: bool
) -> tuple[Mark, str, str]:
    wanted = next((one for one in classes.classes if one.id == promised), None)
    if promised and wanted is None:
        known = ", ".join(one.id for one in classes.classes)
        it = f"la classe dichiarata «{promised}» non esiste in {classes.edition} ({known})"
        return Mark.FAIL, it, f"declared class “{promised}” is not in {classes.edition} ({known})"
    if not surveyed:
        mark = Mark.FAIL if wanted else Mark.WARN
        it = "larghezza della scena al bersaglio non rilevata (target_width_m)"
        return mark, it, "width of the scene at the target not surveyed (target_width_m)"
    reached = classes.reached(px_m)
    got_it = f"raggiunge «{reached.name_it}»" if reached else "sotto ogni classe"
    got_en = f"reaches “{reached.name_en}”" if reached else "below every class"
    if wanted is None:
        return (
            Mark.WARN,
            f"{got_it}; nessuna classe dichiarata (density_class)",
            f"{got_en}; no class declared (density_class)",
        )
    mark = Mark.PASS if px_m >= wanted.least_px_m else Mark.FAIL
    it = f"{got_it}; dichiarata «{wanted.name_it}», almeno {wanted.least_px_m:g} px/m"
    return mark, it, f"{got_en}; declared “{wanted.name_en}”, at least {wanted.least_px_m:g} px/m"


def _resolution(result: ProbeResult) -> Row:
    width, height = result.session.size_px
    area = width * height
    title = ("Risoluzione", "Resolution")
    if not area:
        reasons = ("sconosciuta", "unknown")
        return Row("resolution", "A-08", Mark.FAIL, *title, "–", *reasons)
    mark = Mark.PASS if area >= GOOD_PX else Mark.WARN if area >= LEAST_PX else Mark.FAIL
    reasons = ("almeno 1280 × 720 richiesti", "at least 1280 × 720 wanted")
    return Row("resolution", "A-08", mark, *title, f"{width} × {height}", *reasons)


def _codec(result: ProbeResult) -> Row:
    stream = result.stream
    title = ("Codifica", "Codec")
    if stream.codec is None:
        return Row("codec", "A-08", Mark.FAIL, *title, "–", "sconosciuta", "unknown")
    value = f"{stream.codec.value} {stream.profile} {stream.level}".strip()
    if stream.codec is Codec.JPEG:
        reasons = ("MJPEG: preferire H.264", "MJPEG: prefer H.264")
        return Row("codec", "A-08", Mark.WARN, *title, value, *reasons)
    if stream.b_frames:
        reasons = ("contiene immagini B: disattivarle", "has B pictures: switch them off")
        return Row("codec", "A-08", Mark.WARN, *title, value, *reasons)
    reasons = ("si rilancia senza transcodifica", "passed on without transcoding")
    return Row("codec", "A-08", Mark.PASS, *title, value, *reasons)


def _fps(result: ProbeResult) -> Row:
    fps = result.stream.fps_arrival
    mark = Mark.PASS if fps >= LEAST_FPS else Mark.WARN if fps >= WORST_FPS else Mark.FAIL
    reasons = (f"almeno {LEAST_FPS:g} al secondo", f"at least {LEAST_FPS:g} a second")
    value = f"{fps:.1f} fps" if fps else "–"
    return Row("fps", "A-08", mark, "Cadenza", "Frame rate", value, *reasons)


def _gop(result: ProbeResult) -> Row:
    stream, title = result.stream, ("Distanza immagini chiave", "Key picture distance")
    if stream.codec is Codec.JPEG:
        reasons = ("ogni immagine è completa", "every picture is whole")
        return Row("gop", "A-08", Mark.PASS, *title, "1", *reasons)
    if not stream.key_units:
        reasons = ("nessuna immagine chiave", "no key picture")
        return Row("gop", "A-08", Mark.FAIL, *title, "–", *reasons)
    at_least = "≥ " if stream.gop_is_open else ""
    value = f"{at_least}{stream.gop_s:g} s ({stream.gop_units})"
    good = stream.gop_s <= MOST_GOP_S and not stream.gop_is_open
    mark = Mark.PASS if good else Mark.WARN if stream.gop_s <= WORST_GOP_S else Mark.FAIL
    reasons = (f"al più {MOST_GOP_S:g} s", f"at most {MOST_GOP_S:g} s")
    if stream.gop_is_open:
        it, en = "una sola immagine chiave: misurare più a lungo", "one key picture: measure longer"
        reasons = (f"{reasons[0]}; {it}", f"{reasons[1]}; {en}")
    return Row("gop", "A-08", mark, *title, value, *reasons)


def _losses(result: ProbeResult) -> Row:
    session, title = result.session, ("Perdite di trasporto", "Transport losses")
    if result.outcome is not Outcome.MEASURED:
        return Row("losses", "A-08", Mark.FAIL, *title, "–", "non misurate", "not measured")
    packets = session.received_bytes / PACKET_BYTES + session.lost_packets
    share = session.lost_packets / packets if packets else 0.0
    mark = Mark.FAIL if share > WORST_LOSS else Mark.WARN if share else Mark.PASS
    value = f"{session.lost_packets} ({session.transport or '–'})"
    seconds = f"{result.stream.seconds:.0f} s"
    reasons = (f"pacchetti persi in {seconds}", f"packets lost in {seconds}")
    return Row("losses", "A-08", mark, *title, value, *reasons)


def _time(result: ProbeResult) -> Row:
    offset_s, title = offset_of(result), ("Scarto dell'orologio", "Clock offset")
    if offset_s is None:
        reasons = (
            "la telecamera non dice l'ora (né RTCP né ONVIF)",
            "the camera does not tell the time (neither RTCP nor ONVIF)",
        )
        return Row("time", "B-57", Mark.WARN, *title, "–", *reasons)
    off_s = abs(offset_s)
    mark = Mark.FAIL if off_s > OFFSET_FAIL_S else Mark.WARN if off_s > OFFSET_WARN_S else Mark.PASS
    bounds = f"{OFFSET_WARN_S:g} s", f"{OFFSET_FAIL_S:g} s"
    return Row(
        "time",
        "B-57",
        mark,
        *title,
        f"{offset_s:+.2f} s",
        f"avviso oltre {bounds[0]}, oltre {bounds[1]} le prove non si sigillano",
        f"warning above {bounds[0]}, above {bounds[1]} evidence cannot be sealed",
    )


def _encryption(result: ProbeResult, stated: str) -> Row:
    title = ("Cifratura", "Encryption")
    if result.session.tls:
        reasons = ("immagini cifrate dalla telecamera", "pictures encrypted by the camera")
        return Row("encryption", "B-15", Mark.PASS, *title, result.session.tls, *reasons)
    if result.outcome is not Outcome.MEASURED:
        reasons = ("nessuna sessione misurata", "no session was measured")
        return Row("encryption", "B-15", Mark.FAIL, *title, "–", *reasons)
    value = result.session.transport or "–"
    if stated:
        reasons = (f"in chiaro, motivo dichiarato: {stated}", f"in clear, stated reason: {stated}")
        return Row("encryption", "B-15", Mark.WARN, *title, value, *reasons)
    reasons = (
        "in chiaro senza motivo: attivare RTSPS o dichiarare il motivo",
        "in clear without a reason: switch RTSPS on or state the reason",
    )
    return Row("encryption", "B-15", Mark.FAIL, *title, value, *reasons)


def _authentication(result: ProbeResult) -> Row:
    kind, title = result.session.authentication, ("Autenticazione", "Authentication")
    in_clear = not result.session.tls
    if result.outcome is Outcome.REFUSED:
        reasons = ("credenziali rifiutate", "credentials refused")
    elif not kind:
        reasons = ("nessuna: chiunque in rete vede", "none: anybody on the network sees")
    elif kind.startswith("Basic") and in_clear:
        reasons = ("la password viaggia in chiaro", "the password travels in clear")
    else:
        reasons = ("la password non viaggia in chiaro", "the password does not travel in clear")
        return Row("authentication", "A-08", Mark.PASS, *title, kind, *reasons)
    return Row("authentication", "A-08", Mark.FAIL, *title, kind or "–", *reasons)


def _audio() -> Row:
    """State what the gateway never does: a track of sound is not even set up."""
    reasons = ("il gateway non richiede mai l'audio", "the gateway never asks for sound")
    return Row("audio", "B-17", Mark.PASS, "Audio", "Audio", "–", *reasons)


_SHEET = TypeAdapter(Sheet)


def dump(sheet: Sheet) -> str:
    """Return a sheet as indented JSON."""
    return _SHEET.dump_json(sheet, indent=1).decode()


def load(text: str | bytes) -> Sheet:
    """Return what `dump` wrote; WireError for anything else."""
    try:
        return _SHEET.validate_json(text)
    except ValidationError as error:
        raise WireError(f"not an acceptance sheet: {error.error_count()} faults") from error
