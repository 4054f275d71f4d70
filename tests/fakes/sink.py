"""A sink in memory: answers as it is told, and remembers what it was sent."""

from collections.abc import Sequence

from service.core.alerting.alerts import Alert
from service.core.notices import Notice
from service.core.ports import Receipt, Rendered


class FakeSink:
    """A `service.core.ports.Sink` for tests; `answer` is what every attempt meets."""

    def __init__(self, name: str = "fake") -> None:
        self.answer = Receipt("sent", "http_200")
        self.tried: list[Rendered] = []
        self.taken: list[Rendered] = []
        self.noticed: list[Notice] = []
        self.closed = False
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        return [Rendered(f"{a.id}.{a.revision}", ((a.id, a.revision),), a.model_dump_json().encode()) for a in alerts]

    def render_notice(self, notice: Notice) -> Rendered:
        body = notice.model_dump_json().encode()
        return Rendered(f"{notice.id}.{notice.revision}", ((notice.id, notice.revision),), body, "application/notice")

    async def send(self, message: Rendered) -> Receipt:
        if message.content_type == "application/notice":
            self.noticed.append(Notice.model_validate_json(message.body))
            return self.answer
        self.tried.append(message)
        if self.answer.outcome == "sent":
            self.taken.append(message)
        return self.answer

    async def close(self) -> None:
        self.closed = True
