"""Put a page of ours together: one HTML file that asks no network, whatever the texts in it say."""

import base64
import hashlib
import html
import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_SHARED = "page"  # .css and .js: what all pages begin with
# Inside <script> a browser looks for these before it looks for the ends of strings; JSON may write
# any sign by its number instead. All that is not ASCII is written so too: escape codes, U+2028,
# marks that turn the direction of writing, halves of surrogate pairs.
_BY_NUMBER = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\x7f"}


def page(title: str, style: str, script: str, data: Any, body: str = "") -> str:
    """Return a whole HTML page.

    Its script finds `data` by the function `readData()`, and puts a text on the page by
    `showText(element, text)`: both are in page.js, which stands before `script`, as page.css
    stands before `style`. The page's own rule (a Content-Security-Policy) lets it load nothing and
    run no script but this one.

    Args:
        title: plain text, for the window's title.
        style: CSS.
        script: JavaScript, run in strict mode when the page is complete.
        data: what JSON can hold, with any texts.
        body: HTML that stands in <body>, ours.

    Raises:
        ValueError: `data` holds a number that is not finite, or `style` or `script` closes its
            own element.
    """
    style = f"{read_part(f'{_SHARED}.css')}\n{style}"
    script = f'"use strict";\n{read_part(f"{_SHARED}.js")}\n{script}'
    for name, part in (("style", style), ("script", script)):
        if f"</{name}" in part.lower() or "<!--" in part:
            raise ValueError(f"the {name} of a page may hold neither </{name} nor <!--")
    script = f"\n{script}\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>{html.escape(title)}</title>
<style>
{style}
</style>
</head>
<body>
{body}
<script type="application/json" id="data">{embed(data)}</script>
<script>{script}</script>
</body>
</html>
"""


def embed(data: Any) -> str:
    """Write data as JSON that can stand inside <script>: in ASCII, without <, > and &.

    Raises:
        ValueError: a number in it is not finite.
    """
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate(_BY_NUMBER)


def read_part(name: str) -> str:
    """Read one of the files that pages are made of, such as `page.css`."""
    return (_FOLDER / name).read_text(encoding="utf-8")
