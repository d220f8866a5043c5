# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Children of benchmarks, the stream they serve, and both clients that pull it."""

import os
import threading
import time

import pytest

from benchmarks import ingest
from benchmarks.lab import pictures
from benchmarks.lab.process import ChildError, child, cpu_ms, cpu_parts_ms, rss_mb


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """A short stream."""
    path = tmp_path_factory.mktemp("stream") / "pictures"
    pictures.make(path, 4)
    return path


def test_the_stream_comes_back_as_it_was_coded(stream):
    """One key picture with its parameter sets, then others."""
    found = pictures.load(stream)
    assert [pictures.is_key(one) for one in found] == [True, False, False, False]
    assert [nal[0] & 31 for nal in pictures.parameter_sets(found[0])] == [7, 8]


def test_cpu_time_counts_all_threads():
    """What another thread of the process burnt is in the figure."""
    before_ms = cpu_ms(os.getpid())
    burnt = threading.Event()
    leave = threading.Event()

    def burn():
        began_s = time.thread_time()
        while time.thread_time() - began_s < 0.05:
            pass
        burnt.set()
        leave.wait(10)

    thread = threading.Thread(target=burn)
    thread.start()
    assert burnt.wait(30)
    spent_ms = cpu_ms(os.getpid()) - before_ms
    leave.set()
    thread.join()
    assert spent_ms >= 45
    own_ms, kernel_ms = cpu_parts_ms(os.getpid())
    assert own_ms >= 45
    assert own_ms + kernel_ms == pytest.approx(1000 * time.process_time(), rel=0.25, abs=200)
    assert rss_mb(os.getpid()) > 5


@pytest.mark.parametrize("client", [ingest.OURS, ingest.LIBAV])
def test_both_clients_pull_the_cameras(stream, client):
    """All cameras give pictures, and their number is told."""
    with ingest.cameras(2, stream) as served, child(client, "2") as puller:
        puller.read()
        puller.ask(f"pull {served.port}")
        first = ingest.wait_live(puller, 2, 30.0)
        limit_s = time.monotonic() + 30
        while (count := puller.ask("count"))["units"] <= first["units"] + 4:
            assert time.monotonic() < limit_s
        assert count["bytes"] > first["bytes"]


def test_a_return_after_death_is_timed(stream):
    """A killed process of cameras comes back on its port; the recovery is noted per camera."""
    load = ingest.Load(2, 1, 0.0, 0.0, kills=1, freezes=0)
    with ingest.cameras(2, stream) as served:
        returns = ingest.torment(served, load, 2)
    assert len(returns.recover_s) == returns.reconnects == 2
    assert returns.lost == 0
    assert 0 < max(returns.recover_s) < 5


def test_a_child_that_dies_is_an_error():
    """No answer is not waited for for ever."""
    with child("benchmarks.lab.pull_ours", "no number") as broken, pytest.raises(ChildError):
        broken.read()
