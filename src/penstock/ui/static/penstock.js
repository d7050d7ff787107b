// The dashboard's own script: times in the reader's zone, keys, copying, confirmation, and what comes live.
(() => {
  "use strict";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const format = (words) => new Intl.DateTimeFormat(undefined, { ...words, hourCycle: "h23" });
  const exact = format({ dateStyle: "medium", timeStyle: "medium" });
  const clock = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const brief = format({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const minute = format({ hour: "2-digit", minute: "2-digit" });
  const day = format({ month: "short", day: "numeric" });

  function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      if (isNaN(moment)) continue;
      if ("exact" in time.dataset) time.textContent = exact.format(moment);
      if ("clock" in time.dataset) time.textContent = clock.format(moment);
      if ("brief" in time.dataset) time.textContent = (time.dataset.brief ? minute : brief).format(moment);
      if ("day" in time.dataset && moment.toDateString() !== new Date().toDateString()) time.prepend(`${day.format(moment)}, `);
      time.title = `${exact.format(moment)} ${zone}\n${time.dateTime}`;
    }
  }

  // What is counted from now goes on while the page is open, by the server's clock. What is read aloud is left alone.
  const ahead = Date.now() - Date.parse(document.getElementById("main").dataset.now);
  const spans = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  function inWords(seconds, short) {
    const whole = Math.round(seconds);
    const at = spans.findIndex(([size]) => whole >= size || size === 1);
    const [size, unit] = spans[at];
    const [below, name] = spans[at + 1] ?? [1, ""];
    const rest = Math.floor((whole % size) / below);
    return `${Math.floor(whole / size)} ${unit}${short || !rest ? "" : ` ${rest} ${name}`}`;
  }
  function since(text) {
    return (Date.now() - ahead - Date.parse(text)) / 1000;
  }
  setInterval(() => {
    for (const one of document.querySelectorAll("[data-ticks]")) one.textContent = inWords(since(one.dataset.ticks));
  }, 1000);
  setInterval(() => {
    for (const one of document.querySelectorAll("time[data-ago]")) {
      const away = since(one.dateTime);
      const words = away < 0 ? `in ${inWords(-away, true)}` : `${inWords(away, true)} ago`;
      if (!one.closest("[aria-live]")) one.textContent = Math.abs(away) < 5 ? "now" : words;
    }
  }, 10_000);

  // Moments inside of words: what a bar says, why a run waits.
  const written = /(\d{4}-\d\d-\d\d) (\d\d:\d\d(:\d\d)?) UTC/g;
  function localiseWords(root) {
    for (const one of root.querySelectorAll("svg title, [data-moments]")) {
      const words = one.textContent.replace(written, (_, date, at) => brief.format(new Date(`${date}T${at}Z`)));
      if (words !== one.textContent) one.textContent = words;
    }
  }

  // Keys: "/" searches, "g" and a letter goes somewhere, "?" helps.
  let going = 0;
  const help = document.getElementById("help");
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    const opened = event.target.closest("details.save[open]");
    if (event.key === "Escape" && opened) {
      opened.open = false;
      opened.querySelector("summary").focus();
    } else if (event.key === "Escape" && typing) typing.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.getElementById("find")) {
      event.preventDefault();
      document.getElementById("find").focus();
    } else if (event.key === "?" && help) {
      help.showModal();
    } else if (event.key === "g") {
      going = Date.now();
      return;
    } else if (Date.now() - going < 1500 && /^[a-z]$/.test(event.key)) {
      document.querySelector(`[data-go="${event.key}"]`)?.click();
    }
    going = 0;
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("help" in button.dataset) help.showModal();
    if ("follow" in button.dataset) setFollow(button.getAttribute("aria-pressed") !== "true");
    if ("fresh" in button.dataset) setFollow(true);
    if ("themeSwitch" in button.dataset) {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
      document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
      localStorage.setItem("penstock-theme", document.documentElement.dataset.theme);
    }
    if ("copy" in button.dataset) {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
      } catch {
        const area = Object.assign(document.createElement("textarea"), { value: button.dataset.copy });
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      button.classList.add("done");
      button.setAttribute("aria-label", "Copied");
      setTimeout(() => button.classList.remove("done"), 1500);
    }
  });

  document.addEventListener("submit", (event) => {
    const words = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (words && !confirm(words)) event.preventDefault();
  });

  // Choosing rows: one box for all, and the bar of actions says how many.
  function count() {
    const bar = document.getElementById("bulk");
    if (!bar) return;
    const chosen = document.querySelectorAll('input[name="id"]:checked').length;
    bar.classList.toggle("on", chosen > 0);
    bar.querySelector("[data-count]").textContent = chosen === 1 ? "1 run chosen" : `${chosen} runs chosen`;
  }
  document.addEventListener("change", (event) => {
    if ("all" in event.target.dataset)
      for (const box of document.querySelectorAll('input[name="id"]')) box.checked = event.target.checked;
    if ("submits" in event.target.dataset) event.target.form.requestSubmit();
    count();
  });

  // Live: a stream of hints; the page's regions are then fetched anew. One that is being used is let be.
  const live = document.querySelector("[data-live]");
  const busy = () => document.querySelector('input[name="id"]:checked, dialog[open]') || document.hidden;
  function refresh() {
    const away = live.dataset.new && !document.hidden && (busy() || live.dataset.past || scrollY > 500);
    if (away) htmx.ajax("GET", live.dataset.new, { target: "#new", select: "#new", swap: "outerHTML" });
    else if (!busy()) htmx.trigger(live, "changed");
  }
  let hints = null;
  function listen() {
    if (!live?.dataset.live) return;
    hints = new EventSource(live.dataset.live);
    hints.addEventListener("changed", refresh);
  }

  // What runs grows without any event: its page looks again now and then, as long as it says so.
  setInterval(() => {
    if (live?.dataset.live && document.querySelector("[data-poll]")) refresh();
  }, 10_000);

  // Logs that come while one looks: appended, with the end kept in view while "Follow" is on. Who scrolls up, leaves
  // it; who comes back to the end, takes it up again.
  let lines = null;
  let followed = null;
  const follows = () => document.querySelector("[data-follow]")?.getAttribute("aria-pressed") === "true";
  function setFollow(on) {
    document.querySelector("[data-follow]")?.setAttribute("aria-pressed", on);
    const fresh = document.querySelector("[data-fresh]");
    if (on && fresh) fresh.hidden = true;
    if (on && followed) followed.scrollTop = followed.scrollHeight;
  }
  function follow(again) {
    const box = document.querySelector("[data-lines]");
    if (box === followed && !again) return;
    if (lines) lines.close();
    followed = box;
    if (!box || !box.dataset.lines) return;
    const named = location.hash.startsWith("#l");
    if (named) setFollow(false);
    else if (follows()) box.scrollTop = box.scrollHeight;
    box.addEventListener("scroll", () => {
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      if (atEnd !== follows()) setFollow(atEnd);
    });
    lines = new EventSource(box.dataset.lines);
    lines.addEventListener("lines", (event) => append(box, event.data));
    lines.addEventListener("end", () => lines.close());
  }
  function append(box, markup) {
    const on = follows();
    const fresh = document.createRange().createContextualFragment(markup);
    for (const line of [...fresh.children]) if (document.getElementById(line.id)) line.remove();
    if (!fresh.children.length) return;
    box.querySelector(".empty")?.remove();
    box.append(fresh);
    while (on && box.children.length > 2000) box.firstElementChild.remove();
    localise(box);
    if (on) box.scrollTop = box.scrollHeight;
    else if (document.querySelector("[data-follow]")) document.querySelector("[data-fresh]").hidden = false;
  }

  // A browser has few connections to one server: a page that nobody looks at gives its own back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      hints?.close();
      lines?.close();
    } else {
      listen();
      follow(true);
      if (live) refresh();
    }
  });

  // What is drawn anew takes the focus with it: it goes to the same thing in the new one.
  let used = null;
  const same = (one) => [one.tagName, one.id, one.name, one.value, one.getAttribute("href"), one.getAttribute("aria-label"), one.textContent, one.closest("form")?.getAttribute("action")].join("\n");
  function keep() {
    const one = document.activeElement;
    if (one && one !== document.body && !one.id) used = { one, like: same(one) };
  }
  function giveBack() {
    if (used && !used.one.isConnected && document.activeElement === document.body) {
      const found = [...document.querySelectorAll(used.one.tagName)].find((one) => same(one) === used.like);
      (found || document.getElementById("main")).focus({ preventScroll: true });
    }
    used = null;
  }
  document.addEventListener("htmx:beforeSwap", keep);
  document.addEventListener("htmx:oobBeforeSwap", keep);
  document.addEventListener("htmx:afterSettle", () => {
    localise(document);
    localiseWords(document);
    follow();
    giveBack();
  });
  localise(document);
  localiseWords(document);
  listen();
  follow();
  count();
})();

// A run's graph: what a wheel, a drag, a key or a button asks to see is shown at once, stretched, and then drawn anew
// by the server in the detail that fits. All that is drawn is in hundredths of the width of `.world`.
(() => {
  "use strict";
  const graph = () => document.getElementById("graph");
  const inside = (event) => event.target.closest?.(".graph-plot");
  let view = null;
  let waiting = 0;

  function now(box) {
    if (!view || view.box !== box) view = { box, begin: +box.dataset.begin, end: +box.dataset.end };
    return view;
  }

  function stretch(box) {
    const [first, last] = [+box.dataset.begin, +box.dataset.end];
    const length = view.end - view.begin;
    for (const world of box.querySelectorAll(".world")) {
      world.setAttribute("x", `${((first - view.begin) / length) * 100}%`);
      world.setAttribute("width", `${((last - first) / length) * 100}%`);
    }
    clearTimeout(waiting);
    waiting = setTimeout(() => look(Math.round(view.begin), Math.round(view.end)), 160);
  }

  function look(begin, end) {
    const box = graph();
    if (!box?.dataset.look) return;
    remember({ begin, end });
    const words = new URLSearchParams(begin === "" ? {} : { begin, end });
    htmx.ajax("GET", `${box.dataset.look}?${words}`, { target: "#graph", swap: "outerHTML", select: "#graph" });
  }

  function remember(words) {
    const address = new URL(location.href);
    for (const [name, value] of Object.entries(words))
      value === "" ? address.searchParams.delete(name) : address.searchParams.set(name, value);
    history.replaceState(history.state, "", address);
  }

  function zoom(box, factor, share = 0.5) {
    const { begin, end } = now(box);
    const length = Math.max((end - begin) * factor, 2000);
    view.begin = begin + (end - begin) * share - length * share;
    view.end = view.begin + length;
    stretch(box);
  }

  function move(box, share) {
    const { begin, end } = now(box);
    view.begin = begin + (end - begin) * share;
    view.end = end + (end - begin) * share;
    stretch(box);
  }

  document.addEventListener("wheel", (event) => {
    const plot = inside(event);
    const used = event.ctrlKey || event.metaKey || plot?.closest(".graph-body").matches(":focus-within");
    if (!plot || (!used && !event.shiftKey && !event.deltaX)) return;
    event.preventDefault();
    const edges = plot.getBoundingClientRect();
    const along = event.shiftKey ? event.deltaY || event.deltaX : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
    if (along) move(graph(), along / edges.width);
    else zoom(graph(), Math.exp(event.deltaY * 0.002), (event.clientX - edges.left) / edges.width);
  }, { passive: false });

  let held = null;
  let dragged = false;
  document.addEventListener("pointerdown", (event) => {
    const plot = inside(event);
    dragged = false;
    if (plot && event.button === 0) held = { plot, x: event.clientX };
  });
  document.addEventListener("pointermove", (event) => {
    if (!held || (!dragged && Math.abs(event.clientX - held.x) < 4)) return;
    dragged = true;
    held.plot.classList.add("held");
    move(graph(), (held.x - event.clientX) / held.plot.clientWidth);
    held.x = event.clientX;
  });
  document.addEventListener("pointerup", () => {
    held?.plot.classList.remove("held");
    held = null;
  });
  document.addEventListener("dragstart", (event) => inside(event) && event.preventDefault());

  const keys = { "+": "in", "=": "in", "-": "out", ArrowLeft: "earlier", ArrowRight: "later", 0: "whole" };
  document.addEventListener("keydown", (event) => {
    if (!event.target.closest?.(".graph-body") || event.ctrlKey || event.metaKey || event.altKey) return;
    const turn = keys[event.key];
    if (!turn) return;
    event.preventDefault();
    graph().querySelector(`[data-turn="${turn}"]`)?.click();
  });

  function choose(id) {
    for (const one of document.querySelectorAll("#graph [data-task]")) one.classList.toggle("chosen", one.dataset.task === id);
    for (const one of document.querySelectorAll("#graph .link"))
      one.classList.toggle("on", one.dataset.before === id || one.dataset.after === id);
  }

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("#graph");
    if (!box || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (dragged) return event.preventDefault();
    const slot = event.target.closest(".slice[data-begin]");
    const task = event.target.closest("[data-task]");
    if (slot) {
      event.preventDefault();
      look(slot.dataset.begin, slot.dataset.end);
    } else if (task && document.getElementById("chosen")) {
      event.preventDefault();
      const id = task.dataset.task;
      choose(id);
      remember({ task: id });
      const where = box.dataset.look.replace(/graph$/, `tasks/${id}`);
      htmx.ajax("GET", where, { target: "#chosen", swap: "innerHTML", select: "#chosen > *" });
    }
  });

  // What is drawn anew keeps the place that one had scrolled to, the chosen task, and the address of what is seen.
  let scrolled = 0;
  let focused = false;
  document.addEventListener("htmx:beforeSwap", () => {
    const body = document.getElementById("graph-body");
    if (!body) return;
    scrolled = body.scrollTop;
    focused = document.activeElement === body;
  });
  document.addEventListener("htmx:afterSettle", () => {
    const body = document.getElementById("graph-body");
    view = null;
    if (!body) return;
    body.scrollTop = scrolled;
    if (focused) body.focus({ preventScroll: true });
    choose(new URL(location.href).searchParams.get("task"));
  });
  document.addEventListener("htmx:configRequest", (event) => {
    const from = event.detail.elt;
    if (from.matches("[data-here]")) event.detail.path = location.pathname + location.search;
    if (from.matches("[data-turn]")) {
      const asked = new URL(event.detail.path, location.href).searchParams;
      remember({ begin: asked.get("begin") ?? "", end: asked.get("end") ?? "" });
    }
  });
  document.querySelector("[data-here]")?.addEventListener("changed", () => {
    const box = graph();
    if (box?.dataset.later && !held) look(box.dataset.whole ? "" : +box.dataset.begin, box.dataset.whole ? "" : +box.dataset.end);
  });
  choose(new URL(location.href).searchParams.get("task"));

  // A list of runs by keys: "j" and "k" go down and up, "x" chooses.
  document.addEventListener("keydown", (event) => {
    if (event.target.closest?.("input:not([type=checkbox]), textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = [...document.querySelectorAll(".of-runs tbody tr")];
    if (!rows.length || !"jkx".includes(event.key)) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    if (event.key === "x") rows[at]?.querySelector("input[name=id]")?.click();
    else rows[Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), rows.length - 1)].querySelector(".main a")?.focus();
  });
})();

// A chart is one stop of the Tab key: arrows turn to its next bar, and what the bar says stands beside the chart.
(() => {
  "use strict";
  const tip = (one) => one.closest("section")?.querySelector("[data-tip]");
  document.addEventListener("keydown", (event) => {
    const at = event.target.closest?.("[data-turns] a");
    if (!at || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = [...at.closest("[data-turns]").querySelectorAll("a")];
    const here = all.indexOf(at);
    const to = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[Math.min(Math.max(to, 0), all.length - 1)];
    for (const one of all) one.setAttribute("tabindex", one === next ? 0 : -1);
    next.focus();
  });
  for (const [kind, shows] of [["focusin", true], ["focusout", false], ["pointerover", true], ["pointerout", false]])
    document.addEventListener(kind, (event) => {
      const bar = event.target.closest?.("[data-turns] a");
      const place = bar && tip(bar);
      if (!place) return;
      place.dataset.tip ||= place.textContent;
      place.textContent = shows ? bar.querySelector("title").textContent : place.dataset.tip;
    });
})();

// Forms with a time: the zone is the reader's own, where the page leaves it open.
(() => {
  "use strict";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  for (const place of document.querySelectorAll("[data-own-zone]")) {
    if ("value" in place) place.value = zone;
    else place.textContent = zone;
  }
})();
