"""Other programs: started, waited for, ended."""

import re
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A program whose output is kept, and which ends with the `with` that it is started in."""

    def __init__(self, command: list, env: dict | None = None):
        self.command = command
        self._output = []
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._output.append(line)

    def output(self) -> str:
        return "".join(self._output)

    def wait_for(self, pattern: str, seconds: float) -> re.Match:
        """The first match of `pattern` in the output."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.output())):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > end:
                self._reader.join(1)
                what = "ended" if ended else "went on"
                raise RuntimeError(f"{self.command} {what} without printing {pattern}:\n{self.output()}")
            time.sleep(0.02)
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()


def free_ports(count: int) -> int:
    """The first of so many consecutive ports of the loopback address that nobody listens on."""
    for first in range(24_000, 32_000, 10):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise RuntimeError("no free ports")
