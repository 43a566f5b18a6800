"""Opens the dashboard in a headless Chromium, as somebody who signs in would, and prints what was seen as JSON: the charts
drawn, the alerts, and every answer of the chart data API. Run in Superset's environment, where selenium is installed.

    superset_browser.py ADDRESS SCREENSHOT
"""

import json
import sys
import time

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHARTS, PATIENCE_S, SETTLE_S = 10, 180, 5
ALERTS = "[data-test='toast-container'] [class*='danger'], .ant-alert-error, [role=alert]"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1600,3000", "--hide-scrollbars"]


def browser() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def sign_in(page: webdriver.Chrome, address: str) -> None:
    page.get(f"{address}/login/")
    WebDriverWait(page, PATIENCE_S).until(lambda page: page.find_elements(By.CSS_SELECTOR, "input[type=password]"))
    fields = page.find_elements(By.CSS_SELECTOR, "input:not([type=hidden]):not([type=checkbox])")
    for field in fields[:2]:
        field.send_keys("admin")
    page.find_element(By.CSS_SELECTOR, "button[type=submit], input[type=submit]").click()
    WebDriverWait(page, PATIENCE_S).until(lambda page: "/login" not in page.current_url)


def drawn(page: webdriver.Chrome) -> int:
    """The charts whose loading has ended, well or not."""
    containers = page.find_elements(By.CSS_SELECTOR, "[data-test='chart-container'], .chart-slice")
    loading = page.find_elements(By.CSS_SELECTOR, "[data-test='loading-indicator'], .loading")
    return 0 if loading else len(containers)


def answers(page: webdriver.Chrome) -> list[dict]:
    """What the chart data API sent to the page."""
    found = []
    for entry in page.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] != "Network.responseReceived":
            continue
        response = message["params"]["response"]
        if "/api/v1/chart/data" in response["url"]:
            body = page.execute_cdp_cmd("Network.getResponseBody", {"requestId": message["params"]["requestId"]})["body"]
            found.append({"status": response["status"], "url": response["url"], "body": json.loads(body)})
    return found


def main(address: str, screenshot: str) -> None:
    page = browser()
    try:
        sign_in(page, address)
        page.get(f"{address}/superset/dashboard/mission-control/")
        WebDriverWait(page, PATIENCE_S, poll_frequency=1).until(lambda page: drawn(page) >= CHARTS)
        time.sleep(SETTLE_S)
        page.save_screenshot(screenshot)
        seen = {
            "title": page.title,
            "charts": len(page.find_elements(By.CSS_SELECTOR, ".slice_container")),
            "drawings": len(page.find_elements(By.CSS_SELECTOR, ".slice_container canvas, .slice_container svg")),
            "alerts": [one.text for one in page.find_elements(By.CSS_SELECTOR, ALERTS) if one.text.strip()],
            "answers": answers(page),
        }
    finally:
        page.quit()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
