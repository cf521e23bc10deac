"""The recovery kit as a code to photograph and as a page to print."""

import html
import io

import segno

from edge.backup.target import Target, kit_text

_PAGE = """<!doctype html><meta charset="utf-8"><title>Recovery kit</title>
<style>body{{font:14px monospace;margin:2em}}svg{{width:12cm;height:auto}}</style>
<h1>Recovery kit of {device}</h1>
<p>With this, and with nothing less, a new card gets everything back: <b>edge restore --new-device --kit FILE</b>.
Keep it away from the device; whoever has it can read the backup.</p>
{code}
<pre>{text}</pre>
"""


def code_for_terminal(target: Target) -> str:
    place = io.StringIO()
    segno.make(kit_text(target), error="l", micro=False).terminal(place, compact=True)
    return place.getvalue()


def code_as_svg(target: Target) -> str:
    return segno.make(kit_text(target), error="m", micro=False).svg_inline(scale=4)


def page(target: Target) -> str:
    """HTML without anything from elsewhere."""
    text = html.escape(kit_text(target))
    return _PAGE.format(device=html.escape(target.device), code=code_as_svg(target), text=text)
