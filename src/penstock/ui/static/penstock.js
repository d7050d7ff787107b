// The dashboard's own script: times in the reader's zone, keys, copying, confirmation, and what comes live.
(() => {
  "use strict";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

  function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      if (isNaN(moment)) continue;
      if ("exact" in time.dataset) time.textContent = exact.format(moment);
      if ("clock" in time.dataset) time.textContent = clock.format(moment);
      time.title = `${exact.format(moment)} ${zone}\n${time.dateTime}`;
    }
  }

  // Keys: "/" searches, "g" and a letter goes somewhere, "?" helps.
  let going = 0;
  const help = document.getElementById("help");
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Escape" && typing) typing.blur();
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
    if (!busy()) htmx.trigger(live, "changed");
  }
  let hints = null;
  function listen() {
    if (!live) return;
    hints = new EventSource(live.dataset.live);
    hints.addEventListener("changed", refresh);
  }

  // Logs that come while one looks: appended, with the view kept at the end if it was there.
  let lines = null;
  function follow() {
    const box = document.querySelector("[data-lines]");
    if (lines) lines.close();
    if (!box || !box.dataset.lines) return;
    lines = new EventSource(box.dataset.lines);
    lines.addEventListener("lines", (event) => {
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      const first = document.createRange().createContextualFragment(event.data);
      for (const line of [...first.children]) if (document.getElementById(line.id)) line.remove();
      box.querySelector(".empty")?.remove();
      box.append(first);
      while (box.children.length > 2000) box.firstElementChild.remove();
      localise(box);
      if (atEnd) box.scrollTop = box.scrollHeight;
    });
    lines.addEventListener("end", () => lines.close());
  }

  // A browser has few connections to one server: a page that nobody looks at gives its own back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      hints?.close();
      lines?.close();
    } else {
      listen();
      follow();
      if (live) refresh();
    }
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    localise(document);
    if (event.target.closest?.("#logs") || event.detail.target?.id === "logs") follow();
  });
  localise(document);
  listen();
  follow();
  count();
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
