# SPDX-License-Identifier: MIT
"""http_server.py ROOT PORT_FILE LOG: serves the files in ROOT on 127.0.0.1, well or badly.

The first part of a path says how: /good/F as a good server would, with ranges; /whole/F without
ranges; /cut/F closes after the first 1000 bytes of every answer; /bad/F has a byte changed;
/html/F is a page of another length. Anything else is 404. Each request is a line of LOG:
the path and the Range header, or "-". It ends when its parent does.
"""

import http.server
import os
import sys
import threading
import time

CUT = 1000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range")
        with open(self.server.log_path, "a") as log:
            log.write(f"{self.path} {asked or '-'}\n")
        _, manner, name = (self.path.split("/", 2) + ["", ""])[:3]
        path = os.path.join(self.server.root, name)
        if manner not in ("good", "whole", "cut", "bad", "html") or not os.path.isfile(path):
            self.send_error(404)
            return
        with open(path, "rb") as file:
            data = file.read()
        if manner == "bad":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if manner == "html":
            data = b"<p>Please log in."
        self.answer(data, asked if manner != "whole" else None, CUT if manner == "cut" else None)

    def answer(self, data, asked, cut):
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if asked and first >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        self.wfile.write(data[first : first + cut if cut else None])

    def log_message(self, *_):
        pass


def main():
    root, port_file, log_path = sys.argv[1:]
    parent = os.getppid()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.root, server.log_path = root, log_path
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(port_file + ".new", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(port_file + ".new", port_file)
    while os.getppid() == parent:
        time.sleep(0.2)


main()
