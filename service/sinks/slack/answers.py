"""What Slack's answer to a post means for a retry."""

from service.core.ports import Receipt
from service.sinks.posting.http_post import Answer, by_status

# What Slack answers in words; anything else is reported by its status, so that reasons stay few.
_WORDS = frozenset({"invalid_payload", "invalid_blocks", "invalid_blocks_format", "no_text", "msg_too_long"})
_WORDS_OF_ADDRESS = frozenset({
    "action_prohibited", "channel_is_archived", "channel_not_found", "invalid_token", "no_active_hooks", "no_service",
    "no_service_id", "no_team", "posting_to_general_channel_denied", "team_disabled", "user_not_found",
})  # fmt: skip


def classify(answer: Answer) -> Receipt:
    """Classify Slack's answer; its words are more precise than its statuses."""
    word = answer.text.strip()
    if 200 <= answer.status < 300:
        # Anything but "ok" comes from somebody who is not Slack: a proxy's sign-in page, for one.
        return by_status(answer) if answer.status == 200 and word == "ok" else Receipt("broken", "answer_not_ok")
    if word in _WORDS_OF_ADDRESS:
        return Receipt("broken", word)
    receipt = by_status(answer)
    return receipt._replace(reason=word) if word in _WORDS else receipt
