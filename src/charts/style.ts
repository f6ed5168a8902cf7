/** Colours come from the page's --diagram-… variables where it sets them. */
export const style = `
.machine{--t:#0f172a;--m:#64748b;--l:#94a3b8;--b:#fff;--c:#f6f8fb;--g:#b45309;--a:#2563eb;--s:#eff5ff;font-family:"Helvetica Neue",Helvetica,Arial,"Liberation Sans",sans-serif}
@media (prefers-color-scheme:dark){.machine{--t:#e6edf5;--m:#93a4b8;--l:#5c6f86;--b:#1a2634;--c:#121c27;--g:#f0a94c;--a:#5ea5ff;--s:#16304f}}
.machine text{fill:var(--diagram-text,var(--t));font-size:12px;white-space:pre}
.machine .title{font-size:14px;font-weight:600}
.machine .event{font-weight:600}
.machine .guard{fill:var(--diagram-guard,var(--g))}
.machine .action{fill:var(--diagram-muted,var(--m))}
.machine .tag{fill:var(--diagram-muted,var(--m));font-size:11px;font-style:italic}
.machine .box,.machine .inner,.machine .history circle{fill:var(--diagram-canvas,var(--c));stroke:var(--diagram-line,var(--l));stroke-width:1.25}
.machine .leaf .box{fill:var(--diagram-box,var(--b))}
.machine .inner{fill:none}
.machine .region>.box{stroke-dasharray:5 4}
.machine .rule{stroke:var(--diagram-line,var(--l));stroke-opacity:.45;fill:none}
.machine .initial{fill:var(--diagram-text,var(--t))}
.machine .line{fill:none;stroke:var(--diagram-line,var(--l));stroke-width:1.5}
.machine .twin{stroke:none}
.machine marker path{fill:var(--diagram-line,var(--l));fill:context-stroke}
.machine .behind{fill:var(--diagram-canvas,var(--c));fill-opacity:.92}
.machine .current .box{stroke:var(--diagram-accent,var(--a));stroke-width:2.5}
.machine .leaf.current .box{fill:var(--diagram-current,var(--s))}
.machine .current .title{fill:var(--diagram-accent,var(--a))}
`.replace(/\n/g, '');
