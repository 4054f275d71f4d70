"""A sink in memory: answers as it is told, and remembers what it was sent."""

from collections.abc import Sequence

from service.core.alerting.alerts import Alert
from service.core.notices import AnyNotice, Notice
from service.core.ports import Receipt, Rendered
from service.core.verdicts.follow_up import VerdictNotice
from service.sinks.content.messages import message_about


class FakeSink:
    """A `service.core.ports.Sink` for tests; `answer` is what every attempt meets."""

    def __init__(self, name: str = "fake") -> None:
        self.answer = Receipt("sent", "http_200")
        self.tried: list[Rendered] = []
        self.taken: list[Rendered] = []
        self.noticed: list[Notice] = []
        self.answered: list[VerdictNotice] = []
        self.closed = False
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        return [message_about(alert, alert.model_dump_json().encode()) for alert in alerts]

    def render_notice(self, notice: AnyNotice) -> Rendered:
        kind = "verdict" if isinstance(notice, VerdictNotice) else "notice"
        return message_about(notice, notice.model_dump_json().encode(), f"application/{kind}")

    async def send(self, message: Rendered) -> Receipt:
        if message.content_type == "application/notice":
            self.noticed.append(Notice.model_validate_json(message.body))
            return self.answer
        if message.content_type == "application/verdict":
            self.answered.append(VerdictNotice.model_validate_json(message.body))
            return self.answer
        self.tried.append(message)
        if self.answer.outcome == "sent":
            self.taken.append(message)
        return self.answer

    async def close(self) -> None:
        self.closed = True
