"""A mail server on loopback that takes letters, or treats them as it is told: SMTP, STARTTLS, TLS and AUTH PLAIN."""

import asyncio
import base64
import ssl
from collections.abc import Mapping
from contextlib import suppress

SILENT, HANG_UP = "silent", "hang up"
"""Instead of an answer: nothing for ever, or the end of the connection."""
END = b"\r\n.\r\n"


class MailServer:
    """Answers by the verb of a command; what is not in `answers` is taken.

    Parameters
    ----------
    answers
        What to answer to a verb (``CONNECT`` before any, ``LETTER`` after one): a line, `SILENT` or `HANG_UP`.
    tls
        What it shows after STARTTLS, which it does not offer without.
    login
        Who may send letters, name and password; everybody if None.
    """

    def __init__(
        self,
        answers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.answers = dict(answers or {})
        self.port = 0
        self.heard: list[str] = []
        self.in_the_open: list[str] = []
        self.letters: list[bytes] = []
        self._tls = tls
        self._login = login

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep up one conversation."""
        try:
            if await self._answer(writer, "CONNECT", "220 mail.example ESMTP"):
                while line := (await reader.readline()).decode().strip():
                    if not await self._hear(line, reader, writer):
                        break
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _hear(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Do as a command says; returns whether the conversation goes on."""
        verb = line.partition(" ")[0].upper()
        is_secure = writer.get_extra_info("ssl_object") is not None
        self.heard.append(line)
        self.in_the_open += [] if is_secure else [line]
        usually = "250 ok"
        if verb == "EHLO":
            offers = ["250-mail.example", *(["250-STARTTLS"] * (self._tls is not None and not is_secure))]
            offers += ["250-AUTH PLAIN"] * (self._login is not None)
            usually = "\r\n".join([*offers, "250 8BITMIME"])
        elif verb == "AUTH":
            usually = "235 welcome" if self._knows(line) else "535 go away"
        elif verb in {"STARTTLS", "DATA"}:
            usually = "220 go ahead" if verb == "STARTTLS" else "354 go ahead"
        goes_on = verb != "QUIT" and await self._answer(writer, verb, usually)
        if goes_on and verb == "STARTTLS" and self._tls is not None:
            await writer.start_tls(self._tls)
        elif goes_on and verb == "DATA" and verb not in self.answers:
            self.letters.append((await reader.readuntil(END)).removesuffix(END))
            goes_on = await self._answer(writer, "LETTER", "250 taken")
        return goes_on

    def _knows(self, line: str) -> bool:
        user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")[1:]
        return (user, password) == self._login

    async def _answer(self, writer: asyncio.StreamWriter, verb: str, usually: str) -> bool:
        answer = self.answers.get(verb, usually)
        if answer == SILENT:
            await asyncio.Event().wait()
        if answer == HANG_UP:
            return False
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True
