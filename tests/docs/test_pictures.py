"""The pictures show every detector that there is; that they are new is `test_generated`'s."""

from xml.etree import ElementTree

from docs.images import draw
from models.detectors.registry import DETECTORS
from tests.docs.pages import text_of


def test_each_detector_has_its_picture() -> None:
    drawn = {name.removesuffix(".svg") for name in draw.PICTURES}
    assert DETECTORS.keys() - drawn == {"unusual_city"}, "which is unusual_country's, with cities"


def test_the_architecture_shows_every_detector() -> None:
    picture = ElementTree.fromstring(text_of("docs/images/architecture.svg"))  # noqa: S314 - our own file
    words = {"".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= DETECTORS.keys()
