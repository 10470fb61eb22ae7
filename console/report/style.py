"""How the report looks: one style sheet inside the page, light or dark as the reader's system is, and on paper."""

from __future__ import annotations

CSS = """
:root { color-scheme: light dark; --ink: #1b2330; --quiet: #5d6878; --page: #ffffff; --card: #f4f6f9; --rule: #d5dbe4;
  --one: #8a97a8; --two: #1f6fb5; --three: #b5611f; --good: #1a7f4b; --watch: #96690b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --quiet: #9aa6b6; --page: #12161c; --card: #1b2129;
  --rule: #323b47; --one: #7d8a9c; --two: #5aa9ea; --three: #e39a5b; --good: #4cc38a; --watch: #e0b04a;
  --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { margin: .4rem 0; } .quiet, .legend, caption { color: var(--quiet); } small { color: var(--quiet); }
section { break-inside: avoid-page; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.card { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; }
.card b { display: block; font-size: 1.25rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--rule); vertical-align: top;
  overflow-wrap: anywhere; }
th { color: var(--quiet); font-weight: 600; } .number { text-align: right; font-variant-numeric: tabular-nums; }
.badge { border-radius: .6rem; padding: .05rem .55rem; font-size: .85rem; border: 1px solid currentColor; }
.good { color: var(--good); } .watch { color: var(--watch); } .bad { color: var(--bad); }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--quiet); font-size: 11px; }
.scale { text-anchor: end; } .place.last { text-anchor: end; } .axis { stroke: var(--rule); }
rect.one, circle.one { fill: var(--one); } rect.two, circle.two { fill: var(--two); }
rect.three, circle.three { fill: var(--three); }
.line { fill: none; stroke-width: 2; } .line.one { stroke: var(--one); } .line.two { stroke: var(--two); }
.line.three { stroke: var(--three); stroke-dasharray: 5 4; } .band { opacity: .15; stroke: none; }
.band.one { fill: var(--one); } .band.two { fill: var(--two); } .band.three { fill: var(--three); }
.key { margin-right: 1.25rem; } .key::before { content: ""; display: inline-block; width: .8rem; height: .8rem;
  margin-right: .4rem; border-radius: 2px; vertical-align: -1px; }
.key.one::before { background: var(--one); } .key.two::before { background: var(--two); }
.key.three::before { background: var(--three); }
details summary { cursor: pointer; color: var(--quiet); } dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0; }
@media print { body { max-width: none; padding: 0; } details { display: block; } }
"""
