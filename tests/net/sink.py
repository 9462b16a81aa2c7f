# SPDX-License-Identifier: Apache-2.0
"""A collector for tests that only writes down what it reads, at once, so that it may be killed.

usage: sink.py PORT FOLDER [CERT CA [NAME]]

Each connection has a file in the folder, 1, 2, ... in the order in which they came. With CERT and
CA it speaks TLS and demands a certificate. It stops reading while FOLDER/stop is there, and closes
each connection at once while FOLDER/refuse is.
"""
import pathlib
import selectors
import socket
import ssl
import sys
import time


class Sink:
    def __init__(self, port, folder, *identity):
        self.folder, self.count = pathlib.Path(folder), 0
        self.selector = selectors.DefaultSelector()
        self.context = None
        if identity:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(identity[0])
            self.context.load_verify_locations(identity[1])
            self.context.verify_mode = ssl.CERT_REQUIRED
        listening = socket.create_server(("", port), backlog=16)
        # Little is in flight, so that a collector that stops is felt soon.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.selector.register(listening, selectors.EVENT_READ, None)

    def accept(self, listening):
        connection, _ = listening.accept()
        self.count += 1
        if (self.folder / "refuse").exists():
            connection.close()
            (self.folder / str(self.count)).write_text(str(time.monotonic()))
            return
        if self.context:
            try:
                connection = self.context.wrap_socket(connection, server_side=True)
            except (ssl.SSLError, OSError) as error:
                print(error, file=sys.stderr, flush=True)
                connection.close()
                return
        file = open(self.folder / str(self.count), "wb", buffering=0)
        self.selector.register(connection, selectors.EVENT_READ, file)

    def read(self, connection, file):
        try:
            octets = connection.recv(65536)
        except OSError:
            octets = b""
        if octets:
            file.write(octets)
            return
        self.selector.unregister(connection)
        connection.close()
        file.close()

    def run(self):
        while True:
            if (self.folder / "stop").exists():
                time.sleep(0.02)
                continue
            for key, _ in self.selector.select(0.05):
                if key.data is None:
                    self.accept(key.fileobj)
                else:
                    self.read(key.fileobj, key.data)


Sink(int(sys.argv[1]), *sys.argv[2:]).run()
