"""The shell of the contact sheet: its style sheet and its script."""

LIGHT = (
    "--ink:#1d2530;--muted:#5d6875;--line:#dfe4ea;--paper:#fff;--page:#f5f7f9;--main:#0b62a8;"
    "--tint:#e6f0f8;--bad:#b3261e;--warn:#a24806;--good:#00704f"
)
DARK = (
    "--ink:#e8ecf1;--muted:#9aa5b1;--line:#303843;--paper:#161b21;--page:#0e1216;--main:#62b0f0;"
    "--tint:#16293a;--bad:#ff8a80;--warn:#ffab70;--good:#3fcf9f"
)
CSS = """
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--page);color:var(--ink);
 font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
header,main{max-width:1240px;margin:0 auto;padding:0 20px}
header{padding-top:32px}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 6px;letter-spacing:-.01em}
header p{margin:.3em 0;max-width:80ch}
.sub,.facts,small,legend,output,#none{color:var(--muted)}
.sub{font-size:.93rem}
#filters{position:sticky;top:0;z-index:1;background:var(--page);border-bottom:1px solid var(--line);
 padding:12px max(20px,calc((100% - 1200px)/2));margin-top:14px;display:flex;flex-wrap:wrap;
 gap:8px 18px;align-items:center}
#words{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--line);
 border-radius:8px;padding:6px 10px;flex:1 1 220px;max-width:340px;min-width:0}
fieldset{border:0;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:6px;min-width:0}
legend{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
label{position:relative;cursor:pointer}
label input{position:absolute;inset:0;opacity:0;margin:0;cursor:pointer}
label span{display:block;border:1px solid var(--line);border-radius:999px;padding:3px 11px;
 background:var(--paper);font-size:.87rem;white-space:nowrap}
label small{font-variant-numeric:tabular-nums;font-size:.95em}
label input:checked+span{background:var(--tint);border-color:var(--main);color:var(--main)}
label input:checked+span small{color:inherit}
:focus-visible,label input:focus-visible+span{outline:2px solid var(--main);outline-offset:2px}
output{font-size:.87rem;margin-left:auto;font-variant-numeric:tabular-nums;white-space:nowrap}
#cards{list-style:none;margin:20px 0 60px;padding:0;display:grid;gap:14px;
 grid-template-columns:repeat(auto-fill,minmax(min(270px,100%),1fr));align-items:start}
#cards>li{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:10px 12px;
 overflow-wrap:anywhere;content-visibility:auto;contain-intrinsic-size:auto 380px}
img{display:block;width:100%;height:auto;border-radius:4px;margin-bottom:8px}
.bare{color:var(--muted);background:var(--page);border-radius:4px;padding:22px;text-align:center;
 margin-bottom:8px;font-size:.85rem}
h2{font-size:.93rem;line-height:1.35;margin:0 0 2px;font-weight:600}
.caption{margin:0 0 4px;max-height:7.5em;overflow-y:auto;font-size:.93rem}
.facts{margin:0;font-size:.84rem;font-variant-numeric:tabular-nums}
.facts b{font-weight:600}
.facts span{white-space:nowrap}
.facts .train{color:var(--main)}
.facts .validation{color:var(--good)}
.marks{list-style:none;margin:7px 0 0;padding:7px 0 0;border-top:1px solid var(--line);
 font-size:.84rem}
.marks b{font-weight:600;color:var(--warn)}
.marks .unreadable b,.marks .part b,.marks .short b{color:var(--bad)}
.marks .uncaptioned b,.marks .resampled b{color:var(--muted)}
@media(max-width:640px){
 header,main{padding-left:12px;padding-right:12px}
 header{padding-top:20px}
 #filters{position:static;padding:10px 12px}
 #words{flex-basis:100%;max-width:none;font-size:16px}
 #cards{gap:10px;margin-top:14px}
 #cards>li{display:flex;gap:12px;align-items:flex-start;contain-intrinsic-size:auto 180px}
 #cards>li>div{flex:1;min-width:0}
 img,.bare{width:40%;margin:2px 0 0}
}
"""
SCRIPT = """
const form=document.getElementById('filters'),cards=[...document.querySelectorAll('#cards>li')];
const plain=text=>text.normalize('NFC').toLowerCase();
const texts=cards.map(card=>plain([...card.querySelectorAll('h2,.caption,.marks')]
 .map(part=>part.textContent).join(' ')));
function filter(){
 const data=new FormData(form),split=data.get('split'),kinds=data.getAll('kind');
 const words=plain(document.getElementById('words').value).split(/\\s+/);
 let shown=0;
 cards.forEach((card,place)=>{
  const own=card.dataset.kinds.split(' ');
  const fits=(split==='all'||split===card.dataset.split)&&
   (!kinds.length||kinds.some(kind=>own.includes(kind)))&&
   words.every(word=>texts[place].includes(word));
  card.hidden=!fits;shown+=fits;
 });
 const all=cards.length.toLocaleString('en'),some=shown.toLocaleString('en');
 document.getElementById('count').value=shown===cards.length?all+' files':some+' of '+all+' files';
 document.getElementById('none').hidden=shown>0;
}
form.addEventListener('input',filter);
form.addEventListener('submit',event=>event.preventDefault());
filter();
"""


def document(title: str, body: str) -> str:
    """A whole HTML document of a title and a body, both safe to stand in HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n:root{{color-scheme:light dark;{LIGHT}}}\n"
        f"@media(prefers-color-scheme:dark){{:root{{{DARK}}}}}{CSS}</style>\n</head>\n<body>\n"
        f"{body}\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
