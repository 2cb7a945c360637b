"""The shell of the page: its style sheet and the few elements it is built from. No script."""

import html
from collections.abc import Callable, Iterable
from typing import Any

from analysis.figures import style

CSS = """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);line-height:1.55;
 font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:860px;margin:0 auto;padding:40px 20px 80px}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 6px;letter-spacing:-.01em;text-wrap:balance}
h2{font-size:1.22rem;margin:0 0 4px;letter-spacing:-.005em}
p{margin:.5em 0}
.sub{color:var(--muted);margin:0 0 22px;font-size:.94rem}
section,.verdict{background:var(--paper);border:1px solid var(--grid);border-radius:12px;
 padding:22px 24px;margin:18px 0}
.verdict{border-left:5px solid var(--muted);font-size:1.08rem}
.verdict.supported{border-left-color:var(--good)}
.verdict.refuted{border-left-color:var(--other)}
.verdict b{display:block;font-size:.78rem;letter-spacing:.08em;text-transform:uppercase;
 color:var(--muted)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:12px;margin:18px 0}
.tile{background:var(--paper);border:1px solid var(--grid);border-radius:12px;padding:14px 16px}
.tile b{display:block;font-size:1.25rem;white-space:nowrap;font-weight:600;
 font-variant-numeric:tabular-nums}
.tile span{color:var(--muted);font-size:.84rem;line-height:1.35;display:block}
.mark{border-left:4px solid var(--other);padding:8px 14px;margin:10px 0;background:var(--page)}
.read{color:var(--muted);font-size:.94rem;margin:10px 0 0}
.read b{color:var(--ink);font-weight:600}
figure{margin:12px 0 0}
figure svg{width:100%;height:auto;display:block}
figure svg text{font-family:inherit!important}
.narrow{display:none}
.scroll{overflow-x:auto;margin:12px 0 0}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:6px 10px;border-bottom:1px solid var(--grid);white-space:nowrap}
th{color:var(--muted);font-weight:600}
th:first-child,td:first-child{text-align:left;padding-left:0}
td small{color:var(--muted);display:block}
sup{line-height:0}
.better{color:var(--good);font-weight:600}
.videos{display:grid;gap:6px 10px;margin-top:14px;align-items:center}
.videos .head{color:var(--muted);font-size:.84rem;text-align:center}
.videos .caption{grid-column:1/-1;font-size:.9rem;margin-top:8px}
.videos img{width:100%;image-rendering:pixelated;border-radius:6px;display:block;
 background:var(--grid)}
.cell{position:relative;cursor:pointer;outline-offset:2px}
.cell .moving{display:none;position:absolute;inset:0}
.cell:hover .moving,.cell:focus .moving{display:block}
pre{background:var(--page);border:1px solid var(--grid);border-radius:8px;padding:12px 14px;
 overflow-x:auto;font-size:.84rem;line-height:1.5}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
details{margin-top:12px}
summary{cursor:pointer;color:var(--main)}
@media(max-width:640px){
 main{padding:24px 12px 60px}
 section,.verdict{padding:16px 14px}
 h1{font-size:1.4rem}
 .tile{padding:12px}
 .tile b{font-size:1.05rem}
 .tiles{grid-template-columns:1fr 1fr;gap:8px}
 .wide{display:none}
 .narrow{display:block}
 .videos{gap:4px 5px}
}
"""


def page(title: str, body: str) -> str:
    """A whole HTML document that fetches nothing."""
    light = style.variables(style.LIGHT) + "--page:#f5f7f9;"
    dark = style.variables(style.DARK) + "--page:#0e1216;"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n:root{{color-scheme:light dark;{light}}}\n"
        f"@media(prefers-color-scheme:dark){{:root{{{dark}}}}}{CSS}</style>\n</head>\n<body>\n"
        f"<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def escape(text: object) -> str:
    """Text made safe to stand in HTML."""
    return html.escape(str(text), quote=True)


def section(name: str, title: str, *parts: str) -> str:
    """A titled box; empty parts are left out."""
    inside = "\n".join(part for part in parts if part)
    return f'<section id="{name}">\n<h2>{escape(title)}</h2>\n{inside}\n</section>'


def read(text: str) -> str:
    """The plain-word note under a figure. `text` may hold markup."""
    return f'<p class="read"><b>How to read this.</b> {text}</p>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table that scrolls sideways on its own. Cells may hold markup."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>\n" for row in rows)
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>\n{body}</tbody></table></div>"
    )


def figure(draw: Callable[[style.Palette, tuple[float, float]], Any], name: str, label: str) -> str:
    """The figure in two widths, of which the page shows the one that fits. "" if there is none.

    `draw(palette, size)` returns a matplotlib figure or None.
    """
    parts = []
    for kind, size in (("wide", style.WIDE), ("narrow", style.NARROW)):
        drawn = draw(style.PAGE, size)
        if drawn is None:
            return ""
        image = style.svg(drawn, f"{name}-{kind}")
        parts.append(f'<div class="{kind}">{image}</div>')
    return f'<figure role="img" aria-label="{escape(label)}">{"".join(parts)}</figure>'


def tiles(pairs: Iterable[tuple[str, str]]) -> str:
    """Key numbers: (value, what it is) each."""
    inside = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(what)}</span></div>'
        for value, what in pairs
    )
    return f'<div class="tiles">{inside}</div>'
