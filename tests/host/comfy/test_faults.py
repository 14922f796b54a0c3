"""The client against a real host while the network, a proxy, another user or the host itself fails."""

from __future__ import annotations

import base64
import contextlib
import http.server
import os
import secrets
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from packshot import Client
from packshot.comfy.events import Finished, NodeProgress
from packshot.comfy.http import HostApi
from packshot.comfy.job import Job
from packshot.errors import DeliveryUnknown, HostLost, HostUnreachable, JobCancelled
from packshot.host.managed import HostStatus
from support.host.jobs import PLAIN, SLOW, colour, pixel, started, wait_until
from support.host.proxy import Proxy, Request, answer


@pytest.fixture
def client(proxy: Proxy, tmp_path: Path) -> Iterator[Client]:
    """A client that has submitted a job before, so that it has connections and a socket to lose."""
    with Client(proxy.url, timeout=2, patience=20, out=tmp_path) as client:
        client.submit(PLAIN, color=colour()).result(60)
        proxy.seen.clear()
        yield client


def accepted(client: Client, job: Job) -> int:
    """How many submissions the host had taken in its life when it took this one."""
    number: int = client.api.history(job.id)[job.id]["prompt"][0]
    return number


# -- submitting exactly once -------------------------------------------------------------------------------------------


def test_a_submission_whose_answer_is_lost_runs_once(client: Client, proxy: Proxy) -> None:
    before = client.submit(PLAIN, color=colour())
    before.result(60)
    proxy.seen.clear()
    proxy.lose_answer("POST /prompt")
    value = colour()
    job = client.submit(PLAIN, color=value)
    assert pixel(job.result(60).outputs[0].read()) == value
    assert proxy.seen.count("POST /prompt") == 1
    assert accepted(client, job) == accepted(client, before) + 1


def test_a_submission_that_never_arrived_is_sent_again_and_runs_once(client: Client, proxy: Proxy) -> None:
    proxy.lose_request("POST /prompt")
    value = colour()
    job = client.submit(PLAIN, color=value)
    result = job.result(60)
    assert pixel(result.outputs[0].read()) == value
    assert result.outputs[0].reused is False
    assert proxy.seen.count("POST /prompt") == 2


@pytest.mark.parametrize("status", ["502 Bad Gateway", "504 Gateway Timeout"])
def test_a_gateway_that_gives_up_does_not_mean_that_the_job_is_not_there(
    client: Client, proxy: Proxy, status: str
) -> None:
    proxy.lose_answer("POST /prompt", instead=answer(status))
    job = client.submit(PLAIN, color=colour())
    assert job.result(60).outputs[0].reused is False
    assert proxy.seen.count("POST /prompt") == 1


def test_a_host_that_is_slow_to_take_a_submission_gets_it_once(client: Client, proxy: Proxy) -> None:
    def freeze(request: Request) -> None:
        if request.line == "POST /prompt":
            proxy.freeze()

    proxy.rule = freeze
    with ThreadPoolExecutor() as pool:
        wait = pool.submit(client.submit, PLAIN, color=colour())
        # The submission has timed out when the client looks for the job; it arrives all the same, later.
        wait_until(lambda: any(line.startswith("GET /api/jobs") for line in proxy.seen))
        proxy.thaw()
        job = wait.result(60)
    assert job.result(60).outputs[0].reused is False
    assert proxy.seen.count("POST /prompt") == 1


def test_nobody_claims_to_know_what_a_silent_host_did(proxy: Proxy) -> None:
    with Client(proxy.url, timeout=0.5, patience=1) as client:
        draft = client.draft(PLAIN, {"color": colour()})
        proxy.rule = lambda request: proxy.freeze() if request.line == "POST /prompt" else None
        with pytest.raises(DeliveryUnknown) as caught:
            client.send(draft)
        assert caught.value.slug == "host-lost"
        assert draft.id in caught.value.place
        proxy.thaw()
        assert client.attach(draft.id).result(60).outputs[0].reused is False
        assert proxy.seen.count("POST /prompt") == 1


def test_a_refused_submission_certainly_does_not_run(client: Client, proxy: Proxy) -> None:
    before = client.submit(PLAIN, color=colour())
    before.result(60)
    draft = client.draft(PLAIN, {"color": colour()})
    proxy.refuse()
    with pytest.raises(HostUnreachable) as caught:
        client.send(draft)
    assert proxy.url in caught.value.place
    assert caught.value.remedy
    proxy.accept()
    after = client.send(draft)
    assert after.result(60).outputs[0].reused is False
    assert accepted(client, after) == accepted(client, before) + 1


# -- connections that break under a running job ------------------------------------------------------------------------


def test_a_job_whose_connections_are_cut_ends_with_its_events(client: Client, proxy: Proxy) -> None:
    job = started(client)
    proxy.cut()
    assert list(job.events(60))[-1] == Finished(True)
    assert job.result(60).outputs
    # The next job has a socket again.
    assert any(isinstance(event, NodeProgress) for event in client.submit(PLAIN, color=colour()).events(60))


def test_a_host_out_of_reach_for_a_while_is_waited_for(client: Client, proxy: Proxy, host: HostStatus) -> None:
    job = started(client)
    proxy.refuse()
    with ThreadPoolExecutor() as pool, contextlib.closing(HostApi(str(host.url))) as others:
        wait = pool.submit(job.result, 60)
        wait_until(lambda: bool(others.history(job.id)))
        assert not wait.done(), "the job is over, and nobody can know it here"
        proxy.accept()
        assert wait.result().outputs


def test_a_silent_host_is_waited_for_with_patience_and_no_longer(proxy: Proxy, tmp_path: Path) -> None:
    with Client(proxy.url, timeout=0.5, patience=2, out=tmp_path) as client:
        job = started(client)
        proxy.freeze()
        with pytest.raises(HostLost, match="has not answered for 2 s") as caught:
            job.result(120)
        assert job.id in caught.value.place
        proxy.thaw()
        assert job.result(60).outputs


@pytest.mark.parametrize("lost", [b'"node": null', b'"prompt_id"', b""])
def test_frames_that_are_lost_change_no_verdict(client: Client, proxy: Proxy, lost: bytes) -> None:
    proxy.dropped = lost
    value = colour()
    job = client.submit(PLAIN, color=value)
    assert pixel(job.result(1).outputs[0].read()) == value


def test_a_last_frame_that_is_lost_is_made_good_without_a_timeout(client: Client, proxy: Proxy) -> None:
    proxy.dropped = b'"node": null'
    assert list(client.submit(PLAIN, color=colour()).events())[-1] == Finished(True)


def test_without_a_socket_jobs_are_polled(client: Client, proxy: Proxy, tmp_path: Path) -> None:
    proxy.rule = lambda request: answer("403 Forbidden") if request.line.startswith("GET /ws") else None
    with Client(proxy.url, out=tmp_path) as polling:
        first = polling.submit(SLOW, color=colour(), width=256, height=256)
        second = polling.submit(SLOW, color=colour(), width=256, height=256)
        assert list(second.events(60))[-1] == Finished(True)
        assert first.result(60).outputs
        assert second.result(60).timings == {}
        third = started(client)
        waiting = polling.submit(PLAIN, color=colour())
        assert waiting.cancel()
        with pytest.raises(JobCancelled):
            waiting.result(60)
        third.cancel()


def test_a_file_that_breaks_off_is_never_taken_for_a_whole_one(client: Client, proxy: Proxy, tmp_path: Path) -> None:
    job = client.submit(PLAIN, color=colour(), width=512, height=512)
    proxy.lose_answer("GET /view", after=600)
    with pytest.raises(HostUnreachable, match="a file"):
        job.result(60, out=tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    assert job.result(60, out=tmp_path / "new").outputs[0].file.is_file()


# -- other users of the host -------------------------------------------------------------------------------------------


def without_boot(request: Request) -> bytes | None:
    """A host without the node pack, which cannot tell one of its lives from the next."""
    return answer("404 Not Found") if request.line == "GET /packshot/boot" else None


@pytest.mark.parametrize("boot", [True, False])
def test_a_job_that_someone_else_took_out_of_the_queue(proxy: Proxy, tmp_path: Path, boot: bool) -> None:
    if not boot:
        proxy.rule = without_boot
    with Client(proxy.url, out=tmp_path) as client:
        running = started(client)
        taken = client.submit(PLAIN, color=colour())
        client.api.request("POST", "/queue", json={"delete": [taken.id]})
        running.cancel()
        with pytest.raises(JobCancelled):
            running.result(60)
        with pytest.raises(JobCancelled if boot else HostLost) as caught:
            taken.result(60)
        assert ("someone" if boot else "restarted, its history was cleared, or") in caught.value.message
        assert taken.id in caught.value.place


def test_a_history_that_someone_else_cleared(client: Client) -> None:
    job = client.submit(PLAIN, color=colour())
    assert client.attach(job.id).result(60).outputs
    client.api.request("POST", "/history", json={"clear": True})
    with pytest.raises(JobCancelled, match="history"):
        job.result(60)


def test_a_job_that_the_host_never_had(client: Client) -> None:
    for job in (client.attach(str(uuid.uuid4()), PLAIN), client.attach("../../queue")):
        with pytest.raises(HostLost, match="never had"):
            job.result(60)


# -- what stands before a host, or in its place ------------------------------------------------------------------------


def test_credentials_go_with_every_request_and_into_no_message(proxy: Proxy, tmp_path: Path) -> None:
    secret = "s3cr3t-" + secrets.token_hex(4)
    basic = "Basic " + base64.b64encode(f"me@home:{secret}".encode()).decode()

    def guard(request: Request) -> bytes | None:
        known = (f"Bearer {secret}", basic)
        return None if request.headers.get("authorization") in known else answer("401 Unauthorized")

    proxy.rule = guard
    address = proxy.url.removeprefix("http://")
    for client in (
        Client(proxy.url, headers={"Authorization": f"Bearer {secret}"}, out=tmp_path),
        Client(f"http://me%40home:{secret}@{address}", out=tmp_path),
    ):
        with client:
            job = client.submit(PLAIN, color=colour())
            events = list(job.events(60))
            assert any(isinstance(event, NodeProgress) for event in events), "the socket was let in"
            assert job.result(60).outputs
            shown = [client, client.url, job.host, job.result().as_dict(), events]
            assert not any(secret in text or basic in text for item in shown for text in (str(item), repr(item)))
    for client in (Client(proxy.url), Client(f"http://me:{secret}@{address}")):
        with client, pytest.raises(HostUnreachable, match="401") as caught:
            client.submit(PLAIN)
        assert secret not in str(caught.value)
        assert "header" in caught.value.remedy


def test_a_proxy_whose_host_is_away(proxy: Proxy) -> None:
    proxy.rule = lambda _: answer("503 Service Unavailable", "Retry-After: 3600")
    with Client(proxy.url) as client, pytest.raises(HostUnreachable, match="503"):
        client.submit(PLAIN)


def test_a_redirection_is_named_and_not_followed(proxy: Proxy) -> None:
    proxy.rule = lambda _: answer("302 Found", "Location: https://login.example/")
    with Client(proxy.url) as client, pytest.raises(HostUnreachable, match=r"login\.example"):
        client.submit(PLAIN)


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Something that answers HTTP and is no ComfyUI: the files of a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_web_server_is_no_host(tmp_path: Path) -> None:
    (tmp_path / "system_stats").write_text("<html>Welcome</html>")
    (tmp_path / "queue").write_text("[1, 2]")
    with web_server(tmp_path) as url, Client(url) as client:
        with pytest.raises(HostUnreachable, match="404") as caught:
            client.submit(PLAIN)
        assert "check the address" in caught.value.remedy
        with pytest.raises(HostUnreachable, match="not a ComfyUI host"):
            client.api.system_stats()
        with pytest.raises(HostUnreachable, match="not a ComfyUI host"):
            client.api.queue()
        with pytest.raises(HostUnreachable, match="TLS"):
            Client(url.replace("http:", "https:")).submit(PLAIN)


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x00\xff" * 600, b""])
def test_a_port_that_speaks_something_else_is_no_host(greeting: bytes) -> None:
    def greet(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(greeting)
                    connection.recv(1 << 16)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, args=(listener,), daemon=True).start()
        with Client(f"127.0.0.1:{listener.getsockname()[1]}") as client, pytest.raises(HostUnreachable):
            client.submit(PLAIN)
        listener.shutdown(socket.SHUT_RDWR)


def test_a_port_that_never_answers_is_no_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with Client(f"127.0.0.1:{port}", timeout=0.3) as client, pytest.raises(HostUnreachable, match=r"within 0\.3 s"):
            client.submit(PLAIN)


def test_nothing_at_the_address(proxy: Proxy) -> None:
    proxy.refuse()
    for url in (proxy.url, "http://nowhere.invalid:8188"):
        with Client(url) as client:
            for ask in (lambda: client.submit(PLAIN), lambda: client.attach("x").presence()):
                with pytest.raises(HostUnreachable) as caught:
                    ask()
                assert caught.value.place == url


def test_a_stopped_host_that_goes_on_loses_nothing(host: HostStatus, tmp_path: Path) -> None:
    assert host.url
    assert host.pid
    with Client(host.url, timeout=0.5, patience=30, out=tmp_path) as client:
        job = started(client)
        os.kill(host.pid, signal.SIGSTOP)
        try:
            with ThreadPoolExecutor() as pool:
                wait = pool.submit(job.result, 60)
                time.sleep(1)  # twice the time that the client waits for an answer
                assert not wait.done()
                os.kill(host.pid, signal.SIGCONT)
                assert wait.result().outputs
        finally:
            os.kill(host.pid, signal.SIGCONT)
