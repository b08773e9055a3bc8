/// A page that is complete in itself: no script, no reference to anything outside; a policy in it forbids both.
struct Page {
  let title: String
  let body: HTML

  var html: HTML {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="generator" content="esvit">
    <title>\(title)</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <main>
    \(body)
    </main>
    <footer>Made by esvit. For research; not a medical device.</footer>
    </body>
    </html>

    """
  }

  private static let style: HTML = """

    :root { color-scheme: light dark; --ground: #fbfaf8; --card: #fff; --ink: #1d1b20; --soft: #635f68; --line: #dedae2;
      --accent: #7a2f6b; --good: #1d6b43; --bad: #a3341f; --shade: 122 47 107; }
    @media (prefers-color-scheme: dark) {
      :root { --ground: #151317; --card: #201d23; --ink: #ece8ef; --soft: #aaa3b0; --line: #3a353f; --accent: #e09ad0;
        --good: #7fd0a4; --bad: #f0957f; --shade: 224 154 208; }
    }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 76rem; padding: 1.25rem; background: var(--ground); color: var(--ink);
      font: 1rem/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
    h1 { margin: 0; font-size: 1.6rem; line-height: 1.2; }
    h2 { margin: 0; font-size: 1.1rem; line-height: 1.3; overflow-wrap: anywhere; }
    p { margin: .3rem 0 0; color: var(--soft); }
    section { margin-top: 2rem; border-top: 1px solid var(--line); padding-top: 1.5rem; }
    .title + .query { margin-top: 0; border-top: 0; padding-top: 1rem; }
    .query { display: grid; grid-template-columns: 13rem 1fr; gap: 1.5rem; align-items: start; }
    .query > .asked { position: sticky; top: 1rem; }
    ol.neighbours { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem;
      grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); }
    .tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
    .asked .tile { border: 2px solid var(--accent); }
    .tile img, .tile .blank { display: block; width: 100%; aspect-ratio: 1; object-fit: contain;
      background: rgb(var(--shade) / 8%); }
    .tile .blank { display: grid; place-items: center; padding: 1rem; text-align: center; color: var(--soft);
      font-size: .8rem; }
    .text { padding: .6rem .7rem .7rem; font-size: .85rem; }
    .rank { display: flex; justify-content: space-between; align-items: baseline; gap: .5rem; }
    .rank b { font-size: 1.05rem; font-variant-numeric: tabular-nums; }
    .rank span { color: var(--soft); }
    .bar { height: .25rem; margin: .3rem 0 .45rem; border-radius: 1rem; background: rgb(var(--shade) / 15%); }
    .bar i { display: block; height: 100%; border-radius: inherit; background: var(--accent); }
    .label { font-weight: 600; overflow-wrap: anywhere; }
    .same { color: var(--good); } .other { color: var(--bad); }
    dl { margin: .35rem 0 0; font-size: .8rem; line-height: 1.4; }
    dl > div { display: flex; flex-wrap: wrap; gap: 0 .45rem; margin-top: .1rem; }
    dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
    .scroll { overflow-x: auto; margin-top: .9rem; }
    table { border-collapse: collapse; font-size: .9rem; background: var(--card); }
    th, td { padding: .4rem .75rem; border: 1px solid var(--line); text-align: right; vertical-align: top;
      font-variant-numeric: tabular-nums; }
    th { font-weight: 600; } thead th { vertical-align: bottom; } th[scope=row], .words { text-align: left; }
    td.words { color: var(--soft); min-width: 16rem; }
    td .range { display: block; color: var(--soft); font-size: .8rem; white-space: nowrap; }
    td.right { outline: 2px solid var(--good); outline-offset: -2px; }
    footer { margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft);
      font-size: .8rem; }
    @media (max-width: 44rem) {
      body { padding: .9rem; } td.words { min-width: 9rem; } th, td { padding: .35rem .5rem; }
      .query { grid-template-columns: 1fr; gap: 1rem; }
      .query > .asked { position: static; }
      .asked .tile { display: grid; grid-template-columns: 8.5rem 1fr; }
      ol.neighbours { grid-template-columns: 1fr 1fr; gap: .7rem; }
    }
    @media print {
      :root { --ground: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --accent: #7a2f6b; --good: #1d6b43;
        --bad: #a3341f; --shade: 122 47 107; }
      html { font-size: 11px; }
      body { max-width: none; padding: 0; }
      .query { grid-template-columns: 3.6cm 1fr; gap: .5cm; } .query > .asked { position: static; }
      ol.neighbours { grid-template-columns: repeat(5, 1fr); gap: .25cm; }
      .tile, tr { break-inside: avoid; } h2 { break-after: avoid; }
      .bar i, .tile img, td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    }

    """
}
