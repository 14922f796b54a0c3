"""One ComfyUI host's HTTP API, as plain calls that return parsed JSON or raise an error with a slug.

Only transport lives here: addresses, credentials, timeouts, safe retries, and which failures mean that a request never
reached the host. What answers mean is decided in :mod:`.protocol`.
"""

from __future__ import annotations

import base64
import io
import ipaddress
import json
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

import requests
import urllib3

from ..bounded_http import authorities, body, bounded_session, steady
from ..budget import Budget, OverBudget, check_deadline, deadline
from ..errors import DeliveryUnknown, HostUnreachable, InputInvalid, OutputDamaged
from . import answers

_WHOLE = 300.0  # seconds that an answer may take in all; 40 MB of definitions over 2 Mbit/s take 160
_MARGIN = 1.0  # seconds beyond the patience for each part of an answer's head, which may trickle
_PACE = 10.0, 1 << 16  # seconds, and the bytes of an answer that must come within them each time, or its rest
_MOST_PARTS = 200_000  # chunks of an answer
_SLOWEST = 1 << 15  # bytes a second of the slowest line that a file is sent over
_MOST_UNTOLD = 1 << 30  # bytes of a file whose size the host does not tell
_READS = ("GET", "HEAD")  # change nothing on the host
_PROXY_FAILURES = (502, 503, 504)  # from a proxy that got no answer from the host
_CANCEL_AGAIN = (0.1, 0.3, 1.0)  # seconds after which a job that is still there is cancelled once more


class HostAddress:
    """A host's base URL, apart from the credentials that were written into it.

    Accepts ``127.0.0.1:8188``, ``http://…``, ``https://user:secret@gpu.example/comfy``. Credentials move into the
    headers, so that no error message, log or record ever shows them.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port
        except ValueError:
            raise _no_address(url) from None  # its message repeats the address
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _no_address(url)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.url = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
        self.headers = dict(headers or {})
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self.headers.setdefault("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
        for name, value in self.headers.items():
            if not (f"{name}{value}".isprintable() and f"{name}{value}".isascii()):
                raise HostUnreachable(
                    f"the header {name!r} holds characters that HTTP cannot send",
                    place=self.url,
                    remedy="see that the value was copied whole and with nothing around it",
                )

    @property
    def websocket(self) -> str:
        """The same address for the event socket, without the ``/ws`` path."""
        return "ws" + self.url.removeprefix("http")

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine, which no proxy of the environment can serve."""
        name = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"


class HostApi:
    """Calls to one host over a pool of kept-open connections; safe to use from several threads.

    Args:
        url: the host's address (see :class:`HostAddress`).
        headers: sent with every request, for instance ``{"Authorization": "Bearer …"}``.
        timeout: seconds to wait for a connection, and for each part of an answer. The whole of an answer has its
            bounds besides, and :func:`~packshot.budget.deadline` holds for all calls inside it.

    Raises:
        HostUnreachable: from every call, when nothing usable answers.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, timeout: float = 10.0) -> None:
        self.address = HostAddress(url, headers)
        self.timeout = timeout
        # Only reads are repeated. A POST may have been acted upon before its connection broke (see `submit`).
        retry = urllib3.Retry(
            total=3,
            connect=1,
            read=1,  # a kept-open connection that has gone stale; a host that is silent is not asked for ever
            backoff_factor=0.1,
            status_forcelist=_PROXY_FAILURES,
            allowed_methods=_READS,
            raise_on_status=False,
            respect_retry_after_header=False,  # it may say hours
        )
        self._session = bounded_session(retry=retry, pool=16)
        self._session.headers.update(self.address.headers)
        # Our node pack answers whoever is no page of another site, and no page may set a header that begins with Sec-.
        self._session.headers["Sec-Packshot-Program"] = "1"
        # requests looks up proxies in the environment for every request; a loopback host has none.
        self._session.trust_env = not self.address.loopback
        self._session.verify = authorities()

    @property
    def url(self) -> str:
        """The host's address, without credentials."""
        return self.address.url

    def close(self) -> None:
        """Close the kept-open connections."""
        self._session.close()

    def request(
        self, method: str, path: str, *, stream: bool = False, sending: float = 0.0, **options: Any
    ) -> requests.Response:
        """Send one request; any answer is returned whatever its status, but for the ones that no ComfyUI gives.

        Args:
            stream: leave the body to be read by the caller; it is read whole otherwise.
            sending: seconds that it takes to send the request.

        Raises:
            HostUnreachable: the request did not arrive, or it only reads, or a proxy refuses it.
            DeliveryUnknown: no usable answer came to a request that changes something, and it may have arrived.
        """
        reads = method in _READS
        options.setdefault("timeout", self.timeout)
        try:
            with deadline(2 * self.timeout + _MARGIN + sending):  # it is tried twice, see `retry`
                response = self._ask(method, path, options)
            if not stream:
                with deadline(_WHOLE):
                    # Where requests itself puts what it reads, without bounds.
                    response._content = b"".join(_parts(response))
        except requests.exceptions.ConnectTimeout as error:
            raise self._unreachable(f"did not accept a connection within {self.timeout:g} s") from error
        except OverBudget as error:
            message = f"it sends more than ComfyUI does ({error})"
            if error.limit == "seconds":
                message = f"its answer was not there within {error.most:.3g} s"
            raise (self._unreachable(message) if reads else self._unknown(message)) from error
        except requests.exceptions.RequestException as error:
            if isinstance(reason_of(error), _NEVER_SENT):
                raise self._unreachable("nothing answers there") from error
            message = "the connection broke while waiting for an answer"
            if isinstance(reason_of(error), requests.exceptions.Timeout | urllib3.exceptions.ReadTimeoutError):
                message = f"no answer came within {self.timeout:g} s"
            elif isinstance(error, requests.exceptions.SSLError):
                message = "no TLS connection can be made to it, or its certificate is not trusted"
            raise (self._unreachable(message) if reads else self._unknown(message)) from error
        except OSError as error:  # requests looks for the file itself
            raise self._unreachable(
                f"its certificate cannot be checked: {error}", "mend REQUESTS_CA_BUNDLE or SSL_CERT_FILE, or unset it"
            ) from error
        if response.status_code in (401, 403, 407):
            raise self._unreachable(
                f"it refuses access (HTTP {response.status_code})", "give credentials as a header, or in the address"
            )
        if response.is_redirect:
            target = response.headers.get("Location", "elsewhere")
            raise self._unreachable(f"it redirects to {target}", "use the address behind the redirection")
        if response.status_code in _PROXY_FAILURES:
            message = f"the proxy before it answers HTTP {response.status_code}"
            raise self._unreachable(message) if reads else self._unknown(message)
        return response

    def _ask(self, method: str, path: str, options: Mapping[str, Any]) -> requests.Response:
        try:
            return self._session.request(method, self.url + path, allow_redirects=False, stream=True, **options)
        except requests.exceptions.RequestException:
            check_deadline()  # what ran out of time says only that it timed out, or broke
            raise

    def json(self, method: str, path: str, shape: Any = object) -> Any:
        """Send one request and parse the body of a successful answer, which has the shape given."""
        return self._successful(self.request(method, path), shape)

    def parse(self, response: requests.Response, shape: Any = object) -> Any:
        """The JSON in an answer's body, which has the shape given; see :mod:`.answers`.

        Raises:
            HostUnreachable: no ComfyUI answers like that.
            DeliveryUnknown: likewise, to a request that changes something.
        """
        try:
            answer = answers.load(response.content)
        except (ValueError, RecursionError):
            fits = False
        else:
            fits = answers.fits(answer, shape)
        if not fits:
            request = f"{response.request.method} {urlsplit(response.url).path}"
            message = f"what answers there is not a ComfyUI host: {request} gave something else than ComfyUI's answer"
            reads = response.request.method in _READS
            raise self._unreachable(message, _NOT_COMFYUI) if reads else self._unknown(message)
        return answer

    # -- what is asked of a host ---------------------------------------------------------------------------------

    def system_stats(self) -> dict[str, Any]:
        """``GET /system_stats``: versions, arguments, devices and their memory in bytes."""
        return self._read("/system_stats", answers.SYSTEM)

    def queue(self) -> dict[str, Any]:
        """``GET /queue``: running and pending jobs, each with its whole graph."""
        return self._read("/queue", answers.QUEUE)

    def history(self, prompt_id: str) -> dict[str, Any]:
        """``GET /history/{id}``: the job's record under its id, or an empty object."""
        return self._read(f"/history/{quote(prompt_id, safe='')}", {f"{prompt_id}?": answers.RECORD})

    def job(self, prompt_id: str) -> requests.Response:
        """``GET /api/jobs/{id}``: the job's state in one look (queue, then history); 404 when it has no such job."""
        return self.request("GET", f"/api/jobs/{quote(prompt_id, safe='')}")

    def object_info(self, node: str) -> dict[str, Any] | None:
        """``GET /object_info/{node}``: the definition of one node type, or None where the host does not have it."""
        return self._read(f"/object_info/{quote(node, safe='')}", {f"{node}?": answers.DEFINITION}).get(node) or None

    def submit(self, body: Mapping[str, Any]) -> requests.Response:
        """``POST /prompt``.

        Raises:
            DeliveryUnknown: the request was sent and no answer came; look the job up before anything else.
        """
        # In ASCII: a text may hold halves of characters, which JSON can escape and UTF-8 cannot encode.
        data = json.dumps(body, separators=(",", ":")).encode()
        return self.request("POST", "/prompt", data=data, headers={"Content-Type": "application/json"})

    def cancel(self, prompt_id: str) -> bool:
        """Cancel one job, pending or running; False when the host has nothing to cancel.

        A host forgets an interrupt that arrives between taking a job from its queue and starting it. So it is sent
        again while the job is still there; a long step that is already interrupted goes on to its own end.
        """
        if not self._cancel_once(prompt_id):
            return False
        for pause in _CANCEL_AGAIN:
            time.sleep(pause)
            if not self._cancel_once(prompt_id):
                break
        return True

    def _cancel_once(self, prompt_id: str) -> bool:
        response = self.request("POST", f"/api/jobs/{quote(prompt_id, safe='')}/cancel")
        if response.ok:
            return bool(self.parse(response, {}).get("cancelled"))
        # Hosts before 0.30: aimed at the one job, never at whatever happens to run.
        self.request("POST", "/queue", json={"delete": [prompt_id]})
        return self.request("POST", "/interrupt", json={"prompt_id": prompt_id}).ok

    def free_memory(self) -> None:
        """``POST /free``: have the host unload its models and empty its caches before the next job."""
        self.request("POST", "/free", json={"unload_models": True, "free_memory": True})

    def has_file(self, filename: str, subfolder: str, folder: str) -> bool:
        """Whether a file is in the host's ``input``, ``output`` or ``temp`` folder."""
        query = {"filename": filename, "subfolder": subfolder, "type": folder}
        return self.request("HEAD", "/view", params=query).ok

    def upload(self, file: IO[bytes], filename: str, subfolder: str, *, overwrite: bool = False) -> str:
        """``POST /upload/image``: put a file into the input folder; returns the name that nodes take.

        Args:
            overwrite: in place of another file of that name, beside which it would get another name.

        Raises:
            InputInvalid: it is larger than the host, or a proxy before it, accepts.
        """
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        response = self.request(
            "POST",
            "/upload/image",
            files={"image": (filename, file, "application/octet-stream")},
            data={"subfolder": subfolder, "type": "input", **({"overwrite": "true"} if overwrite else {})},
            sending=size / _SLOWEST,
        )
        if response.status_code == 413:
            raise self._too_large(response, filename, size)
        answer = self._successful(response, answers.UPLOADED)
        return f"{answer['subfolder']}/{answer['name']}" if answer.get("subfolder") else str(answer["name"])

    def input_sha256(self, name: str) -> tuple[bool, str | None]:
        """``GET /packshot/inputs/{name}/sha256``: what is in a file below the input folder.

        Returns:
            whether the host can tell, and the SHA-256; None where it has no such file.
        """
        response = self.request("GET", f"/packshot/inputs/{quote(name)}/sha256")
        if not response.ok:
            return False, None  # the node pack is not there, or too old
        return True, self.parse(response, answers.DIGEST).get("sha256") or None

    def view(self, filename: str, subfolder: str, folder: str, most_bytes: int | None = None) -> Iterator[bytes] | None:
        """``GET /view``: a file's bytes as a stream, or None where the host does not have it.

        Args:
            most_bytes: of the file; by default what the host tells, as far as it does.

        Raises:
            HostUnreachable: the connection broke, or the bytes come too slowly.
            OutputDamaged: there are more of them than may be.
        """
        query = {"filename": filename, "subfolder": subfolder, "type": folder}
        response = self.request("GET", "/view", params=query, stream=True)
        if not response.ok:
            response.close()
            return None
        return self._stream(response, most_bytes)

    def lora_metadata(self, name: str) -> dict[str, Any] | None:
        """``GET /view_metadata/loras``: the metadata in a LoRA's header, or None where it has none or is not there."""
        response = self.request("GET", "/view_metadata/loras", params={"filename": name})
        if not response.ok:
            return None
        metadata = self.parse(response)
        return metadata if isinstance(metadata, dict) else None

    def node_replacements(self) -> dict[str, Any]:
        """``GET /node_replacements``: by the type of a node that is gone, the nodes that take its place."""
        return self._read("/node_replacements", {})

    def boot(self) -> str | None:
        """An id that changes each time the host starts; None where our node pack is not installed."""
        response = self.request("GET", "/packshot/boot")
        if not response.ok:
            return None
        try:
            return str(answers.load(response.content)["boot"])
        except (ValueError, RecursionError, KeyError, TypeError):
            return None

    def phases(self, prompt_id: str) -> Any:
        """``GET /packshot/memory/{id}``: what a job's phases took of memory; None where the node pack is too old."""
        response = self.request("GET", f"/packshot/memory/{quote(prompt_id, safe='')}")
        answer = self.parse(response) if response.ok else None
        return answer.get("phases") if isinstance(answer, dict) else None

    # -- helpers -------------------------------------------------------------------------------------------------

    def _too_large(self, response: requests.Response, filename: str, size: int) -> InputInvalid:
        """Name who refuses a file: ComfyUI's own server says that it is aiohttp, a proxy says its own name."""
        server = response.headers.get("Server", "")
        if "aiohttp" in server.casefold():
            who, remedy = "the host", "start ComfyUI with a larger --max-upload-size"
        else:
            who = f"the proxy before the host ({server})" if server else "a proxy before the host"
            remedy = "raise the proxy's limit (nginx: client_max_body_size)"
        return InputInvalid(
            f"{who} takes no file of {size:,} bytes (HTTP 413)",
            place=f"{filename} for {self.url}",
            remedy=f"{remedy}, or export the photograph smaller",
        )

    def _successful(self, response: requests.Response, shape: Any = object) -> Any:
        if not response.ok:
            request = f"{response.request.method} {urlsplit(response.url).path}"
            raise self._unreachable(f"{request} answered HTTP {response.status_code}", _NOT_COMFYUI)
        return self.parse(response, shape)

    def _read(self, path: str, shape: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.json("GET", path, shape)
        return answer

    def _stream(self, response: requests.Response, most_bytes: int | None) -> Iterator[bytes]:
        expected = response.headers.get("Content-Length", "")
        packed = bool(response.headers.get("Content-Encoding"))
        whole = int(expected) if expected.isdecimal() and not packed else None
        budget = Budget(most_bytes=most_bytes or whole or _MOST_UNTOLD)
        try:
            yield from steady(body(response, budget))
        except requests.exceptions.RequestException as error:
            raise self._unreachable("the connection broke in the middle of a file") from error
        except OverBudget as error:
            if error.limit == "seconds":
                raise self._unreachable(f"{budget.bytes:,} bytes of a file came, and the rest too slowly") from error
            raise OutputDamaged(
                f"the host sends a file that is too large ({error})", place=self.url, remedy="see what answers there"
            ) from error
        if budget.bytes != whole and whole is not None:
            raise self._unreachable(f"the connection ended after {budget.bytes} of {expected} bytes of a file")

    def _unknown(self, message: str) -> DeliveryUnknown:
        return DeliveryUnknown(
            message, place=self.url, remedy="see whether the host still runs; `packshot host status` tells"
        )

    def _unreachable(self, message: str, remedy: str = "") -> HostUnreachable:
        start = "start it with `packshot host up`, or name the right address with --host"
        return HostUnreachable(message, place=self.url, remedy=remedy or start)


def _parts(response: requests.Response) -> Iterator[bytes]:
    """The body of an answer in JSON, within its bounds."""
    budget = Budget(most_bytes=answers.MOST_BYTES, most_items=_MOST_PARTS)
    for part in steady(body(response, budget), *_PACE):
        budget.take_items()  # of one byte each they would take minutes
        yield part


_NOT_COMFYUI = "check the address: it should open ComfyUI in a browser"


def _no_address(url: str) -> HostUnreachable:
    shown = url.rpartition("@")[2]  # what stands before it is a secret
    return HostUnreachable(
        f"'{shown}' is not a host's address", remedy="write it as http://127.0.0.1:8188 or https://gpu.example"
    )


# Failures before a byte of the request left: no connection was ever made.
_NEVER_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    requests.exceptions.InvalidURL,
)


def reason_of(error: requests.exceptions.RequestException) -> object:
    """What lies behind an error of requests, which wraps those of urllib3 once or twice."""
    if isinstance(error, requests.exceptions.ConnectionError) and error.args:
        return getattr(error.args[0], "reason", error.args[0])
    return error
