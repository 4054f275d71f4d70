"""What a process of the demo says, line by line."""

import asyncio


async def read_until(process: asyncio.subprocess.Process, end: str) -> str:
    """Return what it writes up to the line with `end`; fails if it ends, or falls silent, before."""
    assert process.stdout is not None
    text = ""
    async with asyncio.timeout(200):
        while end not in text:
            line = await process.stdout.readline()
            assert line, text
            text += line.decode()
    return text
