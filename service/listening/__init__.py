"""How whoever wants to be asked over HTTP listens: within bounds, and with a deadline for every connection."""

from service.listening.listener import Listener, stay_open
from service.listening.web_port import WebPort

__all__ = ["Listener", "WebPort", "stay_open"]
