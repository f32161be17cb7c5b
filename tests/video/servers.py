"""Servers on loopback that stream numbered images: MJPEG over HTTP, H.264 over RTSP."""

import base64
import contextlib
import itertools
import socket
import threading
import time
from fractions import Fraction

import av
import cv2

from .conftest import numbered

FRAMES = 50
"""Different images; they repeat."""


class _Server:
    """A TCP server whose connections can be dropped, stalled and filled with garbage.

    Attributes:
        size: Of the images of the next connection.
        rate: Frames per second.
        refusing: Whether connections are closed as soon as they are made.
        garbage: Whether random bytes are sent in place of frames.
        stalled: Whether connections stay open, but nothing is sent.
        password: `user:password` that clients must give, or None.
        connections: Number of connections made so far.
    """

    scheme = ""

    def __init__(self, size=(64, 48), rate=50.0, password=None):
        self.size, self.rate, self.password = size, rate, password
        self.refusing = self.garbage = self.stalled = False
        self.connections = self.sent = 0
        self._open = set()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, login="", path="live/1?channel=1"):
        at = f"{login}@" if login else ""
        return f"{self.scheme}://{at}127.0.0.1:{self.port}/{path}"

    def _accept(self):
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.refusing:
                connection.close()
                continue
            self._open.add(connection)
            thread = threading.Thread(
                target=self._guarded, args=(connection,), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _guarded(self, connection):
        with contextlib.suppress(OSError, ValueError), connection:
            self._serve(connection)

    def _paced(self):
        """Numbers of frames, when each is due; none while the server is stalled."""
        start = time.monotonic()
        for count in itertools.count():
            while self.stalled and not self._closing.is_set():
                time.sleep(0.02)
                start = time.monotonic() - count / self.rate
            if self._closing.wait(max(start + count / self.rate - time.monotonic(), 0)):
                return
            self.sent += 1
            yield count

    def drop(self):
        """Close all connections."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
            self._open.discard(connection)

    def close(self):
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        for thread in self._threads:
            thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _request(connection, buffer):
    """The next request's text, and what has come after it."""
    while b"\r\n\r\n" not in buffer:
        data = connection.recv(4096)
        if not data:
            raise OSError
        buffer += data
        while buffer[:1] == b"$" and len(buffer) >= 4:  # the client's own RTCP
            buffer = buffer[4 + int.from_bytes(buffer[2:4]) :]
    head, _, rest = buffer.partition(b"\r\n\r\n")
    return head.decode("latin1"), rest


class MjpegServer(_Server):
    """JPEG images in a multipart answer, as cameras send them."""

    scheme = "http"

    def _serve(self, connection):
        head, _ = _request(connection, b"")
        if self.password is not None:
            wanted = base64.b64encode(self.password.encode()).decode()
            if f"Basic {wanted}" not in head:
                connection.sendall(
                    b"HTTP/1.0 401 Unauthorized\r\n"
                    b'WWW-Authenticate: Basic realm="camera"\r\n\r\n'
                )
                return
        connection.sendall(
            b"HTTP/1.0 200 OK\r\n"
            b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        )
        size = self.size
        for count in self._paced():
            image = cv2.imencode(".jpg", numbered(count % FRAMES, size))[1].tobytes()
            if self.garbage:
                image = bytes(len(image))
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
            connection.sendall(b"--frame\r\n" + head.encode() + image + b"\r\n")


class RtspServer(_Server):
    """H.264 in RTP packets, interleaved with RTSP on one TCP connection (RFC 2326)."""

    scheme = "rtsp"

    def __init__(self, **options):
        self._encoded = {}
        super().__init__(**options)

    def _units(self, size):
        """The network abstraction layer units of each image (RFC 6184)."""
        if size not in self._encoded:
            encoder = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height = size
            encoder.pix_fmt = "yuv420p"
            encoder.time_base = Fraction(1, 50)
            encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "5"}
            packets = []
            for count in range(FRAMES):
                frame = av.VideoFrame.from_ndarray(numbered(count, size), "bgr24")
                frame.pts = count
                packets += encoder.encode(frame)
            packets += encoder.encode(None)
            self._encoded[size] = [
                [
                    unit
                    for unit in bytes(p)
                    .replace(b"\0\0\0\1", b"\0\0\1")
                    .split(b"\0\0\1")
                    if unit
                ]
                for p in packets
            ]
        return self._encoded[size]

    def _serve(self, connection):
        buffer = b""
        while True:
            head, buffer = _request(connection, buffer)
            method = head.split()[0]
            number = next(
                line.split(":")[1].strip()
                for line in head.splitlines()
                if line.lower().startswith("cseq")
            )
            if self.password is not None and method != "OPTIONS":
                wanted = base64.b64encode(self.password.encode()).decode()
                if f"Basic {wanted}" not in head:
                    connection.sendall(
                        f"RTSP/1.0 401 Unauthorized\r\nCSeq: {number}\r\n"
                        'WWW-Authenticate: Basic realm="camera"\r\n\r\n'.encode()
                    )
                    continue
            body = ""
            more = "Session: 1\r\n"
            if method == "OPTIONS":
                more = "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            elif method == "DESCRIBE":
                body = (
                    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
                    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                    "a=fmtp:96 packetization-mode=1\r\na=framerate:50\r\n"
                    "a=control:track0\r\n"
                )
                more = (
                    f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
                )
            elif method == "SETUP":
                more += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            answer = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{more}\r\n{body}"
            connection.sendall(answer.encode())
            if method == "PLAY":
                self._play(connection)
            if method in ("PLAY", "TEARDOWN"):
                return

    def _play(self, connection):
        units = self._units(self.size)
        sequence = itertools.count()
        for count in self._paced():
            stamp = int(count * 90_000 / self.rate)
            access = units[count % FRAMES]
            for unit in access:
                for part, last in _fragments(unit):
                    if self.garbage:
                        part = bytes([0x41]) + bytes(len(part))
                    marker = 0x80 if last and unit is access[-1] else 0
                    head = bytes([0x80, 96 | marker])
                    head += (next(sequence) & 0xFFFF).to_bytes(2)
                    packet = head + stamp.to_bytes(4) + b"\0\0\0\1" + part
                    connection.sendall(b"$\0" + len(packet).to_bytes(2) + packet)


def _fragments(unit, most=1200):
    """A unit as it is, or in fragments of type FU-A, with a sign at the last one."""
    if len(unit) <= most:
        yield unit, True
        return
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 0x1F
    places = range(1, len(unit), most)
    for place in places:
        first, last = place == 1, place == places[-1]
        header = 0x80 * first | 0x40 * last | kind
        yield bytes([indicator, header]) + unit[place : place + most], last
