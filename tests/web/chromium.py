"""How Chromium is started for tests and measurements: nothing of its own beside the page."""

FEATURES = [
    # Each new window would load hundreds of scripts of the address bar.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    # This list takes the place of Playwright's, so it holds what matters of that one.
    "HttpsUpgrades",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
]
SWITCHES = [
    "--no-sandbox",  # needed as root, in containers
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(FEATURES)}",
]
