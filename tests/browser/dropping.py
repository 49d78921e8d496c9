"""Dropping files on the page as a hand does it: the browser's own drag events, with real files."""

from pathlib import Path

from playwright.sync_api import Page


def hover(page: Page, *paths: Path) -> None:
    """Hold files over the page."""
    _drag(page, paths, "dragEnter", "dragOver")


def drop(page: Page, *paths: Path) -> None:
    """Let files or folders fall into the page."""
    _drag(page, paths, "dragEnter", "dragOver", "drop")


def _drag(page: Page, paths: tuple[Path, ...], *kinds: str) -> None:
    # Detaching the session would take back what the page has not heard of yet.
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in kinds:
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 400, "data": data})
