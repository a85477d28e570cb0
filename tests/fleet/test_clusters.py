"""A fleet on a real Dask cluster and with a bucket as its store."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from credguard.cli import main
from tests.fleet.conftest import list_found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.capture import CaptureFixture

    from tests.fleet.conftest import Fleet


@contextlib.contextmanager
def run_cluster(fleet: Fleet, log: str) -> Iterator[str]:
    """The address of a scheduler with a worker on this machine; what both say is in the log."""
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    words = {
        "scheduler": ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
        "worker": [address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"],
    }
    with (fleet.folder / log).open("wb") as output:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + name, *some], cwd=fleet.folder, env=fleet.environment,
                stdout=output, stderr=output, start_new_session=True,
            ) for name, some in words.items()
        ]  # fmt: skip
        try:
            yield address
        finally:
            for process in started:
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(30)


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_a_dask_cluster_scans_a_plan(fleet: Fleet) -> None:
    token = f"token-{secrets.token_hex(20)}"
    fleet.variables |= {"GITEA_TOKEN": token, "GITEA_HOST": "http://127.0.0.1:1"}
    fleet.plan("--mirrors", "mirrors")
    with run_cluster(fleet, "cluster.log") as address:
        done = fleet.scan("--dask", address, store=str(fleet.folder / "store"))
        assert done.returncode == 0 and "3 repositories: 3 whole" in done.stderr, done.stderr
    report = fleet.merge()
    assert report["exit_code"] == 1 and len(list_found(report, "CG502")) == 2
    said = (fleet.folder / "cluster.log").read_bytes()
    assert said and token.encode() not in said and b"mirrors" not in said


def test_a_cluster_that_others_could_reach_is_refused(fleet: Fleet) -> None:
    fleet.plan()
    done = fleet.scan("--dask", "tcp://10.0.0.1:8786")
    assert done.returncode == 2 and "no TLS" in done.stderr and done.stderr.count("\n") == 1


def test_a_bucket_is_a_store(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capfd: CaptureFixture[str]) -> None:
    moto = pytest.importorskip("moto.server")
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        fleet.variables |= {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        for name, value in fleet.variables.items():
            monkeypatch.setenv(name, value)
        fleet.plan()
        boto3.client("s3").create_bucket(Bucket="fleet")
        done = fleet.scan("--jobs", "1", store="s3://fleet/nightly")
        assert done.returncode == 0 and "3 whole" in done.stderr
        monkeypatch.chdir(fleet.folder)
        assert main(["fleet", "status", "s3://nobodys/nightly", "--plan", "plan.jsonl"]) == 3
        assert "NoSuchBucket" in capfd.readouterr().err
        assert main(["fleet", "status", "s3://fleet/nightly", "--plan", "plan.jsonl"]) == 0
        assert capfd.readouterr().out == "3 planned, 3 whole\n"
        assert fleet.merge(store="s3://fleet/nightly")["exit_code"] == 1
    finally:
        server.stop()
