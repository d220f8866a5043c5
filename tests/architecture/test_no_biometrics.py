# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Nothing here can know a face (B-24): not the dependencies, not a model file, not a name in code.

What a camera says of a face is dropped and counted: tests/e2e/test_recorder.py (events) and
tests/unit/assembly/test_hearing.py (the metadata track); end to end in tests/e2e/test_no_trace.py.
"""

import ast
import hashlib
import io
import json
import re
import subprocess
import tokenize
from importlib.metadata import distribution, distributions
from pathlib import Path

import onnxruntime
import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "gateway").rglob("*.py"))
LOCKS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt", ROOT / "pyproject.toml")

PACKAGES = re.compile(
    r"""(?ix)^(
      .*face.*(recog|detect|net|landmark|mesh|swap|align).* | insightface | deepface | retina-?face
      | mediapipe.* | dlib.* | facenet.* | mtcnn.* | arcface.* | adaface.* | magface.* | blazeface.*
      | libfacedetection.* | openface.* | face-alignment | face-recognition.* | py-feat | fer
      | emotion.* | deepgaze | openpose.* | torchreid | fast-reid | boxmot | gaitset.* | opengait
      | speechbrain | resemblyzer | pyannote.* | webrtcvad | whisper.* | vosk
      | torch | torchvision | tensorflow.* | keras | tflite.* | onnxruntime.* | openvino.* | ncnn
      | paddle.* | mxnet.*
    )$"""
)
"""Distributions that know faces, gaits or voices, and runtimes that would run such a model."""
RUNTIMES = {"pyproject.toml": {"onnxruntime", "torch"}}
RUNS = {"onnxruntime"}
"""Runs the nets below, which read plates, and a net of the user's own that tells persons from
vehicles (ADR 45); torch trains the former, in an extra. Each net is known by its hash and form."""
NETS = {"finder.onnx": ("quads", 9), "reader.onnx": ("signs", 37)}
"""Ours: plates' corners out of a picture, signs out of a crop; neither has a place for a person."""
SHIPPED = {
    "onnxruntime": {"logreg_iris.onnx", "mul_1.onnx", "sigmoid.onnx"},
    "rapidocr": {
        "PP-OCRv6_det_small.onnx",
        "PP-OCRv6_rec_small.onnx",
        "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    },
}
"""Models in packages: examples of the runtime, and readers of text."""
MODELS = {
    ".onnx",
    ".tflite",
    ".pt",
    ".pth",
    ".h5",
    ".keras",
    ".pb",
    ".caffemodel",
    ".prototxt",
    ".mlmodel",
    ".safetensors",
    ".gguf",
    ".trt",
    ".engine",
    ".ncnn",
    ".weights",
}
CASCADE = re.compile(
    rb"<(opencv_storage|cascade\b|haarcascade)|BOOST|HAAR|lbpcascade", re.IGNORECASE
)
NAMES = re.compile(
    r"""(?x)
    FaceDetectorYN | FaceRecognizerSF | CascadeClassifier | FacemarkLBF | EigenFaceRecognizer
    | FisherFaceRecognizer | LBPHFaceRecognizer | face_recognition | facenet | arcface
    | haarcascade | readNet | dnn_ | cv2\.dnn | cv2\.face | cv2\.dnn_superres | faceembedding
    | face_embedding | face_encoding | faceprint | recognise_face | recognize_face | emotion_of
    """
)
MAY_NAME = {
    "gateway/wire/metadata_events.py": "the sieve names what it throws away",
}


def names_in(text):
    """Return the names and attributes of a source file, joined where they belong together."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.alias):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return found


def strings_in(text):
    """Return the strings of a source file: getattr(cv2, "…") is a name, too."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.string for token in tokens if token.type == tokenize.STRING}


def pinned(path):
    """Return the distributions that a lock file or pyproject.toml asks for."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        return set(re.findall(r'^\s*"([A-Za-z0-9_.\-]+)(?:\[[^\]]*\])?[<>=~ ]', text, re.MULTILINE))
    return set(re.findall(r"^([A-Za-z0-9_.\-]+)(?:\[[^\]]*\])?==", text, re.MULTILINE))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_no_dependency_knows_faces(path):
    """By name, in what is asked for and in what is locked."""
    found = pinned(path)
    assert len(found) > 10
    allowed = RUNTIMES.get(path.name, RUNS)
    assert {one for one in found if PACKAGES.match(one)} <= allowed


def closure(name, seen):
    """Collect what a distribution needs at run time, as installed here."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    try:
        needs = distribution(name).requires or []
    except ModuleNotFoundError:
        return
    seen.add(key)
    for need in needs:
        if "extra ==" not in need:
            closure(re.match(r"[A-Za-z0-9_.\-]+", need)[0], seen)


def run_time():
    """Return the distributions that the locked run-time requirements bring."""
    seen = set()
    for name in pinned(ROOT / "requirements.txt"):
        closure(name, seen)
    return seen


def test_nothing_installed_for_the_gateway_knows_faces():
    """Also what dependencies bring with them; development tools are judged by the lock."""
    found = run_time()
    assert len(found) > 20
    assert {one for one in found if PACKAGES.match(one)} <= RUNS


def is_model(path, head):
    """Return whether a file is a trained model or a cascade."""
    if path.suffix.lower() in MODELS:
        return True
    return path.suffix.lower() in {".xml", ".json", ".yml", ".yaml"} and bool(CASCADE.search(head))


def test_the_repository_holds_no_model_but_those_that_read_plates():
    """Neither a trained network nor a cascade, under any tracked or new file."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    paths = [ROOT / one for one in listed if (ROOT / one).is_file()]
    assert len(paths) > 300
    found = []
    for path in paths:
        with path.open("rb") as file:
            if is_model(path, file.read(4096)):
                found.append(str(path.relative_to(ROOT)))
    folder = "gateway/analytics/plates/weights/"
    assert set(found) == {folder + name for name in NETS}


@pytest.mark.parametrize("name", sorted(NETS))
def test_our_nets_are_those_that_were_trained_for_plates(name):
    """By hash as their description says, and by the form of what they answer."""
    folder = ROOT / "gateway/analytics/plates/weights"
    told = json.loads((folder / "weights.json").read_text(encoding="utf-8"))
    data = (folder / name).read_bytes()
    assert told[Path(name).stem]["sha256"] == hashlib.sha256(data).hexdigest()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (output,) = session.get_outputs()
    form, size = NETS[name]
    assert output.shape[1 if form == "quads" else -1] == size


def test_installed_models_are_out_of_reach():
    """OpenCV ships face cascades as data; nothing of ours opens them, and nothing else does."""
    cascades, ours = set(), run_time()
    for one in distributions():
        name = re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower()
        if name not in ours | set(SHIPPED):
            continue
        for file in one.files or []:
            where = Path(str(file))
            known = where.name in SHIPPED.get(name, set())
            if where.suffix.lower() in MODELS and not known:
                pytest.fail(f"{name} ships the model {where}")
            if "cascade" in where.name.lower():
                cascades.add(name)
    assert cascades <= {"opencv-python-headless"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_in_the_code_is_about_recognising_people(path):
    """Identifiers and strings: a face detector could also be reached by getattr."""
    if str(path.relative_to(ROOT)) in MAY_NAME:
        return
    text = path.read_text(encoding="utf-8")
    found = {one for one in names_in(text) | strings_in(text) if NAMES.search(one)}
    assert not found


def test_the_scan_finds_what_it_is_for():
    """Each net catches a fish that was put in for it."""
    assert all(
        PACKAGES.match(one)
        for one in (
            "insightface",
            "face-recognition",
            "mediapipe",
            "onnxruntime-gpu",
            "facenet-pytorch",
        )
    )
    assert not PACKAGES.match("opencv-python-headless")
    assert NAMES.search("cv2.FaceDetectorYN.create")
    assert any(NAMES.search(one) for one in strings_in('getattr(cv2, "CascadeClassifier")\n'))
    assert any(NAMES.search(one) for one in names_in("import cv2\nnet = cv2.dnn.readNet(a)\n"))
    assert is_model(Path("x.onnx"), b"")
    assert is_model(Path("face.xml"), b"<?xml?><opencv_storage><cascade>")
    assert not is_model(Path("metadata.xml"), b"<tt:MetadataStream>")
