/// The page's one style sheet.
enum PageStyle {
  /// As a Content-Security-Policy names it; a test tells the right one.
  static let digest = "sha256-NWHOn+u+k8gTEk+0NNW37dUmQH7WGtbKqUKE6FXnUU8="

  static let text = """

    :root {
      color-scheme: light dark;
      --ground: #f7f7f5; --raised: #ffffff; --line: #dedcd6; --faint: #ebe9e4;
      --ink: #1c1b19; --soft: #5c5953;
      --good: #166534; --busy: #1d4ed8; --warning: #92400e; --bad: #b91c1c;
      --good-ground: #edf7ef; --busy-ground: #eef3fe; --warning-ground: #fdf4e3; --bad-ground: #fdeeee;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --ground: #161615; --raised: #1e1e1c; --line: #383733; --faint: #2a2927;
        --ink: #eceae6; --soft: #a9a59d;
        --good: #6fd08c; --busy: #8fb4ff; --warning: #f0b95b; --bad: #ff8f88;
        --good-ground: #16261b; --busy-ground: #18223a; --warning-ground: #2d2312; --bad-ground: #341b1a;
      }
    }
    * { box-sizing: border-box; }
    html { font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
    body {
      margin: 0; background: var(--ground); color: var(--ink); -webkit-text-size-adjust: 100%;
      font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
    }
    main { max-width: 72rem; margin: 0 auto; padding: 1rem 1.25rem 2rem; }
    h1, h2, p, ul, figure { margin: 0; }
    h1 { font-size: 1.55rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; }
    h2 { font-size: 0.95rem; font-weight: 650; margin-bottom: 0.5rem; }
    h2 span { color: var(--soft); font-weight: 400; }
    section { margin-top: 1.5rem; }
    a { color: inherit; text-underline-offset: 0.15em; }
    a:focus-visible { outline: 2px solid var(--busy); outline-offset: 2px; }
    code { font: 0.92em ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--faint);
      padding: 0.05em 0.3em; border-radius: 3px; }
    .good { color: var(--good); } .busy { color: var(--busy); }
    .warning { color: var(--warning); } .bad { color: var(--bad); }

    header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; color: var(--soft); }
    header b { color: var(--ink); font-weight: 650; margin-right: 0.4em; }

    #silence {
      position: sticky; top: 0; z-index: 1; margin: 0; padding: 0.6rem 1.25rem; text-align: center;
      background: var(--bad-ground); color: var(--bad); border-bottom: 1px solid; font-weight: 600;
    }
    [data-level="silent"] main { opacity: 0.55; }

    .verdict { margin-top: 0.6rem; padding: 1rem 1.2rem; border-radius: 8px; border-left: 6px solid; }
    .verdict p { margin-top: 0.3rem; color: var(--ink); max-width: 60rem; }
    .verdict.good { background: var(--good-ground); } .verdict.busy { background: var(--busy-ground); }
    .verdict.warning { background: var(--warning-ground); } .verdict.bad { background: var(--bad-ground); }

    .problems ul, .notes ul { padding-left: 1.2rem; max-width: 60rem; }
    .problems li::marker { color: var(--warning); }
    li + li { margin-top: 0.35rem; }
    .notes { color: var(--soft); }
    .notes h2 { color: var(--ink); }

    .facts {
      display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1px; overflow: hidden;
      background: var(--line); border: 1px solid var(--line); border-radius: 8px;
    }
    .facts > div { background: var(--raised); padding: 0.8rem 1rem; }
    .facts h2 { margin: 0; color: var(--soft); font-size: 0.85rem; font-weight: 500; }
    .facts p { color: var(--soft); font-size: 0.87rem; }
    .facts p.state { font-size: 1.1rem; margin-bottom: 0.2rem; }

    .state { font-weight: 600; white-space: nowrap; }
    .state::before { content: ""; display: inline-block; width: 0.5em; height: 0.5em; margin-right: 0.45em;
      border-radius: 50%; background: currentColor; vertical-align: 0.1em; }
    .facts p.state.good, td .state.good { color: var(--good); }
    td .state.good, td .state.plain { font-weight: 400; }
    .facts p.state.busy { color: var(--busy); } .facts p.state.warning { color: var(--warning); }
    .facts p.state.bad { color: var(--bad); } .state.plain { color: var(--soft); }

    .plot { display: flex; }
    .axis { flex: none; }
    .axis text { fill: var(--soft); font-size: 11.5px; }
    .chart { flex: 1; min-width: 0; height: 150px; background: var(--raised); border: 1px solid var(--line); border-radius: 4px; }
    .chart * { vector-effect: non-scaling-stroke; }
    .grid { stroke: var(--faint); }
    .limit { stroke: var(--bad); stroke-dasharray: 5 4; opacity: 0.7; }
    .pause { fill: var(--bad); opacity: 0.14; }
    .lag { fill: none; stroke: var(--busy); stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
    .hours { display: flex; justify-content: space-between; margin-left: 52px; color: var(--soft); font-size: 0.78rem; }
    figcaption, .legend, .none { color: var(--soft); font-size: 0.87rem; margin-top: 0.4rem; }
    .none { margin: 0; }

    table { width: 100%; border-collapse: collapse; }
    thead th { color: var(--soft); font-weight: 500; font-size: 0.85rem; border-bottom: 1px solid var(--line); }
    th, td { padding: 0.32rem 0 0.32rem 0.9rem; text-align: right; vertical-align: top; white-space: nowrap; }
    th:first-child { padding-left: 0; white-space: normal; }
    th:first-child, th:nth-child(2), td.feed { text-align: left; }
    tbody th { font-weight: 500; }
    tbody tr + tr > * { border-top: 1px solid var(--faint); }
    td.zero { color: var(--soft); }
    td.warning { font-weight: 650; }
    tbody small { display: block; font-size: 0.85rem; font-weight: 400; max-width: 34rem; }
    .label { display: none; }
    footer { margin-top: 2rem; padding-top: 0.8rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.87rem; }

    @media (max-width: 62rem) { .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
    @media (max-width: 52rem) {
      main { padding: 0.75rem 0.9rem 1.5rem; }
      h1 { font-size: 1.3rem; }
      thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
      table, tbody { display: block; }
      tbody tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0 0.8rem; padding: 0.55rem 0; }
      tbody tr + tr { border-top: 1px solid var(--line); }
      tbody tr > *, tbody tr + tr > * { display: block; padding: 0; border: 0; text-align: left; }
      tbody th { grid-column: 1 / 3; font-weight: 600; }
      td.feed { justify-self: end; }
      td.zero { display: none; }
      .label { display: block; color: var(--soft); font-size: 0.78rem; font-weight: 400; line-height: 1.2; margin-top: 0.25rem; }
    }
    @media (max-width: 28rem) { .facts > div { padding: 0.65rem 0.75rem; } }
    @media (prefers-reduced-motion: no-preference) { main { transition: opacity 0.2s; } }

    """
}
