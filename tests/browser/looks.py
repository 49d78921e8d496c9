"""How a view looks to people: screenshots of it, and what axe-core finds wrong for some of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, ViewportSize

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
_AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text("utf-8")
_RUN = """async () => {
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    const said = ({ html, any }) => [html, any[0]?.message];
    return violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(said)]);
}"""
_WIDE = """(width) => document.documentElement.scrollWidth <= width ? []
    : [...document.querySelectorAll("body *")]
        .filter((element) => element.getBoundingClientRect().right > width)
        .map(({ className, id }) => id || className)
"""
_DESKTOP = ViewportSize(width=1280, height=860)
_PHONE = ViewportSize(width=390, height=844)
_NARROW = ViewportSize(width=320, height=640)
"""What WCAG 2.2 asks for under "reflow"."""


def look(page: Page, name: str) -> None:
    """Keep screenshots of what the page shows. Asserts that axe-core finds nothing in any of them, and
    that nothing has to be scrolled sideways at 320 pixels."""
    for seen in _sights(page, name):
        found = faults(page)
        assert not found, f"{seen}: {found}"
    page.set_viewport_size(_NARROW)
    wide = page.evaluate(_WIDE, _NARROW["width"])
    assert not wide, f"{name}: {wide}"
    page.set_viewport_size(_DESKTOP)


def screenshots(page: Page, name: str) -> None:
    """Keep screenshots of what the page shows, on a desktop and a phone, light and dark."""
    for _ in _sights(page, name):
        pass


def _sights(page: Page, name: str) -> Iterator[str]:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for device, size in (("desktop", _DESKTOP), ("phone", _PHONE)):
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.evaluate(
                "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            page.screenshot(path=SCREENSHOTS / f"{name}-{device}-{scheme}.png")
            yield f"{name}, {device}, {scheme}"
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(_DESKTOP)


def faults(page: Page) -> list[Any]:
    """What axe-core finds: rule, and the elements that break it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    found: list[Any] = page.evaluate(_RUN)
    return found
