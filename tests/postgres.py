"""A real PostgreSQL server on loopback for the tests, in a folder of its own, from the system's package."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

#: Whom the server runs as when the tests run as root, which it refuses.
_USER = "nobody"


def binaries() -> Path | None:
    """Return the folder of the newest installed PostgreSQL's programs, None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    known = shutil.which("initdb")
    return Path(known).resolve().parent if known else None


#: Bytes that all databases of all tests may need at once, twice over.
_ROOM = 8 * 1024**3


class Postgres:
    """A server that lives as long as the object is used.

    One that is not `durable` writes to the disk when it likes: what it was told survives its death, but not a power cut.
    """

    def __init__(self, folder: Path, programs: Path, *, durable: bool = True) -> None:
        self._durable = durable
        self._folder = folder
        self._programs = programs
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._server: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        """Make the cluster if it is not there, and start the server; it may be started again after `kill`."""
        if not (self._folder / "PG_VERSION").exists():
            self._run("initdb", "-D", str(self._folder), "-U", "steady", "-A", "trust", "--no-sync", "-E", "UTF8")
        with (self._folder.parent / "postgres.log").open("ab") as log:
            self._server = subprocess.Popen(
            [
                str(self._programs / "postgres"), "-D", str(self._folder), "-p", str(self.port),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=60",
                "-c", f"fsync={'on' if self._durable else 'off'}",
            ],
            stdout=subprocess.DEVNULL, stderr=log, **self._as_user(),
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ready = subprocess.run(
                [str(self._programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"], check=False
            )
            if ready.returncode == 0:
                return
            if self._server.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start; see {self._folder.parent / 'postgres.log'}")

    def kill(self) -> None:
        """End the server as a power cut would."""
        assert self._server
        self._server.kill()
        self._server.wait()

    def stop(self) -> None:
        """End the server; whoever is connected is cut off."""
        if self._server and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)  # a fast shutdown
            self._server.wait(20)

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        self._databases += 1
        name = f"steady_{self._databases}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "steady", name)
        return f"postgresql://steady@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **self._as_user(),
        )  # fmt: skip

    def _as_user(self) -> dict[str, object]:
        if os.geteuid() != 0:
            return {}
        user = pwd.getpwnam(_USER)
        for folder in (self._folder.parent, self._folder):
            folder.mkdir(exist_ok=True)
            os.chown(folder, user.pw_uid, user.pw_gid)
        return {"user": user.pw_uid, "group": user.pw_gid, "cwd": self._folder.parent, "extra_groups": []}


def a_folder(*, durable: bool = True) -> Path:
    """Return a new folder that the server's user can reach, which a test's own folder under /root may not be.

    One that need not be `durable` is in memory, where there is room: hundreds of databases keep a disk busy.
    """
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes what is in it ours
    roomy = not durable and memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    return Path(tempfile.mkdtemp(prefix="steady-postgres-", dir=memory if roomy else None)) / "data"
