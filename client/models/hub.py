"""The Hugging Face hub as a source of files: look-up, download, patience, and its errors in plain words."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import HostUnreachable, ModelMissing, PackshotError
from ..paths import writing
from .cards import ModelFile
from .fetch import Remote, fill_command, size_text

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

_T = TypeVar("_T")

_PAUSES = (0.5, 1.0, 2.0)  # seconds before the hub is asked again, after what may pass
_PASSING = {408, 429, 500, 502, 503, 504}
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
        found: HfFileMetadata = _patiently(lambda: get_hf_file_metadata(hf_hub_url(repo, path)), file)
        url = hf_hub_url(repo, path, revision=found.commit_hash)
        if found.size is None or found.etag is None:
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
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        def get() -> None:
            with writing(part), part.open("ab") as out:
                if out.tell() > remote.size:
                    out.truncate(0)
                http_get(
                    remote.address,
                    out,
                    resume_size=out.tell(),
                    headers=build_hf_headers(),
                    expected_size=remote.size,
                    displayed_filename=Path(remote.file.name).name,
                )

        _patiently(get, remote.file, lambda: part.stat().st_size if part.exists() else 0)


def _copy_by_xet(remote: Remote, part: Path) -> None:
    from huggingface_hub import hf_hub_download

    file = remote.file
    staging = part.with_suffix(".xet")
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
    """Ask the hub, and again after a failure that may pass; ``done`` bytes that grow start the patience anew."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    tries, seen = 0, done()
    while True:
        try:
            return action()
        except (HTTPError, OSError) as error:  # the one is of huggingface_hub's HTTP library
            now = done()
            tries, seen = (0, now) if now > seen else (tries, seen)
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
        remedy="see to the network and fetch again: what has come is kept. Without a network, use --mirror DIR",
    )
