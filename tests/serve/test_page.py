from __future__ import annotations

import pytest

from .. import browser
from .conftest import picture, served

pytestmark = pytest.mark.skipif(browser.chromium() is None, reason="there is no Chromium")
HARM = "<img src=x onerror=alert(1)>"
ROWS = "document.querySelectorAll('.results > li')"
DONE = "document.querySelectorAll('.pending').length === 0 && document.querySelectorAll('.results > li').length === "


@pytest.fixture(scope="module")
def tab():
    """A browser, for all tests of the page."""
    with browser.opened() as made:
        yield made


@pytest.fixture
def page(tab):
    """The page of a model, one of whose classes bears a name that would be markup."""
    with served(classes=("dark", HARM), upload=100_000) as url:
        tab.events.clear()
        tab.go(url)
        tab.until("document.title.startsWith('lamp')")
        yield tab


def files(folder, **contents: bytes):
    made = []
    for name, content in contents.items():
        made.append(folder / f"{name}.png")
        made[-1].write_bytes(content)
    return made


def texts(tab, selector: str) -> list[str]:
    return tab.value(f"[...document.querySelectorAll({selector!r})].map(each => each.textContent)")


def test_pictures_are_labelled_and_what_cannot_be_read_is_said(page, tmp_path) -> None:
    chosen = files(tmp_path, night=picture(10), day=picture(245), torn=picture(9)[:50], huge=b"x" * 200_000)
    page.choose("#files", chosen)
    page.until(f"{DONE}4")
    assert texts(page, ".file") == ["night.png", "day.png", "torn.png", "huge.png"]
    labels = texts(page, ".label")
    assert labels[:2] == ["dark", HARM]
    assert "cannot be read" in labels[2]
    assert labels[3] == "It is larger than 0.1 MB."
    assert texts(page, ".results > li:first-child .percent") == ["96%", "4%"]
    assert page.value("document.querySelectorAll('img[src=x]').length") == 0
    page.value("document.getElementById('clear').click()")
    assert page.value(f"{ROWS}.length") == 0


def test_a_picture_dropped_on_the_page_is_labelled(page) -> None:
    page.value(
        """(async () => {
          const canvas = new OffscreenCanvas(8, 8);
          canvas.getContext("2d").fillRect(0, 0, 8, 8);
          const file = new File([await canvas.convertToBlob({type: "image/jpeg"})], "dropped.jpg");
          const data = new DataTransfer();
          data.items.add(file);
          document.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
        })()"""
    )
    page.until(f"{DONE}1")
    assert texts(page, ".label") == ["dark"]
    assert texts(page, "#hearing") == ["dropped.jpg: dark, 100%"]


def test_the_page_asks_its_own_server_alone_and_breaks_no_rule_of_its_policy(page, tmp_path) -> None:
    page.choose("#files", files(tmp_path, day=picture(245)))
    page.until(f"{DONE}1")
    own = page.value("location.origin")
    assert [url for url in page.asked_for() if not url.startswith((own, f"blob:{own}", "data:"))] == []
    assert page.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_every_control_has_a_name(page, tmp_path, scheme) -> None:
    page.look(width=360, height=740, scheme=scheme, phone=True)
    page.choose("#files", files(tmp_path, **{"a-rather-long-name-" * 8: picture(245)}))
    page.until(f"{DONE}1")
    assert page.value("document.documentElement.scrollWidth") == 360
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    controls = [node for node in nodes if node.get("role", {}).get("value") in ("button", "link", "textbox")]
    assert len(controls) >= 3
    assert all(control["name"]["value"] for control in controls)
    assert page.value("document.documentElement.lang") == "en"


def test_a_server_that_is_gone_is_told(tab, tmp_path) -> None:
    with served() as url:
        tab.go(url)
        tab.until("document.title.startsWith('lamp')")
    tab.choose("#files", files(tmp_path, day=picture(245)))
    tab.until(f"{DONE}1")
    assert texts(tab, ".label") == ["The server does not answer. Is it still running?"]
