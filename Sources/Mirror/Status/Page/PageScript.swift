/// What keeps the page fresh. It asks for the page itself, so that there is one place that says things, and changes
/// only what differs, so that a selection or a reader's place is not lost.
enum PageScript {
  /// As a Content-Security-Policy names it; a test tells the right one.
  static let digest = "sha256-1hYlu/XqPSuhyBJ2wVlCEWr1W/89USlHfZxapfHlLfo="

  static let text = #"""

    "use strict";
    (() => {
      const pause = 5000;
      const silence = document.getElementById("silence");
      let last = document.querySelector("time").dateTime;
      let failures = 0;

      /** Makes `old` equal to `fresh`, touching only what differs. */
      const patch = (old, fresh) => {
        if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
          old.replaceWith(fresh);
          return;
        }
        if (old.nodeType === Node.TEXT_NODE) {
          if (old.data !== fresh.data) old.data = fresh.data;
          return;
        }
        for (const { name } of [...old.attributes]) {
          if (!fresh.hasAttribute(name)) old.removeAttribute(name);
        }
        for (const { name, value } of fresh.attributes) {
          if (old.getAttribute(name) !== value) old.setAttribute(name, value);
        }
        const from = [...fresh.childNodes];
        const to = [...old.childNodes];
        from.forEach((node, i) => (i < to.length ? patch(to[i], node) : old.append(node)));
        to.slice(from.length).forEach((node) => node.remove());
      };

      const refresh = async () => {
        try {
          const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(pause) });
          if (!answer.ok) throw new Error(answer.status);
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
          const taken = fresh.querySelector("time").dateTime;
          if (taken === last) throw new Error("nothing new");
          last = taken;
          failures = 0;
          silence.hidden = true;
          document.title = fresh.title;
          document.documentElement.dataset.level = fresh.documentElement.dataset.level;
          patch(document.querySelector("link"), fresh.querySelector("link"));
          patch(document.querySelector("main"), fresh.querySelector("main"));
        } catch {
          failures += 1;
          if (failures > 1) {
            const text = "No answer from supamirror. What stands below is as of " +
              document.querySelector("time").textContent + " and may no longer be true.";
            if (silence.textContent !== text) silence.textContent = text;
            silence.hidden = false;
            document.title = "No answer · Supamirror";
            document.documentElement.dataset.level = "silent";
          }
        }
        setTimeout(refresh, pause);
      };
      setTimeout(refresh, pause);
    })();

    """#
}
