"""A headless Chromium that opens pages of ours, and notes what they ask the network for."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Browser:
    """One window of Chromium, driven by Selenium.

    Attributes:
        driver: Selenium's `WebDriver`: `find_element`, `execute_script`, `get_screenshot_as_file`.
        downloads: the folder into which the page's downloads go.
    """

    def __init__(self, driver, downloads: Path) -> None:
        self.driver, self.downloads = driver, downloads

    def open(self, page: Path) -> None:
        """Load a page from its file; what was asked for before is forgotten."""
        self.driver.get_log("performance")
        self.driver.get(page.resolve().as_uri())

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page's view so many CSS pixels, also fewer than a window may have."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def requests(self) -> list[str]:
        """Return the addresses asked for since this was last asked, the page's own among them."""
        log = self.driver.get_log("performance")
        entries = [json.loads(entry["message"])["message"] for entry in log]
        sent = [entry for entry in entries if entry["method"] == "Network.requestWillBeSent"]
        return [entry["params"]["request"]["url"] for entry in sent]

    def complaints(self) -> list[str]:
        """Return errors and warnings of the console since this was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@contextmanager
def start_browser(folder: Path) -> Iterator[Browser]:
    """Start Chromium, whose downloads go to a folder; skip the test where there is none."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    driver_path = shutil.which("chromedriver")
    if not binary or not driver_path:
        pytest.skip("no Chromium: `apt-get install chromium chromium-driver` installs it")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder.resolve())})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    service = selenium.ChromeService(executable_path=driver_path)
    driver = selenium.Chrome(options=options, service=service)
    try:
        yield Browser(driver, folder)
    finally:
        driver.quit()


def wait_until(is_so, seconds=10):
    """Wait until a page says so; fail after so many seconds. Pages answer when they come to it."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.05)
