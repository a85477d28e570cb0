"""Files that must be regular: opened without waiting for a pipe or a device, and read up to a limit."""

from __future__ import annotations

import errno
import os
import stat

from credguard.system import compat


def open_regular_file(path: str | os.PathLike[str]) -> int:
    """The descriptor of a regular file, links followed; raises OSError for anything else."""
    descriptor = compat.open_to_read(path, follow=True)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file", os.fspath(path))


def read(path: str | os.PathLike[str], most: int) -> bytes:
    """The content of a regular file; raises OSError for anything else, or if it has over `most` bytes."""
    with open(open_regular_file(path), "rb") as handle:
        content = handle.read(min(os.fstat(handle.fileno()).st_size, most) + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has over {most} bytes", os.fspath(path))
    return content
