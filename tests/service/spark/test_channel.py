"""Channels: what is signed arrives in order, and nothing else is read."""

import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from service.spark import channel as module
from service.spark.channel import BrokenChannel, Channel, TaskServer, connect

KEY = b"k" * 32
Join = Callable[..., Channel]


@pytest.fixture
def board() -> Iterator[TaskServer]:
    with TaskServer("localhost", KEY, lambda: False) as made:
        yield made


@pytest.fixture
def joined() -> Iterator[Callable[..., Channel]]:
    """Connects tasks, and ends what is left of them."""
    with ExitStack() as open_:

        def join(board: TaskServer, task: Any, key: bytes = KEY) -> Channel:
            made = open_.enter_context(closing(connect(board.address, key)))
            made.send(task)
            return made

        yield join


def test_values_go_both_ways(board: TaskServer, joined: Join) -> None:
    task = joined(board, 0)
    board.connect(1)
    driver = board.channels[0]
    large = "x" * 3_000_000
    sending = threading.Thread(target=driver.send, args=(large,))
    sending.start()
    assert task.receive() == large
    sending.join()
    driver.send({"a": 1})
    assert task.receive() == {"a": 1}
    task.send([1, 2])
    task.send("more")
    assert (driver.receive(), driver.receive()) == ([1, 2], "more")


def test_who_does_not_know_the_key_is_not_let_in(board: TaskServer, joined: Join) -> None:
    joined(board, 0, b"wrong" * 8)
    joined(board, 1)
    board.connect(1)
    assert list(board.channels) == [1]


def test_what_is_sent_again_is_not_taken(board: TaskServer, joined: Join) -> None:
    task = joined(board, 0)
    board.connect(1)
    task.send("once")
    task._sent -= 1
    task.send("twice")
    assert board.channels[0].receive() == "once"
    with pytest.raises(BrokenChannel, match="signature"):
        board.channels[0].receive()


def test_a_message_without_a_signature_is_not_unpickled(board: TaskServer, joined: Join) -> None:
    raw = socket.create_connection(board.address)
    data = pickle.dumps("anything")
    raw.sendall(module._HEAD.pack(len(data), b"?" * 32) + data)
    joined(board, 0)
    board.connect(1)
    assert list(board.channels) == [0]
    raw.close()


def test_a_message_that_is_too_long_is_none(board: TaskServer, joined: Join) -> None:
    task = joined(board, 0)
    board.connect(1)
    task._connection.sendall(module._HEAD.pack(module.MOST_FRAME_BYTES + 1, b"?" * 32))
    with pytest.raises(BrokenChannel, match="too long"):
        board.channels[0].receive()


def test_who_is_not_known_yet_may_not_say_much(board: TaskServer, joined: Join) -> None:
    joined(board, "x" * 2 * module.MOST_HELLO_BYTES)
    joined(board, 0)
    board.connect(1)
    assert list(board.channels) == [0]


def test_an_end_is_noticed(board: TaskServer, joined: Join) -> None:
    task = joined(board, 0)
    board.connect(1)
    task.close()
    with pytest.raises(BrokenChannel, match="has ended"):
        board.channels[0].receive()

    def go_on() -> None:
        for _ in range(100):
            board.channels[0].send("x" * 1_000_000)

    with pytest.raises(BrokenChannel, match="cannot be written"):
        go_on()


def test_a_task_that_is_started_again_was_lost(board: TaskServer, joined: Join) -> None:
    joined(board, 0)
    joined(board, 0)
    with pytest.raises(BrokenChannel, match="task 0 was lost"):
        board.connect(2)


def test_nobody_is_waited_for_when_the_job_has_ended(joined: Join) -> None:
    ended = False
    with TaskServer("localhost", KEY, lambda: ended) as board:
        joined(board, 0)
        board.connect(1)
        ended = True
        with pytest.raises(BrokenChannel, match="does not answer"):
            board.channels[0].receive()
        with pytest.raises(BrokenChannel, match="of 2 tasks, which have to run at the same time, 1 came"):
            board.connect(2)
    with pytest.raises(BrokenChannel, match=r"localhost:\d+ cannot be reached from an executor"):
        connect(board.address, KEY)
