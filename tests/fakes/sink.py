"""A sink in memory: answers as it is told, and remembers what it was sent."""

from collections.abc import Sequence

from service.core.alerting.alerts import Alert
from service.core.notices import Notice
from service.core.ports import Receipt, Rendered
from service.sinks.content.messages import message_about


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
        return [message_about(alert, alert.model_dump_json().encode()) for alert in alerts]

    def render_notice(self, notice: Notice) -> Rendered:
        return message_about(notice, notice.model_dump_json().encode(), "application/notice")

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
