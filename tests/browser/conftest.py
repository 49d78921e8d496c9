"""A real browser, and the real pipeline behind the page."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.service import Service

_CHROMIUM = Path("/usr/bin/chromium")
_PATIENCE_MS = 90_000

expect.set_options(timeout=_PATIENCE_MS)


@pytest.fixture(scope="module")  # Playwright holds this thread's event loop, which other tests want
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if not _CHROMIUM.exists():
        message = f"no {_CHROMIUM}: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    # Chromium's own sandbox does not work for root, whom containers run tests as.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM, args=[*sandbox, "--mute-audio"], timeout=_PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One `reelay up` for a module. (The browser first: without one, nothing need be started.)"""
    service = Service(tmp_path_factory.mktemp("browser"))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One person's browser: tabs of it share what they store."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    context.set_default_timeout(_PATIENCE_MS)
    yield context
    context.close()


SLOWLY = """addEventListener("play", ({ target }) => {
  target.playbackRate = 1 / 16;  // the least that Chromium takes
}, true)"""


@pytest.fixture
def opened(context: BrowserContext, service: Service) -> Iterator[Callable[[str], Page]]:
    """Opens tabs at paths. A mistake in a script, or something that the content security policy
    forbids, fails the test. What is played is played slowly: the word that is spoken stays marked until
    a test on a busy machine has seen it."""
    mistakes: list[str] = []
    context.add_init_script(SLOWLY)

    def open_tab(path: str) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on(
            "console",
            lambda said: mistakes.append(said.text) if "Content Security" in said.text else None,
        )
        page.goto(service.url + path)
        expect(page.locator("main h1")).to_be_visible()
        return page

    yield open_tab
    assert mistakes == []
