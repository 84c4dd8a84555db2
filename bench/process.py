"""A server under measurement, in a process of its own."""

import asyncio
import os
import re
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
START_SECONDS = 60
#: All servers run on the first core and the load generator on the last, so that they never take each other's time.
SERVER_CORE, LOAD_CORE = 0, (os.cpu_count() or 1) - 1

#: Returns whether the server on a port has answered a real request well.
Probe = Callable[[int], Awaitable[bool]]


@dataclass(frozen=True)
class Program:
    """What to start: the arguments, in which {port} is filled in, and the environment beyond the common one."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]


def opponent(name: str, kind: str, *arguments: str) -> Program:
    """Return one of the programs of bench/servers.py."""
    return Program(name, (sys.executable, "-m", "bench.servers", kind, "{port}", *arguments), {})


def steady(name: str, environment: Mapping[str, str]) -> Program:
    """Return this program as it runs in production, but for where its settings point."""
    return Program(
        name, (str(Path(sys.executable).with_name("steady")), "serve"), {"PORT": "{port}", **_STORE, **environment}
    )


#: Relative to the folder that the process runs in, a temporary one.
_STORE = {"DATABASE_URL": "sqlite:///steady.sqlite3"}


@dataclass
class Server:
    """A running server. `start_up` is the time in seconds from its start to the first good answer."""

    program: Program
    port: int
    start_up: float
    _process: asyncio.subprocess.Process
    _log: Path

    @classmethod
    async def start(cls, program: Program, folder: Path, probe: Probe) -> "Server":
        """Start a program in `folder` and wait until it answers. Raises RuntimeError with its log if it doesn't."""
        port = free_port()
        log = folder / f"{program.name.replace(' ', '-')}-{port}.log"
        environment = {name: value.replace("{port}", str(port)) for name, value in program.environment.items()}
        began = time.perf_counter()
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(argument.replace("{port}", str(port)) for argument in program.arguments),
                cwd=folder,
                env=_plain_environment() | environment,
                stdout=output,
                stderr=output,
            )
        pin(process.pid, SERVER_CORE)
        server = cls(program, port, 0, process, log)
        while not await probe(port):
            if process.returncode is not None or time.perf_counter() - began > START_SECONDS:
                await server.stop()
                raise RuntimeError(f"{program.name} did not start:\n{server.output()[-3000:]}")
            await asyncio.sleep(0.003)
        server.start_up = time.perf_counter() - began
        return server

    def cpu_seconds(self) -> float:
        """Return the processor time used so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def peak_memory(self) -> float:
        """Return the most memory that was ever resident, in MB; where only Linux can tell, what is so now."""
        status = Path(f"/proc/{self._process.pid}/status")
        if status.exists() and (peak := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
            return int(peak[1]) / 1024
        return float(psutil.Process(self._process.pid).memory_info().rss) / 2**20

    def output(self) -> str:
        """Return what the server has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    async def stop(self) -> None:
        """Stop the process and wait for its end."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pin(process: int, core: int) -> None:
    """Keep a process on one core, where the system can."""
    if hasattr(psutil.Process, "cpu_affinity"):
        psutil.Process(process).cpu_affinity([core])


def _plain_environment() -> dict[str, str]:
    """Return our environment without a proxy and without settings of this program, or of Python."""
    ours = (
        "PYTHON",
        "SLACK_",
        "MICROSOFT",
        "TEAMS_",
        "PLAYGROUND",
        "HOST",
        "PORT",
        "DATABASE_URL",
        "STEADY_",
        "LOG_LEVEL",
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(ours) and not name.lower().endswith("_proxy")
    }
    return kept | {"PYTHONPATH": str(ROOT), "NO_PROXY": "*"}
