"""What all developer tools share: places, messages, subprocesses, locks."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import socket
import subprocess
import sys
import time

NAME = "healthcare_connector"
REPO = pathlib.Path(__file__).resolve().parent.parent
AS_ROOT = os.geteuid() == 0
_STARTED = time.monotonic()


class DevError(Exception):
    """A prerequisite is missing or a step failed; the message is for a person."""


def _cache_root():
    """Everything fetched or built lives here, never in the repository.

    As root it is not below the home directory: PostgreSQL then runs as another
    user, who could not pass through it.
    """
    if path := os.environ.get("HEALTHCARE_CACHE"):
        return pathlib.Path(path).expanduser().resolve()
    if AS_ROOT:
        return pathlib.Path(f"/var/cache/{NAME}-dev")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(home) / f"{NAME}-dev"


CACHE = _cache_root()
CHECKOUT = hashlib.sha256(str(REPO).encode()).hexdigest()[:8]
#: state of this checkout: symlink to it, configuration files, logs, keyring
WORK = CACHE / "work" / CHECKOUT


def say(*words):
    """Show progress on stderr, with seconds since the command started."""
    elapsed = time.monotonic() - _STARTED
    print(f"[{elapsed:6.1f} s]", *words, file=sys.stderr, flush=True)


def digest(*parts):
    """Ten hexadecimal digits that change when any of the parts does."""
    text = "\0".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def sh(*command, log=None, show=False, **options):
    """Run a command and return its output; raise :class:`DevError` on failure.

    :param log: file that receives the output instead
    :param show: let the output through to stderr
    """
    command = [str(word) for word in command]
    stream = open(log, "wb") if log else (sys.stderr if show else subprocess.PIPE)
    try:
        done = subprocess.run(
            command, stdout=stream, stderr=subprocess.STDOUT, **options
        )
    except FileNotFoundError as error:
        raise DevError(f"{command[0]} is not installed") from error
    finally:
        if log:
            stream.close()
    output = (done.stdout or b"").decode(errors="replace")
    if done.returncode:
        if log:
            output = pathlib.Path(log).read_text(errors="replace")
        lines = "\n".join(output.splitlines()[-40:])
        shown = " ".join(command)[:200]
        raise DevError(f"`{shown}` ended with {done.returncode}\n{lines}")
    return output


@contextlib.contextmanager
def locked(name):
    """Hold a lock shared by all processes that use the same cache."""
    folder = CACHE / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process ({name})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def free_port():
    """A TCP port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main(function):
    """Run a command's function; a :class:`DevError` is one line, not a traceback."""
    try:
        sys.exit(function(sys.argv[1:]) or 0)
    except DevError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
