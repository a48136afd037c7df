"""The style sheet and the script of the page."""

STYLE = """
:root {
  color-scheme: light dark;
  --back: #ffffff; --card: #f6f7f9; --text: #1c2128; --dim: #5c6570; --line: #d5dae0;
  --blue: 0 114 178; --good: #00805e; --warn: #b26a00; --bad: #c04a00; --off: #7d8590; --ink: #0b5f90;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14171c; --card: #1d2229; --text: #e4e8ee; --dim: #a0a9b4; --line: #363d47;
    --blue: 86 180 233; --good: #2fc99c; --warn: #f0b429; --bad: #ff8a4c; --off: #8b949e; --ink: #7cc4f0;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1360px; padding: 16px 24px 64px; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 8px 0 0; }
h2 { font-size: 19px; margin: 40px 0 4px; }
p { margin: 4px 0 10px; max-width: 900px; }
p, figcaption, small, .none { color: var(--dim); }
a { color: var(--ink); }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 12px 0; }
.stats { display: flex; flex-wrap: wrap; gap: 10px; margin: 10px 0; }
.stats div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 8px 14px;
  min-width: 110px; }
.stats b { display: block; font-size: 22px; line-height: 1.2; }
.stats span { display: block; }
.stats small { font-size: 12.5px; }
.lacking { border-left: 4px solid var(--warn); padding-left: 10px; color: var(--text); }
.scroll { overflow: auto; max-height: 480px; border: 1px solid var(--line); border-radius: 6px; margin: 8px 0; }
.scroll.whole { max-height: none; width: fit-content; max-width: 100%; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
.whole table { width: auto; }
th { text-align: left; position: sticky; top: 0; background: var(--card); z-index: 1; vertical-align: bottom; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); }
td { vertical-align: top; overflow-wrap: break-word; max-width: 420px; }
td:first-child:not(:has(.state)) { min-width: 150px; }
.matrix td:first-child { min-width: 30px; }
tr:last-child td { border-bottom: 0; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.d { white-space: nowrap; }
th.n, th.d { white-space: normal; }
.matrix td:nth-child(n), .matrix th { padding: 3px 6px; min-width: 30px; }
.matrix tbody th { white-space: nowrap; font-weight: normal; background: var(--card); position: sticky; left: 0; }
.matrix thead th.v { writing-mode: vertical-rl; rotate: 180deg; text-align: left; max-height: 190px; padding: 6px 3px;
  font-weight: normal; position: static; }
.matrix td { text-align: center; font-variant-numeric: tabular-nums; }
.s0 { color: var(--off); }
.s1 { background: rgb(var(--blue) / 12%); } .s2 { background: rgb(var(--blue) / 24%); }
.s3 { background: rgb(var(--blue) / 38%); } .s4 { background: rgb(var(--blue) / 54%); }
.state { white-space: nowrap; }
.state::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 6px;
  background: var(--off); }
.good::before { background: var(--good); } .warn::before { background: var(--warn); }
.bad::before { background: var(--bad); border-radius: 1px; }
.off::before { background: none; border: 2px solid var(--off); }
input[type=search] { font: inherit; width: 100%; max-width: 420px; padding: 6px 10px; margin: 6px 0; color: inherit;
  background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
details > summary { cursor: pointer; padding: 2px 0; overflow-wrap: anywhere; }
.groups > details { border-top: 1px solid var(--line); padding: 3px 0; }
.groups details details { margin-left: 20px; }
.groups ul { margin: 2px 0 8px 14px; padding-left: 18px; border-left: 2px solid var(--line); list-style: none; }
.groups li::before { content: "→ "; color: var(--dim); margin-left: -10px; }
figure { margin: 12px 0; max-width: 960px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
h3 { font-size: 15px; margin: 18px 0 2px; }
svg text { fill: var(--dim); font-size: 14px; } .middle { text-anchor: middle; } .end { text-anchor: end; }
.bar { fill: rgb(var(--blue)); } .gap, .track { fill: var(--card); stroke: var(--line); }
.gap { stroke-dasharray: 3 3; } .grid { stroke: var(--line); }
.range { fill: rgb(var(--blue) / 35%); } .forecast { stroke: rgb(var(--blue)); stroke-width: 3; }
.plan { stroke: var(--bad); stroke-width: 3; stroke-dasharray: 5 3; }
.spark { width: 84px; min-width: 84px; height: 18px; }
.spark polyline { fill: none; stroke: rgb(var(--blue)); stroke-width: 1.5; stroke-linecap: round; }
[hidden] { display: none !important; }
@media (max-width: 900px) {
  body { padding: 12px 12px 48px; }
  th, td { padding: 3px 6px; }
  table { font-size: 12.5px; }
}
@media print { .scroll { max-height: none; overflow: visible; } input { display: none; } }
"""

SCRIPT = """
for (const box of document.querySelectorAll("input[data-of]")) {
  const all = document.getElementById(box.dataset.of);
  box.hidden = false;
  box.addEventListener("input", () => {
    const sought = box.value.trim().toLowerCase();
    for (const item of all.querySelectorAll("[data-item]"))
      item.hidden = !item.textContent.toLowerCase().includes(sought);
    for (const group of all.querySelectorAll("[data-group]")) {
      const found = group.querySelectorAll("[data-item]:not([hidden])").length;
      group.hidden = !found;
      group.open = sought !== "";
    }
  });
}
"""
"""Hides what does not hold the text that is searched for. Without it the page is the same, without the search."""
