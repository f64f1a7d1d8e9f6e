"""Lambda's Runtime API, as much as a function needs of it, and a function's binary under it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from processes import Process

NEXT = "/2018-06-01/runtime/invocation/next"
TIMEOUT_SECONDS = 10


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        assert self.path == NEXT, self.path
        request_id, event = self.server.events.get()
        self._answer(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + TIMEOUT_SECONDS) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:test",
                "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0",
            },
        )

    def do_POST(self):
        length = self.headers["content-length"]
        body = self.rfile.read(int(length)) if length else self._chunks()
        self.server.answers.put((self.path, body))
        self._answer(202, b"", {})

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes, headers: dict[str, str]):
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Function:
    """A function's binary, with an environment of its own and nothing of this process's."""

    def __init__(self, name: str, binary: str, environment: dict[str, str]):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.events, self.server.answers = queue.Queue(), queue.Queue()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        lambda_variables = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        }
        self.process = Process([binary], env={**environment, **lambda_variables})

    def invoke(self, event: dict) -> dict:
        """The function's answer to an event."""
        request_id = str(uuid.uuid4())
        self.server.events.put((request_id, json.dumps(event).encode()))
        try:
            path, body = self.server.answers.get(timeout=TIMEOUT_SECONDS + 1)
        except queue.Empty:
            raise AssertionError(f"no answer:\n{self.process.output()}") from None
        assert path == f"/2018-06-01/runtime/invocation/{request_id}/response", (path, body)
        return json.loads(body)

    def __enter__(self):
        self.process.__enter__()
        return self

    def __exit__(self, *exception):
        self.process.__exit__(*exception)
        self.server.shutdown()
        self.server.server_close()
