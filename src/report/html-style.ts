/** The style of the HTML report: light and dark, on screen and paper, without any file from elsewhere. */
export const style = `
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #ffffff; --ink: #1b2330; --quiet: #5a6575; --line: #dde2e9;
  --good: #0f7a43; --doubt: #8a5a00; --bad: #b3261e; --good-ground: #e2f4e9; --doubt-ground: #fdf0d5; --bad-ground: #fbe4e2; --fill: #2f6fde; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --card: #1b212a; --ink: #e6eaf0; --quiet: #9aa6b6; --line: #313a47;
  --good: #5fd394; --doubt: #f0bc5e; --bad: #ff8d85; --good-ground: #143324; --doubt-ground: #3a2c10; --bad-ground: #43201e; --fill: #6c9dff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p { margin: .25rem 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem 1.5rem; margin-top: 1.25rem; }
.quiet { color: var(--quiet); }
.good { color: var(--good); } .doubt { color: var(--doubt); } .bad { color: var(--bad); }
.mono { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.grade { display: grid; grid-template-columns: auto 1fr; gap: 1.75rem; align-items: start; }
.letter { display: grid; place-items: center; min-width: 8.5rem; height: 8.5rem; padding: 0 1rem; border-radius: .75rem; font-size: 4.5rem; font-weight: 700; line-height: 1; }
.letter.range { font-size: 2rem; }
.letter.good { background: var(--good-ground); } .letter.doubt { background: var(--doubt-ground); } .letter.bad { background: var(--bad-ground); }
.score { display: grid; grid-template-columns: 7.5rem 1fr 3.5rem; gap: .25rem 1rem; align-items: center; margin: .35rem 0; }
.score small { grid-column: 2 / -1; color: var(--quiet); overflow-wrap: anywhere; }
.track { height: .6rem; border-radius: .3rem; background: var(--line); overflow: hidden; }
.track span { display: block; height: 100%; background: var(--fill); }
.score b { text-align: right; font-variant-numeric: tabular-nums; }
ul { margin: .5rem 0 0; padding-left: 1.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--quiet); padding-bottom: .35rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-top: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
.finding { border-top: 1px solid var(--line); padding: .75rem 0; }
.finding:first-of-type { border-top: 0; }
.finding h3 { margin: 0; }
.tag { font-size: .8rem; font-weight: 600; padding: .1rem .5rem; border-radius: .35rem; border: 1px solid currentColor; margin-right: .5rem; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: .5rem 0 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; font-weight: 600; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.75rem; } .pair h2 { margin: .75rem 0 .25rem; overflow-wrap: anywhere; }
.wrapping th { white-space: normal; } th.part { padding-left: 1.25rem; font-weight: 400; }
footer { margin-top: 1.5rem; color: var(--quiet); font-size: .9rem; }
@media (max-width: 36rem) { .grade { grid-template-columns: 1fr; } .score { grid-template-columns: 1fr 3.5rem; } .score .track { grid-column: 1 / -1; grid-row: 2; }
  .score small { grid-column: 1 / -1; } dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; }
  .stacked :is(th, td) { display: block; border: 0; padding: .1rem 0; overflow-wrap: anywhere; } .stacked tr { display: block; border-top: 1px solid var(--line); padding: .4rem 0; } }
@media print { body { background: none; } section { break-inside: avoid; } }
`;
