"""An age plugin for tests (C2SP age-plugin): wraps a file key with one byte, asks for a PIN, opens again.

``age-plugin-tester --age-plugin=recipient-v1|identity-v1``, started by age or pyrage.
"""

import base64
import sys

PIN = b"4711"


def read() -> tuple[list[str], bytes]:
    """One stanza: the words behind the arrow, and its body."""
    words = sys.stdin.buffer.readline().decode().split()[1:]
    body = b""
    while True:
        line = sys.stdin.buffer.readline().strip()
        body += line
        if len(line) < 64:
            return words, base64.b64decode(body + b"=" * (-len(body) % 4))


def write(*words: str, body: bytes = b"") -> None:
    text = base64.b64encode(body).rstrip(b"=").decode()
    lines = [text[n : n + 64] for n in range(0, len(text) + 1, 64)]
    sys.stdout.write("\n".join([" ".join(["->", *words]), *lines]) + "\n")
    sys.stdout.flush()


def turned(body: bytes) -> bytes:
    return bytes(byte ^ 0x42 for byte in body)


def recipient() -> None:
    keys = []
    while (stanza := read())[0][0] != "done":
        if stanza[0][0] == "wrap-file-key":
            keys.append(stanza[1])
    for number, key in enumerate(keys):
        write("recipient-stanza", str(number), "tester", body=turned(key))
        read()
    write("done")


def identity() -> None:
    wrapped = []
    while (stanza := read())[0][0] != "done":
        if stanza[0][0] == "recipient-stanza" and stanza[0][2] == "tester":
            wrapped.append((stanza[0][1], stanza[1]))
    for number, body in wrapped:
        write("msg", body=b"touch\x1b[2J it")
        read()
        write("request-secret", body=b"PIN")
        if read()[1] == PIN:
            write("file-key", number, body=turned(body))
        else:
            write("error", "internal", body=b"wrong PIN 4711 or not")
        read()
    write("done")


if __name__ == "__main__":
    recipient() if "recipient-v1" in sys.argv[1] else identity()
