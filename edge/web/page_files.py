"""The files of the page itself, told apart by what is in them.

Not by their time, as Starlette does: in an image of the system all files have the same one, and a browser would keep the script of the
version before when the new one is as long.
"""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope


class PageFiles(StaticFiles):
    """Thread: the one that runs asyncio."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        stamp = (stat_result.st_ino, stat_result.st_size, stat_result.st_mtime_ns)
        headers = {"ETag": _tag(Path(full_path), stamp)}
        response = FileResponse(full_path, status_code, headers, stat_result=stat_result)
        del response.headers["Last-Modified"]
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response


@lru_cache(maxsize=64)
def _tag(path: Path, _stamp: tuple[int, int, int]) -> str:
    """Read once in the life of the program, and again where somebody edits the file."""
    return f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"'
