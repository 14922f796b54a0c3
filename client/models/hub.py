"""The Hugging Face hub as a source of files: look-up, download, patience, and its errors in plain words."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar
from urllib.parse import urljoin

import requests

from ..bounded_http import authorities, body, bounded_session, steady
from ..budget import Budget, OverBudget, check_deadline, deadline
from ..errors import HostUnreachable, ModelMissing, PackshotError
from ..paths import writing
from .cards import ModelFile
from .fetch import Remote, fill_command, open_part, refuse_more, size_text

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

_T = TypeVar("_T")

_PAUSES = (0.5, 1.0, 2.0)  # seconds before the hub is asked again, after what may pass
_PASSING = {408, 429, 500, 502, 503, 504}
_PROGRESS = 1 << 20  # bytes; with less, a source that breaks off after each byte would be asked for ever
_HEAD = 15.0  # seconds in which an answer must begin
_REDIRECTIONS = 5
_REMEDY = "see to the network and fetch again: what has come is kept. Without a network, use --mirror DIR"
_LARGEST = 50 * 1000**3  # the hub sends no larger file over plain HTTP (MAX_HTTP_DOWNLOAD_SIZE of huggingface_hub)


class Hub:
    """The Hugging Face hub, or the one that ``HF_ENDPOINT`` names.

    The token is huggingface_hub's own: ``HF_TOKEN``, or what ``hf auth login`` stored. Files come over plain HTTP,
    which goes on where an earlier process stopped. Those above 50 GB the hub sends by its Xet protocol alone, which
    cannot: they start anew.
    """

    def look(self, file: ModelFile) -> Remote:
        """See :class:`~.fetch.Source`."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        repo, path = str(file.repo), str(file.path)
        found: HfFileMetadata = _patiently(
            lambda: _in_time(lambda: get_hf_file_metadata(hf_hub_url(repo, path)), file), file
        )
        url = hf_hub_url(repo, path, revision=found.commit_hash)
        if found.size is None or found.size < 0 or found.etag is None:
            raise HostUnreachable(
                "the answer has no size or no ETag, so it is not from the hub",
                place=url,
                remedy="see whether a proxy or HF_ENDPOINT leads elsewhere",
            )
        sha256 = found.etag if re.fullmatch("[0-9a-f]{64}", found.etag) else None
        return Remote(file, url, found.size, sha256, found.etag)

    def copy(self, remote: Remote, part: Path) -> None:
        """See :class:`~.fetch.Source`."""
        if remote.size > _LARGEST:
            _copy_by_xet(remote, part)
            return
        from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

        with open_part(part) as out, bounded_session() as session:
            if out.seek(0, os.SEEK_END) > remote.size:
                out.truncate(0)
            session.verify = authorities()
            name = Path(remote.file.name).name
            bar = tqdm(  # type: ignore[no-untyped-call]
                total=remote.size, initial=out.tell(), unit="B", unit_scale=True, desc=name
            )
            with bar:
                _patiently(lambda: _go_on(session, remote, part, out, bar.update), remote.file, lambda: out.tell())


def _go_on(
    session: requests.Session, remote: Remote, part: Path, out: BinaryIO, progress: Callable[[int], object]
) -> None:
    """Append what comes of a file after what is there of it.

    Raises:
        ModelCorrupt: it goes on beyond the file's size.
        ConnectionError: it has broken off, or the source cannot send it now.
        HostUnreachable: it comes too slowly, or the source refuses it.
    """
    begun = out.seek(0, os.SEEK_END)
    if begun == remote.size:
        return
    try:
        with _open(session, remote, begun) as response:
            if response.status_code == HTTPStatus.OK:  # it takes no ranges
                progress(-begun)
                with writing(part):
                    out.truncate(0)
                begun = 0
            budget = Budget(most_bytes=remote.size - begun)
            for chunk in steady(body(response, budget)):
                with writing(part):
                    out.write(chunk)
                progress(len(chunk))
            with writing(part):
                out.flush()
    except OverBudget as error:
        if error.limit == "seconds":
            raise HostUnreachable("less than 128 KiB came within 15 s", place=remote.address, remedy=_REMEDY) from error
        raise refuse_more(remote, part) from error
    except requests.RequestException as error:
        raise ConnectionError(f"the connection broke after {out.tell():,} of {remote.size:,} bytes") from error
    if out.tell() < remote.size:
        raise ConnectionError(f"the connection ended after {out.tell():,} of {remote.size:,} bytes")


def _open(session: requests.Session, remote: Remote, begun: int) -> requests.Response:
    """Ask for a file from a byte on, through redirections; the token is for the hub alone."""
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url, headers = remote.address, {**build_hf_headers(), "Accept-Encoding": "identity"}
    if begun:
        headers["Range"] = f"bytes={begun}-"
    for _ in range(_REDIRECTIONS):
        patience = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with deadline(_HEAD):
            try:
                response = session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=patience)
            except requests.RequestException:
                check_deadline()  # what ran out of time says only that it timed out
                raise
        if not response.is_redirect:
            break
        response.close()
        target = urljoin(url, response.headers["Location"])
        if session.should_strip_auth(url, target):  # type: ignore[no-untyped-call]
            headers.pop("authorization", None)
        url = target
    ranges = response.headers.get("Content-Range", "")
    rest = response.status_code == HTTPStatus.PARTIAL_CONTENT and ranges.startswith(f"bytes {begun}-")
    if rest or response.status_code == HTTPStatus.OK:
        return response
    response.close()
    if response.status_code in _PASSING:
        raise ConnectionError(f"the answer is HTTP {response.status_code}")
    raise HostUnreachable(
        f"the hub does not send {remote.file.path}: HTTP {response.status_code}", place=remote.address, remedy=_REMEDY
    )


def _in_time(action: Callable[[], _T], file: ModelFile) -> _T:
    """Call huggingface_hub, whose patience is one for each byte, with one for the whole; it is left to itself then."""
    outcome: Future[_T] = Future()

    def call() -> None:
        try:
            outcome.set_result(action())
        except BaseException as error:  # raised below, in the thread that waits
            outcome.set_exception(error)

    threading.Thread(target=call, name="packshot-hub", daemon=True).start()
    try:
        return outcome.result(_HEAD)
    except FutureTimeout as error:
        raise HostUnreachable(
            f"the hub has not answered within {_HEAD:g} s",
            place=str(file.repo),
            remedy=_REMEDY,
        ) from error


def _copy_by_xet(remote: Remote, part: Path) -> None:
    from huggingface_hub import hf_hub_download

    file = remote.file
    staging = Path(tempfile.mkdtemp(prefix=".packshot-", suffix=".xet", dir=part.parent))
    try:
        with writing(part):
            got = _patiently(lambda: hf_hub_download(str(file.repo), str(file.path), local_dir=staging), file)
            Path(got).replace(part)
    except ValueError as error:  # the hub, or this installation of huggingface_hub, has no Xet after all
        raise ModelMissing(
            f"the hub does not send a file of {size_text(remote.size)}: {str(error).strip().splitlines()[0]}",
            place=remote.address,
            remedy=f"get it with {fill_command(file, 'DIR')} and fetch again with --mirror DIR",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _patiently(action: Callable[[], _T], file: ModelFile, done: Callable[[], int] = lambda: 0) -> _T:
    """Ask the hub, and again after a failure that may pass; each MiB that is ``done`` starts the patience anew."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    tries, seen = 0, done()
    while True:
        try:
            return action()
        except (HTTPError, OSError) as error:  # the one is of huggingface_hub's HTTP library; of requests all are
            now = done()
            tries, seen = (0, now) if now >= seen + _PROGRESS else (tries, seen)
            if tries == len(_PAUSES) or not _may_pass(error):
                raise _explained(error, file) from error
            time.sleep(_PAUSES[tries])
            tries += 1


def _may_pass(error: Exception) -> bool:
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _PASSING
    return not isinstance(error, OfflineModeIsEnabled)


def _explained(error: Exception, file: ModelFile) -> PackshotError:
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/{file.repo}"
    if isinstance(error, errors.GatedRepoError):
        return ModelMissing(
            f"{file.repo} is gated: whoever fetches from it has to accept its licence first",
            place=page,
            remedy="accept it there in a browser, then run `hf auth login` or set HF_TOKEN, and fetch again",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return ModelMissing(
            f"the hub has no repository {file.repo}, or does not show it to you",
            place=page,
            remedy="if it is private, run `hf auth login` or set HF_TOKEN; else the card is out of date",
        )
    if isinstance(error, errors.EntryNotFoundError | errors.RevisionNotFoundError):
        return ModelMissing(
            f"{file.repo} has no file {file.path}", place=page, remedy="the card is out of date: update Packshot"
        )
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HostUnreachable(
            "HF_HUB_OFFLINE is set, so the hub is not asked", place=page, remedy="unset it, or use --mirror DIR"
        )
    if isinstance(error, errors.HfHubHTTPError) and error.response.status_code in (401, 403):
        return ModelMissing(
            f"the hub refuses your token for {file.repo} ({error.response.status_code})",
            place=page,
            remedy="run `hf auth login` again, or correct HF_TOKEN",
        )
    return HostUnreachable(
        f"the hub does not send {file.path}: {(str(error) or type(error).__name__).strip().splitlines()[0]}",
        place=page,
        remedy=_REMEDY,
    )
