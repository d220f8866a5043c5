# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How Debian's Chromium is started for a test: the whole browser, without what nobody looks at."""

from playwright.sync_api import Error

_WITHOUT = (
    # the list under the address line: a renderer of its own, started with every window, costs
    # more than the page that is tested
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    # what Playwright leaves out: of two such lists Chromium reads the last, which is this one
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
)
FLAGS = (
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(_WITHOUT)}",
)
PEER_FLAGS = (*FLAGS, "--allow-loopback-in-peer-connection")
"""For pictures from a peer on this machine."""
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
"""What Chromium says of everything under way when an address comes or goes on this machine, even
one that it does not use: the houses of the simulated town are such, and they are built by tests at
the same time. A page that was being loaded then stays empty until somebody loads it again."""


def load(page, url, form):
    """Load a page until `form` (a selector) is there, anew where the network changed meanwhile."""
    lost = []
    page.on("requestfailed", lambda one: lost.append(one) if one.failure == NETWORK_CHANGED else 0)
    while True:
        lost.clear()
        try:
            page.goto(url)
        except Error as error:
            if NETWORK_CHANGED not in error.message:
                raise
            continue
        if not lost:
            page.wait_for_selector(form)
            return
