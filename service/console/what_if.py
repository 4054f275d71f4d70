"""How an operation that nobody has done would be judged: what was asked, and the running service's answer for people.

How it is judged is the engine's; that it is asked on the service's own thread, `answering`'s.
"""

from typing import NamedTuple

from pydantic import BaseModel

from models.detectors import Anomaly
from service.console.alert_page import numbers_of
from service.console.api_models import Opinion, WhatIfResult
from service.console.asking import HtmlPage, NotPossible, NotThere, PageQuery, WhatIf
from service.console.charts import Fall, waterfall
from service.console.live import Live
from service.core.engine import Explanation, Imagined
from service.history import History

_HOURS = 24


class ShownOpinion(NamedTuple):
    """What a detector thinks, with its waterfall."""

    opinion: Opinion
    falls: list[Fall]


def what_if(history: History, asked: PageQuery) -> WhatIf:
    """Answer ``/identity/what-if?id=ID``: whom and what it is about.

    Raises
    ------
    NotThere
        Nobody has that id.
    NotPossible
        No operation is named.
    """
    identity = history.identity(asked.exact("id"))
    if identity is None:
        raise NotThere("no identity has this id, or it has done nothing for as long as history goes")
    action = asked.text("action")
    if not action:
        raise NotPossible("name an operation, such as Microsoft.KeyVault/vaults/delete")
    hour = asked.number("hour", _HOURS, _HOURS)
    return WhatIf(
        identity,
        Imagined(action, bool(asked.text("failed")), hour if hour < _HOURS else None, asked.text("from", 60)),
    )


def what_if_answer(wanted: WhatIf, live: Live, *, as_json: bool) -> HtmlPage | BaseModel:
    """Ask the service, and return its answer; in JSON if `as_json`.

    Raises
    ------
    NotPossible
        There is no service that could be asked.
    NotThere
        It does not remember that identity.
    """
    if live.what_if is None:
        raise NotPossible("only a running service can say how something would be judged")
    actor = wanted.identity.actor
    answer = live.what_if(actor.id, wanted.operation)
    if answer is None:
        raise NotThere("the service does not remember this identity")
    found = sorted(answer.anomalies, key=lambda one: (-one.score, one.detector))
    opinions = tuple(_opinion(one, answer) for one in found)
    if as_json:
        return WhatIfResult(
            identity=actor.id,
            action=wanted.operation.action,
            time=answer.time,
            would_alert=any(one.would_alert for one in opinions),
            opinions=opinions,
        )
    shown = [
        ShownOpinion(opinion, waterfall(numbers_of(one.evidence.get("terms")), one.surprise))
        for opinion, one in zip(opinions, found, strict=True)
    ]
    return HtmlPage(
        "what_if.html",
        {
            "actor": actor,
            "operation": wanted.operation,
            "time": answer.time,
            "would_alert": any(one.would_alert for one in opinions),
            "shown": shown,
            "silent": sorted(answer.thresholds.keys() - {one.detector for one in answer.anomalies}),
        },
    )


def _opinion(one: Anomaly, answer: Explanation) -> Opinion:
    threshold = answer.thresholds[one.detector]
    return Opinion(
        detector=one.detector,
        score=one.score,
        threshold=threshold,
        would_alert=one.score >= threshold,
        why=one.why,
        counterfactual=answer.counterfactuals.get(one.detector, ""),
    )
