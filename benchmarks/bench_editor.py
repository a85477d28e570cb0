"""Times how long an editor waits for `credguard lsp` after each change, beside a scan of the same file:
`bench_editor.py [FILE…]` (default: a made-up file of 1,000 lines)."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from corpora import source_text
from programs import isolated

LINES = 1_000


class Client:
    """An editor with one server, which it asks for nothing but diagnostics."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "credguard", "lsp"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=folder
        )
        folders = [{"uri": folder.as_uri(), "name": folder.name}]
        self.send(
            "initialize", {"processId": None, "rootUri": None, "capabilities": {}, "workspaceFolders": folders}, 1
        )
        self.receive(lambda message: message.get("id") == 1)
        self.send("initialized", {})

    def send(self, method: str, params: dict[str, Any], number: int | None = None) -> None:
        """Sends a notification, or a request with a number."""
        more = {} if number is None else {"id": number}
        data = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self._process.stdin.flush()

    def receive(self, fits: Any) -> dict[str, Any]:  # noqa: ANN401 - a test of a message
        """The next message that fits."""
        assert self._process.stdout
        while True:
            size = 0
            while (line := self._process.stdout.readline()) != b"\r\n":
                assert line, "the server has ended"
                name, _, value = line.partition(b":")
                size = int(value) if name.lower() == b"content-length" else size
            message: dict[str, Any] = json.loads(self._process.stdout.read(size))
            if fits(message):
                return message

    def wait_for(self, uri: str, version: int) -> list[dict[str, Any]]:
        """The diagnostics of a version of a document."""
        params = self.receive(
            lambda one: (
                one.get("method") == "textDocument/publishDiagnostics"
                and (one["params"]["uri"], one["params"].get("version")) == (uri, version)
            )
        )["params"]
        found: list[dict[str, Any]] = params["diagnostics"]
        return found

    def stop(self) -> None:
        """Ends the server as an editor does."""
        self.send("shutdown", {}, 2)
        self.send("exit", {})
        self._process.communicate(timeout=30)


def time_changes(client: Client, uri: str, text: str, rounds: int) -> list[float]:
    """Milliseconds from each change until its diagnostics; the first rounds, which do not count, warm up."""
    document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
    client.send("textDocument/didOpen", {"textDocument": document})
    client.wait_for(uri, 1)
    taken = []
    for version in range(2, rounds + 5):
        changes = [{"text": f"{text}\nvalue = {version}\n"}]
        start = time.perf_counter()
        client.send(
            "textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": changes}
        )
        client.wait_for(uri, version)
        taken.append((time.perf_counter() - start) * 1000)
        time.sleep(0.02)
    return taken[3:]


def main(words: list[str]) -> int:
    """Prints a line for each file; 1 if the middle change of the made-up file takes longer than 50 ms."""
    late = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        work, home = folder / "work", folder / "home"
        work.mkdir()
        home.mkdir()
        environment = isolated(home)
        subprocess.run(["git", "init", "--quiet"], cwd=work, env=environment, check=True)
        made = work / "made.py"
        made.write_bytes(b"\n".join(source_text("editor", 200_000).split(b"\n")[:LINES]))
        client = Client(work, environment)
        for path in (made, *map(Path, words)):
            text = path.read_text(encoding="utf-8", errors="replace")
            taken = sorted(time_changes(client, path.resolve().as_uri(), text, 50))
            middle, high = statistics.median(taken), taken[int(len(taken) * 0.95)]
            start = time.perf_counter()
            command = [sys.executable, "-m", "credguard", "scan", "--quiet", "--no-progress", str(path)]
            subprocess.run(command, env=environment, cwd=work, check=False, capture_output=True)
            whole = (time.perf_counter() - start) * 1000
            late = late or (path == made and middle > 50)
            more = f"95 of 100 {high:.1f} ms, a scan {whole / middle:.0f} times that"
            print(f"{path.name}: {text.count(chr(10)) + 1:,} lines, a change {middle:.1f} ms, {more}")
        client.stop()
    return int(late)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
