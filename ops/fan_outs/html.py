"""The fan-out page as one file: its own HTML, style and modules with the view written into it."""

from __future__ import annotations

import json
import re
from typing import Any

from ops.workspace import ROOT

_STATIC = ROOT / "plugins/tasklane_pages/static"
# In the order of their imports; one scope takes them all, because no two use the same name at the top level.
_MODULES = ("airflow.js", "charts.js", "batch.js", "page.js")
_IMPORT = re.compile(r'^import \{.*?\} from "\./\w+\.js";\n', re.MULTILINE | re.DOTALL)


def page_with(view: dict[str, Any]) -> str:
    """Standalone HTML: no server, no network, no external file."""
    scripts = [_IMPORT.sub("", (_STATIC / name).read_text()).replace("export ", "") for name in _MODULES]
    data = json.dumps(view).replace("<", "\\u003c")  # nothing in the data can end the script element
    page = (_STATIC / "index.html").read_text()
    replacements = {
        '<link rel="stylesheet" href="static/page.css">': f"<style>{(_STATIC / 'page.css').read_text()}</style>",
        '<script type="application/json" id="snapshot"></script>': (
            f'<script type="application/json" id="snapshot">{data}</script>'
        ),
        '<script type="module" src="static/page.js"></script>': f'<script type="module">{"".join(scripts)}</script>',
    }
    for old, new in replacements.items():
        if old not in page:
            raise ValueError(f"index.html does not contain {old}: html.py and the page have parted")
        page = page.replace(old, new)
    return page
